//! What variables, attributes and elements hold.

use std::sync::Arc;

use crate::ir::{Op, Operand, Place, Rvalue, Step};
use crate::models::{Kinds, Threat};
use crate::program::Meaning;
use crate::taint::body::Analyzer;
use crate::taint::entry::is_of_client;
use crate::taint::exceptions::args_key;
use crate::taint::limits::MAX_DEPTH;
use crate::taint::mappings::keys_key;
use crate::taint::origins::Origin;
use crate::taint::secrets::is_hidden;
use crate::taint::slices::bounds_of;
use crate::taint::spellings::one_line;
use crate::taint::state::State;
use crate::taint::summary::{Port, SourceSite};
use crate::taint::value::{Callee, Cond, FuncRef, Key, Konst, Label, Tree, is_row, is_some};
use crate::text::Span;

/// Attributes that tell of the class of a value, and nothing of what it holds.
const IS_OF_CLASS: &[&str] = &["__class__", "__qualname__", "__module__"];

/// Attributes that addresses of `ipaddress` have, and hardly anything else.
const OF_ADDRESSES: &[&str] =
    &["is_global", "is_loopback", "is_link_local", "is_multicast", "is_unspecified", "is_reserved"];

impl Analyzer<'_, '_> {
    pub(super) fn load(&self, state: &State, place: Place, span: Span) -> Arc<Tree> {
        let steps = self.steps(place);
        let (base, at) = self.rooted(state, place.base, &steps, span);
        self.read(state, (place.base, base), &steps[at..], span)
    }

    /// What is at `steps` from `base`.
    pub(super) fn read(
        &self,
        state: &State,
        (root, base): (Operand, Arc<Tree>),
        steps: &[Step],
        span: Span,
    ) -> Arc<Tree> {
        let mut at = base;
        for (index, step) in steps.iter().enumerate() {
            if matches!(step, Step::Attr(name) if IS_OF_CLASS.contains(&self.module.unit.text(*name))) {
                return Arc::default();
            }
            if !self.has_source(&at)
                && let Some(label) = self.request_field(root, steps, index, span)
            {
                at = Arc::new(Tree::labeled(vec![label]));
                continue;
            }
            let mut key = self.key(state, *step);
            if matches!(step, Step::Attr(name) if self.module.unit.text(*name) == "args")
                && at.field(&args_key()).is_some()
            {
                key = args_key();
            }
            if let Step::Attr(name) = step
                && let Some(found) = self.property(state, (root, index), &at, self.module.global(*name), span)
            {
                at = found;
                self.of_socket(self.module.global(*name), &mut at);
                continue;
            }
            if let Some(found) = self.looked_into(state, (root, index), &at, (*step, &key), span) {
                at = found;
                continue;
            }
            let mut next = self.part(&at, &key);
            if key == Key::Any {
                self.apart_by_key(&mut next, (steps, index), span);
            }
            if let Step::Attr(name) = step {
                if at.class.is_none()
                    && index == 0
                    && let Some(class) = self.class_of(root, &at)
                {
                    self.narrow(class, self.module.global(*name), Arc::make_mut(&mut next));
                }
                if index == 0
                    && next.is_plain()
                    && let Operand::Global(class) = root
                    && let Meaning::Class(class) = self.module.meaning(class)
                {
                    let (program, name) = (self.world.program, self.module.global(*name));
                    next = self.world.shapes.pattern_of(program, *class, name).unwrap_or(next);
                }
                self.cleaned((root, index), &at, self.module.global(*name), &mut next);
                self.based(self.module.global(*name), &mut next);
                let is_own = index == 0 && root.local().is_some_and(|local| self.is_self(local));
                if !is_own {
                    self.of_socket(self.module.global(*name), &mut next);
                }
                let own = self
                    .class
                    .filter(|_| index == 0 && root.local().is_some_and(|local| self.is_self(local)));
                let known = at.class.filter(|_| at.field(&key).is_none());
                if let Some(class) = own.or(known) {
                    self.add_cells(&mut next, class, self.module.global(*name));
                }
            }
            self.as_hung(root, &steps[..=index], &mut next);
            at = next;
        }
        at
    }

    /// What the packs say of reading an attribute: `path.name` is no path any more, `path.parts` says as much as the
    /// path.
    pub(super) fn attribute(
        &self,
        state: &State,
        to: crate::ir::LocalId,
        place: Place,
        span: Span,
    ) -> Option<Arc<Tree>> {
        let is_given = self.steps(place).len() == 1 && self.is_as_given(place.base);
        let is_parents = || matches!(self.steps(place)[..], [Step::Attr(name)] if self.module.unit.text(name) == "parents");
        let of_param = || (is_given && is_parents()).then(|| "pathlib.Path().parents".to_owned());
        let path =
            self.attribute_path(to, place).or_else(|| self.asked_of_address(place)).or_else(of_param)?;
        if let Some(cond) = self.address_guard(state, &path, place, span) {
            return Some(cond);
        }
        let (clears, keeps) = self.world.models.attribute(&path);
        if clears == Kinds::NONE && !keeps {
            return None;
        }
        let (before, _) = self.module.unit.paths.split(place.path)?;
        let whole = self.load(state, Place { base: place.base, path: before }, span);
        let mut tree = Tree::labeled(whole.all());
        for label in &mut tree.labels {
            label.kinds = label.kinds.without(clears);
        }
        if path.ends_with(".parents") {
            let mut inside = self.resolved(&tree);
            if is_given {
                let open = tree.labels.iter().filter(|label| label.kinds.has(Kinds::UNRESOLVED));
                inside.extend(open.map(|label| (label.origin, Kinds::BASED)));
            }
            tree.cond = self.cond(Cond::if_equal(inside)).cond.clone();
        }
        Some(Arc::new(tree))
    }

    /// The value path of what is read at `place`, outside of the program; where `to` may hold other values too, by what
    /// it is read from.
    fn attribute_path(&self, to: crate::ir::LocalId, place: Place) -> Option<String> {
        let outside = |local: crate::ir::LocalId| match self.module.meaning(self.body.locals[local].value?) {
            Meaning::Outside(path) => Some(path.to_string()),
            _ => None,
        };
        if self.body.locals[to].value.is_some() {
            return outside(to);
        }
        match (place.base, &self.steps(place)[..]) {
            (Operand::Local(base), [Step::Attr(name)]) => {
                Some(format!("{}.{}", outside(base)?, self.module.unit.text(*name)))
            }
            _ => None,
        }
    }

    /// `address.is_loopback` of a parameter, where names that only `ipaddress` has tell what its callers pass.
    fn asked_of_address(&self, place: Place) -> Option<String> {
        let asked = |of: Place| match self.steps(of)[..] {
            [Step::Attr(name)] if of.base == place.base => Some(self.module.unit.text(name)),
            _ => None,
        };
        let name = asked(place).filter(|name| *name == "is_private" || OF_ADDRESSES.contains(name))?;
        let is_param = place.base.local().is_some_and(|local| self.body.param(local).is_some());
        let mut insts = self.body.blocks.iter().flat_map(|block| &block.insts);
        let is_own = insts.any(|inst| match &inst.op {
            Op::Let(_, Rvalue::Load(of)) => asked(*of).is_some_and(|name| OF_ADDRESSES.contains(&name)),
            _ => false,
        });
        (is_param && is_own).then(|| format!("ipaddress.ip_address().{name}"))
    }

    /// A method or a function that is read as an attribute.
    pub(super) fn bound_method(
        &self,
        state: &State,
        to: crate::ir::LocalId,
        place: Place,
        span: Span,
    ) -> Option<FuncRef> {
        match self.module.meaning(self.body.locals[to].value?) {
            Meaning::Method(func, _) => {
                let (before, _) = self.module.unit.paths.split(place.path)?;
                let receiver = self.load(state, Place { base: place.base, path: before }, span);
                Some(FuncRef { bound: vec![receiver.shallow()], ..FuncRef::new(Callee::Own(*func)) })
            }
            Meaning::Function(func) => Some(FuncRef::new(Callee::Own(*func))),
            Meaning::Outside(path) if self.world.models.has_call(path) => {
                Some(FuncRef::new(Callee::Outside(Arc::from(&**path))))
            }
            _ => None,
        }
    }

    /// The origins in a path that hold no `..` any more, for kind `path`.
    pub(super) fn resolved(&self, tree: &Tree) -> Vec<(u32, Kinds)> {
        let path = Kinds::named("path").unwrap_or_default();
        let resolved = tree.all().into_iter().filter(|label| !label.kinds.has(Kinds::UNRESOLVED));
        resolved.map(|label| (label.origin, path)).collect()
    }

    /// Whether a value is known to come from outside.
    pub(super) fn has_source(&self, tree: &Tree) -> bool {
        let origins = self.origins.borrow();
        let is_source = |label: &Label| matches!(origins[label.origin as usize].port, Port::Source(_));
        tree.labels.iter().any(|label| is_source(label) && !is_hidden(label.kinds))
    }

    /// Whether a value, or a part of it, is known to come from outside.
    pub(super) fn holds_source(&self, tree: &Tree) -> bool {
        self.has_source(tree) || tree.fields.iter().any(|(_, part)| self.holds_source(part))
    }

    /// Whether anybody but who sets the program up may have a hand in a value.
    pub(super) fn is_remote(&self, tree: &Tree) -> bool {
        let origins = self.origins.borrow();
        let is_local = |label: &Label| matches!(&origins[label.origin as usize].port, Port::Source(site) if site.threat == Threat::Local);
        tree.is_tainted() && !tree.all().iter().all(is_local)
    }

    /// One part of a value.
    pub(super) fn part(&self, tree: &Tree, key: &Key) -> Arc<Tree> {
        if let Some(bounds) = bounds_of(key) {
            return Arc::new(self.sliced(tree, bounds));
        }
        if let (Key::Item(Konst::Int(n @ ..0)), Some(length)) = (key, tree.exact_len())
            && n + length >= 0
        {
            if tree.ragged {
                return self.any_part(tree);
            }
            return self.part(tree, &Key::Item(Konst::Int(n + length)));
        }
        let exact = tree.fields.binary_search_by(|(known, _)| known.cmp(key)).ok();
        let vague = |known: &Key| match key {
            Key::Attr(_) => false,
            // From an end that is not known it may be any.
            Key::Item(Konst::Int(..0)) => matches!(known, Key::Any | Key::Item(Konst::Int(_))),
            Key::Item(_) => *known == Key::Any,
            // What was stored under another key that is not known either is hardly ever the same entry.
            Key::Any => !matches!(known, Key::Attr(_)) && !is_some(known),
        };
        let mut found = match exact {
            Some(at) if *key == Key::Any && !tree.labels.is_empty() => {
                let mut found = Tree::clone(&self.told_apart(tree, at));
                tree.labels.iter().filter_map(|label| self.part_label(label, key)).for_each(|label| {
                    found.add(&label);
                });
                Arc::new(found)
            }
            Some(at) => {
                let mut found = self.told_apart(tree, at);
                self.as_typed(tree, key, &mut found);
                found
            }
            None => {
                let labels = tree.labels.iter().filter_map(|label| self.part_label(label, key)).collect();
                // What a model is given takes the place of what its block says.
                let shaped = tree.class.filter(|class| tree.labels.is_empty() || !self.is_model(*class));
                let known = shaped.and_then(|class| self.world.shapes.instance(class));
                let known = known.and_then(|shape| shape.field(key));
                let known = known.map_or_else(Tree::default, |known| Tree::clone(known));
                let mut part = Tree { labels, ..known };
                if let (Some(class), Key::Attr(name), false) = (tree.class, key, part.labels.is_empty()) {
                    self.narrow(class, *name, &mut part);
                }
                Arc::new(part)
            }
        };
        if exact.is_none()
            && let Some(held) = self.in_dict(tree, key)
        {
            if found.is_plain() {
                found = held;
            } else {
                Tree::join_shared(&mut found, &held);
            }
        }
        for (known, part) in &tree.fields {
            if vague(known) && known != key {
                Tree::join_shared(&mut found, &self.one_of_many(part, known, key));
            }
        }
        // Under a key that is not known stands one thing as well as another, unless all are alike.
        let is_any = |(known, _): &(Key, Arc<Tree>)| *known == Key::Any;
        let is_alike = *key == Key::Any && tree.fields.iter().all(is_any);
        if !is_alike && (*key == Key::Any || tree.fields.iter().any(is_any)) {
            found = crate::taint::secrets::without(&found);
        }
        if let (Some(Konst::Str(text)), None) = (&tree.konst, exact) {
            return match key {
                Key::Item(Konst::Int(n)) => letter(text, *n),
                _ => Arc::default(),
            };
        }
        found
    }

    /// What stands under a key that is not known, as it is read under `key`: elements that were all made alike are told
    /// apart by where they stand.
    fn one_of_many(&self, part: &Arc<Tree>, known: &Key, key: &Key) -> Arc<Tree> {
        let is_written = match key {
            Key::Item(Konst::Str(text)) => !text.starts_with('\0'),
            Key::Item(_) => true,
            Key::Attr(_) | Key::Any => false,
        };
        if *known != Key::Any || !is_written || !part.is_tainted() {
            return Arc::clone(part);
        }
        let mut part = Tree::clone(part);
        part.relabel(&|label| self.aspect_of(label, key));
        Arc::new(part)
    }

    /// The label of one of several parts that hold the same.
    pub(super) fn aspect_of(&self, label: &Label, key: &Key) -> Label {
        if label.kinds.is_empty() || is_hidden(label.kinds) {
            return label.clone();
        }
        Label { origin: self.aspect(label.origin, key), kinds: label.kinds, via: label.via.clone() }
    }

    /// The part at `at`. What is shown of it must tell nothing of other parts that hold the same: of what was cut into
    /// two, one may be checked without the other.
    fn told_apart(&self, tree: &Tree, at: usize) -> Arc<Tree> {
        let (key, part) = &tree.fields[at];
        let is_shared = |label: &Label| {
            let mut others = tree.fields.iter().filter(|(other, _)| other != key);
            tree.labels.iter().any(|known| known.origin == label.origin)
                || others.any(|(_, other)| other.holds(label.origin))
        };
        let mut found = Arc::clone(part);
        if part.labels.iter().any(is_shared) {
            for label in Arc::make_mut(&mut found).labels.iter_mut().filter(|label| is_shared(label)) {
                label.origin = self.aspect(label.origin, key);
            }
        }
        found
    }

    /// An origin with the same port that checks of `id` cover, and whose checks do not cover `id`.
    pub(super) fn aspect(&self, id: u32, key: &Key) -> u32 {
        let origin = self.origins.borrow()[id as usize].clone();
        let part = origin.deeper(key);
        let aspect = self.origin(Origin { part, ..origin });
        self.note_part(aspect, id);
        aspect
    }

    /// As [`Analyzer::deeper`]; what only tells of a parameter tells of its entries too, and of nothing below.
    fn part_label(&self, label: &Label, key: &Key) -> Option<Label> {
        if label.kinds.is_empty() {
            let is_whole = matches!(&self.origins.borrow()[label.origin as usize].port, Port::Param(_, path) if path.is_empty());
            if !is_whole || !matches!(key, Key::Item(_)) {
                return None;
            }
        }
        if let Key::Item(Konst::Str(name)) = key
            && self.is_environment(label.origin)
            && !is_of_client(name)
            && !name.starts_with('\0')
        {
            return None;
        }
        let part = self.deeper(label, key);
        // A header in the environment of a request.
        let is_header = matches!(key, Key::Item(Konst::Str(name)) if name.starts_with("HTTP_"));
        Some(if is_header { Label { kinds: part.kinds.without(one_line()), ..part } } else { part })
    }

    /// Whether an origin is the environment of a request as WSGI hands it over, in which much is the server's or the
    /// program's own. Source: PEP 3333.
    fn is_environment(&self, origin: u32) -> bool {
        let origins = self.origins.borrow();
        let origin = &origins[origin as usize];
        let is_it = |site: &SourceSite| {
            site.threat == Threat::Remote && matches!(&*site.text, "environ" | "env" | "environment")
        };
        origin.part.is_empty() && matches!(&origin.port, Port::Source(site) if is_it(site))
    }

    /// The label of a part of what a label is of.
    pub(super) fn deeper(&self, label: &Label, key: &Key) -> Label {
        if is_hidden(label.kinds) {
            return self.hidden_part(label, key);
        }
        let at = (label.origin, key.clone());
        let known = self.parts.borrow().get(&at).copied();
        let origin = known.unwrap_or_else(|| {
            let origin = self.deeper_origin(label.origin, key);
            self.parts.borrow_mut().insert(at, origin);
            origin
        });
        Label { origin, kinds: label.kinds, via: label.via.clone() }
    }

    fn deeper_origin(&self, id: u32, key: &Key) -> u32 {
        let origin = self.origins.borrow()[id as usize].clone();
        let longer = |path: &[Key]| {
            let is_open = path.len() < MAX_DEPTH - 1 && path.last() != Some(&keys_key());
            is_open.then(|| [path, std::slice::from_ref(key)].concat())
        };
        let deeper = match &origin.port {
            Port::Param(index, path) => longer(path).map(|path| Port::Param(*index, path)),
            Port::Outer(name, path) => longer(path).map(|path| Port::Outer(*name, path)),
            Port::Source(_) => None,
        };
        let Some(port) = deeper else { return self.aspect(id, key) };
        let deeper = self.origin(Origin { decoded: origin.decoded, ..Origin::of(port) });
        self.note_part(deeper, id);
        deeper
    }

    /// An element of what is iterated: of a mapping its keys, which are constants where they are told apart.
    pub(super) fn element(&self, tree: &Tree) -> Arc<Tree> {
        let is_mapping = tree.fields.iter().any(|(key, _)| matches!(key, Key::Item(Konst::Str(_))))
            && !tree.fields.iter().any(|(key, _)| is_row(key));
        if is_mapping {
            return Arc::new(Tree::labeled(
                tree.labels.iter().map(|label| self.deeper(label, &Key::Any)).collect(),
            ));
        }
        self.any_part(tree)
    }

    /// An element or value, whichever.
    pub(super) fn any_part(&self, tree: &Tree) -> Arc<Tree> {
        let mut found =
            Tree::labeled(tree.labels.iter().map(|label| self.deeper(label, &Key::Any)).collect());
        let mut first = true;
        for (known, part) in &tree.fields {
            if !matches!(known, Key::Attr(_)) {
                if first && found.labels.is_empty() {
                    found = Tree::clone(part);
                } else {
                    found.join(part);
                }
                first = false;
                // The keys of a mapping are constants here.
            }
        }
        if tree.fields.len() > 1 {
            found.konst = None;
        }
        Arc::new(found)
    }

    /// Whether a local is the instance that a method is called on.
    pub(super) fn is_self(&self, local: crate::ir::LocalId) -> bool {
        self.class.is_some() && self.body.params.first().is_some_and(|first| first.local == local)
    }
}

/// One character of a constant text.
fn letter(text: &str, index: i64) -> Arc<Tree> {
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let index = if index < 0 { index + length } else { index };
    let found = usize::try_from(index).ok().and_then(|index| text.chars().nth(index));
    found.map_or_else(Arc::default, |c| Arc::new(Tree::konst(Konst::Str(c.to_string().into()))))
}
