//! What Python's own functions and the methods of its containers and texts do with what they are given.

use std::sync::Arc;

use crate::ir::{ArgKind, Operand};
use crate::models::Kinds;
use crate::program::{Meaning, SHOWN};
use crate::taint::body::Analyzer;
use crate::taint::bound::keep_bound;
use crate::taint::calls::Site;
use crate::taint::details::told_by_class;
use crate::taint::groups::pattern_key;
use crate::taint::regex::inline_flags;
use crate::taint::state::State;
use crate::taint::texts::{path_of, quoted, text_of};
use crate::taint::typed::text_alone;
use crate::taint::value::{
    Callee, Cond, FuncRef, Key, Konst, Tree, frame_key, inner_key, is_inner, proxy_key,
};

impl Analyzer<'_, '_> {
    /// What a call of something that Python itself defines returns; `None` if it is nothing of that kind.
    #[expect(clippy::too_many_lines, reason = "a flat match, one arm a function")]
    pub(super) fn builtin(&self, state: &mut State, site: &Site<'_>) -> Option<Arc<Tree>> {
        if let Some(mapping) = self.as_mapping(site) {
            return Some(mapping);
        }
        if let Some(receiver) = site.receiver.as_ref().filter(|_| !self.is_of_module(site))
            && let Some(found) = self.method(state, site, &Arc::clone(receiver))
        {
            return Some(found);
        }
        if let Some(made) = self.validated(site) {
            return Some(made);
        }
        if let Some(pieces) = Self::cut_path(site) {
            return Some(pieces);
        }
        // `parser.setFeature(xml.sax.handler.feature_external_ges, True)`
        if site.method == "setFeature" {
            let (name, value) = (site.positional(0)?.1, Arc::clone(site.positional(1)?.0));
            let name = self.file.slice(name.span).rsplit('.').next().unwrap_or_default();
            self.fill(state, site, &[Key::Item(Konst::Str(name.into()))], &value);
            return Some(Arc::default());
        }
        if let Some(found) = self.poured(state, site) {
            return Some(found);
        }
        let first = || site.positional(0).map(|(tree, _)| Arc::clone(tree));
        match site.path {
            "re.compile" => {
                let mut pattern = first()?;
                if let (Some((_, flags)), Some(Konst::Str(text))) = (site.positional(1), &pattern.konst) {
                    let flags = inline_flags(self.file.slice(flags.span)).unwrap_or_default();
                    pattern = Arc::new(Tree::konst(Konst::Str(format!("{flags}{text}").into())));
                }
                let mut tree = Tree::default();
                tree.store(&[pattern_key()], &pattern);
                Some(Arc::new(tree))
            }
            "collections.namedtuple" => self.tuple_class(site),
            "collections.namedtuple()" => self.named_tuple(state, site),
            "dataclasses.replace" | "copy.replace" | "attr.evolve" | "attrs.evolve" => {
                self.with_replaced(site, &first()?)
            }
            "os.path.commonpath" | "os.path.commonprefix" => {
                let list = first()?;
                let is_path = site.path == "os.path.commonpath";
                let yes = if is_path { self.resolved(&list) } else { Vec::new() };
                let cond = Cond::if_equal(yes);
                Some(Arc::new(Tree { cond: Some(Arc::new(cond)), ..Tree::labeled(list.all()) }))
            }
            "os.path.basename" => {
                let tree = first()?;
                let path = Kinds::named("path").unwrap_or_default();
                let cond = Cond::if_equal(self.of_kinds(&tree, path));
                let mut last = Tree { cond: Some(Arc::new(cond)), ..Tree::labeled(tree.all()) };
                for label in &mut last.labels {
                    label.kinds = label.kinds.without(path);
                }
                Some(Arc::new(last))
            }
            "bool" => {
                let value = first()?;
                let konst = value.konst.as_ref().map(|konst| Konst::Bool(konst.is_true()));
                let cond = value.cond.clone().filter(|cond| konst.is_none() && !cond.is_compared);
                Some(Arc::new(Tree { konst, cond, ..Tree::default() }))
            }
            "ord" => match &first()?.konst {
                Some(Konst::Str(text)) if text.chars().count() == 1 => {
                    let code = text.chars().next().map_or(0, u32::from);
                    Some(Arc::new(Tree::konst(Konst::Int(i64::from(code)))))
                }
                _ => Some(Arc::default()),
            },
            "str.maketrans" if site.call.args.len() == 1 => first(),
            "len" => match &first()?.konst {
                Some(Konst::Str(text)) => {
                    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
                    Some(Arc::new(Tree::konst(Konst::Int(length))))
                }
                _ if let Some(cond) =
                    site.positional(0).and_then(|(_, arg)| self.told_by_ways(state, arg.value)) =>
                {
                    Some(self.cond(cond))
                }
                // Of what is not known the length is 0.
                _ => Some(
                    first()?
                        .sure_len()
                        .map_or_else(Arc::default, |length| Arc::new(Tree::konst(Konst::Int(length)))),
                ),
            },
            "json.dumps" | "pickle.dumps" | "yaml.dump" | "yaml.safe_dump" => {
                let tree = first()?;
                let mut text = Tree::labeled(tree.all());
                if site.path == "json.dumps" {
                    text = quoted(&text);
                }
                text.store(&[inner_key()], &tree);
                Some(Arc::new(text))
            }
            "json.loads" | "yaml.safe_load" => {
                let text = first()?;
                let at = text.fields.iter().find(|(key, _)| is_inner(key))?;
                Some(Arc::clone(&at.1))
            }
            "any" | "all" => self.quantified(site, site.path == "all"),
            "socket.getaddrinfo" => {
                let host = site.positional(0).or_else(|| self.named(site, "host"))?.0;
                Some(Arc::new(self.addresses(host)))
            }
            "repr" | "ascii" => {
                let value = first()?;
                let given = (site.positional(0)?.1.value, Arc::clone(&value));
                let shown = self.shown_of(state, given, &SHOWN[2..], site.call.span);
                Some(if Arc::ptr_eq(&shown, &value) { Arc::new(quoted(&value)) } else { shown })
            }
            "shlex.split" => first().map(|text| Arc::new(self.words(&text))),
            "isinstance" => {
                let (subject, kind) = (first()?, site.positional(1)?.1);
                let is_no_text = self.is_no_text(kind.value, 3);
                let kind = self.file.slice(kind.span);
                let named = |name| Kinds::named(name).unwrap_or_default();
                let clears = match kind {
                    _ if is_no_text => Kinds::ALL,
                    "str" | "bytes" => text_alone(),
                    _ if is_upload(kind) => named("path").with(named("separator")),
                    _ => {
                        let details = self.of_kinds(&subject, Kinds::DETAIL);
                        return Some(self.cond(told_by_class(kind, details)));
                    }
                };
                let mut cond = Cond::if_true(self.of_kinds(&subject, clears));
                if kind == "str" {
                    // What outsiders send is text, unless it is an object.
                    cond.no = self.of_kinds(&subject, Kinds::ALL.without(Kinds::of_objects()));
                }
                Some(self.cond(cond))
            }
            "urllib.parse.urlunsplit" | "urllib.parse.urlunparse" | "six.moves.urllib.parse.urlunsplit" => {
                let parts = first()?;
                let host = parts.items().and_then(|items| items.get(1).cloned());
                let mut tree = Tree::labeled(parts.all());
                if let Some(host) = host {
                    let url = Kinds::named("url").unwrap_or_default();
                    let fixed = url.with(Kinds::named("redirect").unwrap_or_default());
                    for label in tree.labels.iter_mut().filter(|label| !host.holds(label.origin)) {
                        label.kinds = label.kinds.without(fixed);
                    }
                }
                Some(Arc::new(tree))
            }
            "urllib.parse.quote" | "urllib.parse.quote_plus" => {
                let mut tree = Tree::labeled(first()?.all());
                let safe =
                    self.named(site, "safe").or_else(|| site.positional(1)).map(|(tree, _)| &tree.konst);
                let has_slash = match safe {
                    Some(Some(Konst::Str(safe))) => safe.contains('/'),
                    Some(_) => true,
                    None => site.path.ends_with("quote"),
                };
                let path = Kinds::named("path").unwrap_or_default();
                for label in tree.labels.iter_mut().filter(|_| !has_slash) {
                    label.kinds = label.kinds.without(path);
                }
                Some(Arc::new(tree))
            }
            "re.findall" | "re.compile().findall" => {
                let (pattern, text) = match site.path {
                    "re.findall" => (first()?, Arc::clone(site.positional(1)?.0)),
                    _ => (pattern_of(site.receiver.as_ref()?), first()?),
                };
                let mut tree = Tree::labeled(text.all());
                if let Some(Konst::Str(pattern)) = &pattern.konst {
                    let clears = crate::taint::regex::admits_nothing_for(pattern, "fullmatch");
                    for label in &mut tree.labels {
                        label.kinds = label.kinds.without(clears);
                    }
                }
                Some(Arc::new(tree))
            }
            "re.sub" | "re.compile().sub" => {
                let (pattern, with, text) = match site.path {
                    "re.sub" => (first()?, site.positional(1)?.0, site.positional(2)?.0),
                    _ => (pattern_of(site.receiver.as_ref()?), site.positional(0)?.0, site.positional(1)?.0),
                };
                let mut tree = Tree::labeled(text.all());
                with.all().iter().for_each(|label| {
                    tree.add(label);
                });
                if let (Some(Konst::Str(pattern)), Some(Konst::Str(with))) = (&pattern.konst, &with.konst) {
                    let clears = crate::taint::regex::removes_all_for(pattern, with);
                    for label in &mut tree.labels {
                        label.kinds = label.kinds.without(clears);
                    }
                }
                Some(Arc::new(tree))
            }
            "functools.partial" => {
                let callee = first()?;
                let plain = site.call.args.iter().zip(&site.args).skip(1);
                let bound: Vec<Arc<Tree>> = plain
                    .filter(|(arg, _)| arg.kind == ArgKind::Positional)
                    .map(|(_, tree)| tree.shallow())
                    .collect();
                let funcs: Vec<FuncRef> = callee
                    .funcs
                    .iter()
                    .map(|func| FuncRef {
                        bound: [&func.bound[..], &bound[..]].concat(),
                        named: self.named_for(site, &func.func).or_else(|| func.named.clone()),
                        frame: func.frame.clone().or_else(|| callee.field(&frame_key()).cloned()),
                        ..func.clone()
                    })
                    .collect();
                let mut made = Tree { funcs, ..Tree::default() };
                keep_bound(&mut made);
                (!made.funcs.is_empty()).then(|| Arc::new(made))
            }
            "werkzeug.local.LocalProxy" => {
                let func = first().filter(|func| !func.funcs.is_empty())?;
                Some(Arc::new(Tree { fields: vec![(proxy_key(), func)], ..Tree::default() }))
            }
            "setattr" => {
                let value = Arc::clone(site.positional(2)?.0);
                let name = site.positional(1)?.0.konst.clone();
                let key = match name {
                    Some(Konst::Str(name)) => Key::Attr(self.world.program.symbol(&name)?),
                    _ => return self.set_each(state, site),
                };
                if let Some(var) = self.local_of(site.positional(0)?.1.value) {
                    state.change(var, |tree| tree.store(&[key], &value));
                }
                Some(Arc::default())
            }
            "getattr" => {
                let object = first()?;
                let name = site.positional(1)?.0.konst.clone();
                let Some(Konst::Str(name)) = name else {
                    self.depend(site.positional(1)?.0);
                    let prefix = site.positional(1)?.0.beginning().unwrap_or_default().to_owned();
                    return self.any_member(site, &object, &prefix);
                };
                if let Some(callee) = self.member(site.positional(0)?.1.value, &name) {
                    return Some(Arc::new(Tree::func(FuncRef::new(callee))));
                }
                if let Some(known) = self.of_module(site.positional(0)?.1.value, &name) {
                    return Some(known);
                }
                let symbol = self.world.program.symbol(&name)?;
                let mut found = self.part(&object, &Key::Attr(symbol));
                let class = self.class_of(site.positional(0)?.1.value, &object);
                if let Some(class) = class {
                    self.attach(class, symbol, &object, &mut found);
                }
                Some(found)
            }
            "dict"
            | "collections.OrderedDict"
            | "collections.defaultdict"
            | "dict.fromkeys"
            | "types.SimpleNamespace"
            | "argparse.Namespace" => Some(Arc::new(self.made_of(site))),
            "list"
            | "tuple"
            | "set"
            | "frozenset"
            | "copy.copy"
            | "copy.deepcopy"
            | "iter"
            | "asyncio.run"
            | "asyncio.wait_for"
            | "asyncio.shield"
            | "asyncio.create_task"
            | "asyncio.ensure_future"
            | "asyncio.run_coroutine_threadsafe"
            | "asgiref.sync.sync_to_async"
            | "asgiref.sync.async_to_sync"
            | "collections.deque"
            | "contextlib.closing"
            | "typing.cast" => match site.path {
                "typing.cast" => site.positional(1).map(|(tree, _)| Arc::clone(tree)),
                _ => Some(first().map_or_else(Arc::default, |list| self.run_over(state, site, list))),
            },
            "sorted" => {
                let list = first()?;
                Some(self.unordered(&self.run_over(state, site, list)))
            }
            "reversed" => {
                let list = first()?;
                Some(match list.items() {
                    Some(items) => Arc::new(Tree::list_of(items.into_iter().rev(), &[&list])),
                    None => list,
                })
            }
            "asyncio.gather" => Some(Arc::new(self.gathered(site))),
            "str" if site.positional(0).is_some_and(|(_, arg)| self.is_container(arg.value, 3)) => {
                first().map(|value| Arc::new(quoted(&value)))
            }
            "str" | "bytes" | "bytearray" => {
                let value = self.shown_of(
                    state,
                    (site.positional(0)?.1.value, first()?),
                    &SHOWN[1..],
                    site.call.span,
                );
                let mut tree = text_of(&[value]);
                for label in &mut tree.labels {
                    label.kinds = label.kinds.without(text_alone());
                }
                // It still tells what the parameter decides.
                for label in first()?.labels.iter().filter(|label| label.kinds.is_empty()) {
                    tree.add(label);
                }
                Some(Arc::new(tree))
            }
            "next" => {
                let found = self.element(&self.run_over(state, site, first()?));
                let mut found = self.taken_out(state, found, site);
                if let Some((default, _)) = site.positional(1) {
                    Arc::make_mut(&mut found).join(default);
                }
                Some(found)
            }
            "enumerate" => {
                let list = first()?;
                if let Some(items) = list.items().filter(|items| !items.is_empty() && site.args.len() == 1) {
                    let pair = |(index, item)| {
                        Arc::new(Tree::list([Arc::new(Tree::konst(Konst::Int(index))), item]))
                    };
                    return Some(Arc::new(Tree::list_of((0..).zip(items).map(pair), &[&list])));
                }
                let pair = Tree::list([Arc::default(), self.element(&list)]);
                let mut list = Tree::default();
                list.store(&[Key::Any], &Arc::new(pair));
                Some(Arc::new(list))
            }
            "zip" => Some(Arc::new(self.zipped(&site.args))),
            "itertools.zip_longest" => Some(Arc::new(self.zipped_longest(site))),
            "struct.unpack" | "struct.unpack_from" => crate::taint::admitted::numbers(first()?.as_ref()),
            "hmac.new" | "hmac.digest" | "hmac.new().hexdigest" | "hmac.new().digest" => self.signature(site),
            // An encoded signature is equal where the signature is.
            "base64.b64encode" | "base64.urlsafe_b64encode" | "binascii.hexlify" => {
                first().filter(|value| value.cond.as_ref().is_some_and(|cond| cond.is_compared))
            }
            "hmac.compare_digest"
            | "secrets.compare_digest"
            | "django.utils.crypto.constant_time_compare" => {
                let told = |tree: &Arc<Tree>| Some(tree.cond.as_deref()?.compared(true));
                site.args.iter().find_map(told).map(|cond| self.cond(cond))
            }
            "itertools.chain" if site.call.args.iter().all(|arg| arg.kind == ArgKind::Positional) => {
                Some(Arc::new(self.chained(&site.args)))
            }
            "collections.ChainMap" => Some(Arc::new(Self::layered(&site.args))),
            "map" | "filter" => {
                let callee = first()?;
                let given: Vec<Arc<Tree>> = site.args.iter().skip(1).map(|tree| self.element(tree)).collect();
                let mut element = Tree::default();
                if site.path == "filter" || callee.funcs.is_empty() {
                    given.iter().for_each(|tree| {
                        element.join(tree);
                    });
                }
                if callee.funcs.is_empty() {
                    let clears = callee_clears(site, self);
                    if clears == Kinds::ALL {
                        element = Tree::default();
                    }
                }
                for func in &callee.funcs {
                    if let Some(back) = self.run_with(state, site, func, &given)
                        && site.path == "map"
                    {
                        element.join(&back);
                    }
                }
                let mut list = Tree::default();
                list.store(&[Key::Any], &Arc::new(element));
                Some(Arc::new(list))
            }
            "io.StringIO" | "io.BytesIO" => Some(Arc::new(Tree::labeled(first().unwrap_or_default().all()))),
            "os.path.join" => {
                let mut tree = path_of(&site.args);
                for label in &mut tree.labels {
                    label.kinds = label.kinds.with(Kinds::UNRESOLVED);
                }
                Some(Arc::new(tree))
            }
            _ => None,
        }
    }

    /// What a variable of a module of the program holds: `getattr(config, "HOSTS", [])`.
    fn of_module(&self, object: Operand, name: &str) -> Option<Arc<Tree>> {
        let Meaning::Module(id) = self.meaning(object)? else { return None };
        let program = self.world.program;
        let unit = program.modules[*id].unit;
        let full = program.symbol(&format!("{}.{name}", unit.text(unit.module)))?;
        self.world.shapes.variables.get(&full).cloned()
    }

    /// What the first argument of a call is, as a loop sees it.
    fn run_over(&self, state: &mut State, site: &Site<'_>, list: Arc<Tree>) -> Arc<Tree> {
        match site.call.positional(0) {
            Some(arg) => self.iterated(state, arg.value, list, site.call.span),
            None => list,
        }
    }

    /// What a call passes by name.
    pub(super) fn by_name(&self, site: &Site<'_>) -> Option<Arc<Tree>> {
        let mut named = Tree::default();
        for (arg, tree) in site.call.args.iter().zip(&site.args) {
            if let ArgKind::Keyword(name) = arg.kind {
                let key = Key::Item(Konst::Str(self.module.unit.text(name).into()));
                named.store(&[key], &tree.shallow());
            }
        }
        (!named.fields.is_empty()).then(|| Arc::new(named))
    }

    pub(super) fn meaning(&self, object: Operand) -> Option<&Meaning> {
        let value = match object {
            Operand::Local(local) => self.body.locals[local].value?,
            Operand::Global(name) => name,
            Operand::Const(_) => return None,
        };
        Some(self.module.meaning(value))
    }

    /// What a library has as `name` of `object`, if the packs know it.
    pub(super) fn member(&self, object: Operand, name: &str) -> Option<Callee> {
        let Meaning::Outside(path) = self.meaning(object)? else { return None };
        let path = format!("{path}.{name}");
        self.world.models.has_call(&path).then(|| Callee::Outside(path.into()))
    }

    /// Whether the callee is a function of a module outside of the program: `os.path.join` is no method of a text.
    fn is_of_module(&self, site: &Site<'_>) -> bool {
        let is_outside =
            site.call.name.is_some_and(|name| matches!(self.module.meaning(name), Meaning::Outside(_)));
        is_outside && !site.path.contains(['(', '[']) && matches!(site.call.callee.base, Operand::Global(_))
    }
}

/// The pattern of a compiled regular expression.
fn pattern_of(compiled: &Tree) -> Arc<Tree> {
    compiled.field(&pattern_key()).cloned().unwrap_or_default()
}

fn callee_clears(site: &Site<'_>, analyzer: &Analyzer<'_, '_>) -> Kinds {
    let Some((_, arg)) = site.positional(0) else { return Kinds::NONE };
    match arg.value {
        Operand::Global(name) => {
            let name = analyzer.module.unit.text(name);
            analyzer.world.models.clears(name, name)
        }
        _ => Kinds::NONE,
    }
}

/// Whether a class is one of Django's uploads, of whose names the last component is kept: the manual of Django ("Uploaded
/// Files"), `UploadedFile._set_name`.
fn is_upload(class: &str) -> bool {
    let name = class.rsplit('.').next().unwrap_or(class);
    matches!(name, "UploadedFile" | "InMemoryUploadedFile" | "TemporaryUploadedFile" | "SimpleUploadedFile")
}
