//! Media types: an answer that is told to be no HTML, by its class or behind the call that makes it; markup that becomes
//! plain text again.

use std::sync::Arc;

use crate::flow::dominators;
use crate::ir::{
    ArgKind, BlockId, Call, Const, Inst, LocalId, Op, Operand, ParamKind, Place, Rvalue, Step, Terminator,
    operands,
};
use crate::program::Meaning;
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::value::{Key, Konst, Tree};

/// The attributes that hold a media type, and the header that does.
pub(super) const ATTRIBUTES: &[&str] = &["content_type", "mimetype", "media_type"];
pub(super) const HEADER: &str = "content-type";
/// The header that tells whether a reply is shown or saved.
const DISPOSITION: &str = "content-disposition";
/// What browsers run scripts in; a script alone is shown as text.
const RUN: &[&str] = &["html", "xml", "svg"];

impl Analyzer<'_, '_> {
    /// Whether what a call makes, or adds to, is no HTML: by the shape of what it is given, by its headers, or by a media
    /// type that the function gives it before or later.
    pub(super) fn is_told_inert(&self, site: &Site<'_>) -> bool {
        let call = site.call;
        if self.is_inert_class(call)
            || self.is_stream(site)
            || self.is_read_back(call)
            || self.writes_inert(call)
            || self.is_json(site)
            || self.is_given_inert(site)
            || Self::is_handed_inert(site)
        {
            return true;
        }
        let beside = call.args.iter().zip(&site.args).filter(
            |(arg, _)| matches!(arg.kind, ArgKind::Keyword(name) if self.module.unit.text(name) == "headers"),
        );
        let behind = (1..).map_while(|index| site.positional(index)).map(|(tree, _)| tree);
        let mut headers = behind.chain(beside.map(|(_, tree)| tree)).filter_map(|tree| told(tree));
        if headers.next().is_some_and(|is_inert| is_inert) {
            return true;
        }
        let answers = self.names_of(call.to);
        let made = || call.callee.base.local().filter(|_| site.receiver.is_some());
        self.is_typed(&answers)
            || self.is_attached(&answers)
            || made().is_some_and(|answer| self.is_made_inert(answer) || self.is_attached(&[answer]))
    }

    /// Whether an answer that was handed here was made as one in which no browser runs scripts.
    fn is_handed_inert(site: &Site<'_>) -> bool {
        let set = |name: &&str| {
            site.receiver.as_ref()?.field(&Key::Item(Konst::Str((*name).into())))?.konst.clone()
        };
        matches!(ATTRIBUTES.iter().find_map(set), Some(Konst::Str(text)) if is_inert(&text))
    }

    /// Whether an answer that is written to was made with a media type, or is given one.
    fn is_made_inert(&self, answer: LocalId) -> bool {
        let insts = || self.body.blocks.iter().flat_map(|block| &block.insts);
        let makers = insts().filter_map(|inst| match inst.op {
            Op::Call(to, id) if self.names_of(to).contains(&answer) => Some((to, &self.body.calls[id])),
            _ => None,
        });
        let is_inert = |(to, call): (LocalId, &Call)| {
            let media = |arg: &crate::ir::Arg| match arg.kind {
                ArgKind::Keyword(name) if ATTRIBUTES.contains(&self.module.unit.text(name)) => {
                    Some(self.is_inert(arg.value))
                }
                ArgKind::Keyword(name) if self.module.unit.text(name) == "headers" => {
                    self.told_operand(arg.value)
                }
                _ => None,
            };
            call.args.iter().find_map(media).unwrap_or(false) || self.is_typed(&self.names_of(to))
        };
        let mut makers = makers.peekable();
        makers.peek().is_some() && makers.all(is_inert)
    }

    /// Whether a call is given a media type in which no browser runs scripts: `Response(text, mimetype="text/css")`.
    fn is_given_inert(&self, site: &Site<'_>) -> bool {
        let given = site.call.args.iter().zip(&site.args).find(
            |(arg, _)| matches!(arg.kind, ArgKind::Keyword(name) if ATTRIBUTES.contains(&self.module.unit.text(name))),
        );
        given.is_some_and(
            |(_, tree)| matches!(&tree.konst, Some(Konst::Str(text)) if text.contains('/') && is_inert(text)),
        )
    }

    /// Whether the function sends an answer as a file that is saved: `answer["Content-Disposition"] = "attachment"`.
    fn is_attached(&self, answers: &[LocalId]) -> bool {
        let unit = self.module.unit;
        let is_meant = |base: Operand| matches!(base, Operand::Local(local) if answers.contains(&local));
        let is_header = |name: &str| name.eq_ignore_ascii_case(DISPOSITION);
        let of = |inst: &Inst| match &inst.op {
            Op::Store(place, value) if is_meant(place.base) => match self.steps(*place).last() {
                Some(Step::Item(Const::Str(key))) => is_header(unit.text(*key)).then_some(Some(*value)),
                _ => None,
            },
            Op::Delete(place) if is_meant(place.base) => Some(None),
            Op::Call(_, id) if is_meant(self.body.calls[*id].callee.base) => {
                let call = &self.body.calls[*id];
                let name = call.positional(0)?.value.string()?;
                is_header(unit.text(name)).then(|| call.positional(1)).flatten().map(|arg| Some(arg.value))
            }
            _ => None,
        };
        let blocks = self.body.blocks.pairs();
        let set: Vec<(BlockId, Option<Operand>)> = blocks
            .flat_map(|(block, data)| data.insts.iter().filter_map(of).map(move |value| (block, value)))
            .collect();
        let is_kept = |value: &Option<Operand>| value.is_some_and(|value| self.is_begun(value, "attachment"));
        if set.is_empty() || !set.iter().all(|(_, value)| is_kept(value)) {
            return false;
        }
        // Set on some ways alone it is a page on the others.
        let above = dominators(self.body, &self.cfg);
        let mut ends = self.body.blocks.pairs().filter(|(block, data)| {
            let is_answer = matches!(data.end, Terminator::Return(value) if is_meant(value));
            is_answer && self.cfg.is_reachable(*block)
        });
        ends.all(|(end, _)| set.iter().any(|(block, _)| above.dominates(*block, end)))
    }

    /// Whether a text is made here and begins so.
    fn is_begun(&self, value: Operand, with: &str) -> bool {
        let local = match value {
            Operand::Const(Const::Str(text)) => return self.module.unit.text(text).starts_with(with),
            Operand::Local(local) => local,
            Operand::Const(_) | Operand::Global(_) => return false,
        };
        let insts = self.body.blocks.iter().flat_map(|block| &block.insts);
        let mut made = insts.filter_map(|inst| match &inst.op {
            Op::Let(to, value) if *to == local => Some(match value {
                Rvalue::Format(parts) => parts.first().copied(),
                Rvalue::Binary(_, left, _) => Some(*left),
                Rvalue::Use(of) => Some(*of),
                _ => None,
            }),
            Op::Call(to, id) if *to == local => Some(Some(self.body.calls[*id].callee.base)),
            _ => None,
        });
        let first = |part: Option<Operand>| matches!(part, Some(Operand::Const(Const::Str(text))) if self.module.unit.text(text).starts_with(with));
        made.next().is_some_and(first) && made.all(first)
    }

    /// Whether what is written to is no page unless it is told to be one, and is not told so.
    fn is_stream(&self, site: &Site<'_>) -> bool {
        let is_it = site.path.starts_with("aiohttp.web.StreamResponse().");
        let Some(answer) = site.call.callee.base.local().filter(|_| is_it) else { return is_it };
        let insts = self.body.blocks.iter().flat_map(|block| &block.insts);
        let mut makers = insts.filter_map(|inst| match inst.op {
            Op::Call(to, id) if self.names_of(to).contains(&answer) => Some(&self.body.calls[id]),
            _ => None,
        });
        let is_headers = |arg: &crate::ir::Arg| matches!(arg.kind, ArgKind::Keyword(name) if self.module.unit.text(name) == "headers");
        let is_page = |call: &Call| {
            let mut headers = call.args.iter().filter(|arg| is_headers(arg));
            headers.any(|arg| self.told_operand(arg.value) == Some(false))
        };
        !makers.any(is_page) && !self.is_told_page(Operand::Local(answer))
    }

    /// Whether all that the function gives an answer as a media type is one that no browser runs scripts in.
    fn is_typed(&self, answers: &[LocalId]) -> bool {
        let insts = self.body.blocks.iter().flat_map(|block| &block.insts);
        let mut types = insts.filter_map(|inst| match &inst.op {
            Op::Store(place, value) if self.holds_type(answers, *place) => Some(self.is_inert(*value)),
            Op::Call(_, id) => self.set_by(answers, &self.body.calls[*id]),
            _ => None,
        });
        types.next().is_some_and(|first| first && types.all(|is_inert| is_inert))
    }

    /// What a call sets the media type of an answer to: `answer.headers.update({"Content-Type": "text/plain"})`.
    fn set_by(&self, answers: &[LocalId], call: &Call) -> Option<bool> {
        let unit = self.module.unit;
        let is_answer = call.callee.base.local().is_some_and(|local| answers.contains(&local));
        let steps = self.steps(call.callee);
        let [Step::Attr(headers), Step::Attr(_)] = steps[..] else { return None };
        if !is_answer || unit.text(headers) != "headers" {
            return None;
        }
        match unit.text(call.method) {
            "update" | "extend" => self.told_operand(call.positional(0)?.value),
            "set" | "add" | "setdefault" => {
                let name = call.positional(0)?.value.string()?;
                let is_type = unit.text(name).eq_ignore_ascii_case(HEADER);
                is_type.then(|| call.positional(1).is_none_or(|arg| self.is_inert(arg.value)))
            }
            _ => None,
        }
    }

    /// As [`told`], of headers as they are written.
    fn told_operand(&self, headers: Operand) -> Option<bool> {
        match headers {
            Operand::Global(name) => told(self.world.shapes.variables.get(&self.module.variable(name))?),
            Operand::Local(local) => {
                let insts = self.body.blocks.iter().flat_map(|block| &block.insts);
                let mut dicts = insts.filter_map(|inst| match &inst.op {
                    Op::Let(to, Rvalue::Dict(items)) if *to == local => Some(items),
                    _ => None,
                });
                let is_type = |key: &Option<Operand>| {
                    let name = key.and_then(Operand::string);
                    name.is_some_and(|name| self.module.unit.text(name).eq_ignore_ascii_case(HEADER))
                };
                let (_, value) = dicts.next()?.iter().find(|(key, _)| is_type(key))?;
                Some(self.is_inert(*value))
            }
            Operand::Const(_) => None,
        }
    }

    /// Whether a call makes JSON of a list or mapping, as `make_response({"q": q})` does.
    fn is_json(&self, site: &Site<'_>) -> bool {
        let is_maker = site.path.ends_with(".make_response")
            && (site.path.starts_with("flask.") || site.path.starts_with("quart."));
        let Some((tree, arg)) = site.positional(0).filter(|_| is_maker) else { return false };
        let first = tree.field(&Key::Item(Konst::Int(0)));
        // `make_response((body, 404))`
        if let Some(first) = first.filter(|_| tree.labels.is_empty() && self.is_tuple(arg.value)) {
            let rest = tree.items().unwrap_or_default();
            return is_mapping(first) || rest.iter().skip(1).find_map(|tree| told(tree)).unwrap_or(false);
        }
        self.is_structure(tree, arg.value)
    }

    /// Whether what is sent is a mapping: frameworks make JSON of that.
    pub(super) fn sends_mapping(site: &Site<'_>) -> bool {
        let is_name = |key: &Key| matches!(key, Key::Item(Konst::Str(name)) if !name.starts_with('\0'));
        let is_mapping = |tree: &Tree| {
            tree.labels.is_empty()
                && !tree.fields.is_empty()
                && tree.fields.iter().all(|(key, _)| is_name(key))
        };
        site.positional(0).is_some_and(|(tree, _)| is_mapping(tree))
    }

    /// Whether a value is a list, a set or a mapping, by how it is made.
    pub(super) fn is_structure(&self, tree: &Tree, operand: Operand) -> bool {
        let is_numbered = |(key, _): &(Key, Arc<Tree>)| matches!(key, Key::Item(Konst::Int(_)) | Key::Any);
        let is_list = tree.labels.is_empty()
            && tree.class.is_none()
            && !tree.fields.is_empty()
            && tree.fields.iter().all(is_numbered);
        let by_path = |local: LocalId| {
            let path = self.body.locals[local].value.map(|value| self.module.unit.text(value));
            path.is_some_and(|path| matches!(path, "dict()" | "list()" | "set()"))
        };
        let is_spread = |local: LocalId| {
            let mut params = self.body.params.iter();
            params.any(|param| {
                param.local == local && matches!(param.kind, ParamKind::Star | ParamKind::DoubleStar)
            })
        };
        operand.local().is_some_and(is_spread)
            || is_mapping(tree)
            || is_list
            || self.is_container(operand, 3)
            || operand.local().is_some_and(by_path)
    }

    fn is_tuple(&self, operand: Operand) -> bool {
        let insts = || self.body.blocks.iter().flat_map(|block| &block.insts);
        operand.local().is_some_and(|local| {
            insts().any(|inst| matches!(&inst.op, Op::Let(to, Rvalue::Tuple(_)) if *to == local))
        })
    }

    /// Whether a call makes an instance of a class whose block says that it is no HTML: `default_mimetype = "text/csv"`.
    fn is_inert_class(&self, call: &Call) -> bool {
        let Some(Meaning::Class(class)) = call.name.map(|name| self.module.meaning(name)) else {
            return false;
        };
        let program = self.world.program;
        let is_told = call.args.iter().any(|arg| match arg.kind {
            ArgKind::Keyword(name) => ATTRIBUTES.contains(&self.module.unit.text(name)),
            ArgKind::DoubleStar => true,
            ArgKind::Positional | ArgKind::Star => false,
        });
        let value = |name: &str| {
            let shape = self.world.shapes.instance(*class)?;
            shape.field(&Key::Attr(program.symbol(name)?))?.konst.clone()
        };
        let found = ["default_mimetype"].iter().chain(ATTRIBUTES).find_map(|name| value(name));
        !is_told && matches!(found, Some(Konst::Str(text)) if is_inert(&text))
    }

    /// Whether all that is done with markup is to read its plain text: `Markup(text).unescape()`.
    fn is_read_back(&self, call: &Call) -> bool {
        let made = Operand::Local(call.to);
        let insts = || self.body.blocks.iter().flat_map(|block| &block.insts);
        let reads = |inst| operands(self.body, inst).filter(|own| *own == made).count();
        let reads_back = |inst: &&Inst| match inst.op {
            Op::Call(_, id) => {
                let call = &self.body.calls[id];
                let is_of_it = matches!(&self.steps(call.callee)[..], [Step::Attr(_)]);
                call.callee.base == made
                    && is_of_it
                    && matches!(self.module.unit.text(call.method), "unescape" | "striptags")
            }
            _ => false,
        };
        let ends = self.body.blocks.iter().any(|block| match block.end {
            Terminator::Branch { on, .. } => on == made,
            Terminator::Return(value) => value == made,
            Terminator::Raise { exception, .. } => exception == Some(made),
            Terminator::Goto(_)
            | Terminator::Iterate { .. }
            | Terminator::Dispatch { .. }
            | Terminator::Unreachable => false,
        });
        let n_back = insts().filter(reads_back).count();
        !ends && n_back > 0 && n_back == insts().map(reads).sum::<usize>()
    }

    /// The variables that are assigned a value.
    fn names_of(&self, made: LocalId) -> Vec<LocalId> {
        let mut names = vec![made];
        // `response = await make_response(text)`: a copy of a copy.
        for _ in 0..2 {
            let insts = self.body.blocks.iter().flat_map(|block| &block.insts);
            let copies = insts.filter_map(|inst| match inst.op {
                Op::Let(to, Rvalue::Use(Operand::Local(from))) | Op::Await(to, Operand::Local(from)) => {
                    names.contains(&from).then_some(to)
                }
                _ => None,
            });
            let more: Vec<LocalId> = copies.collect();
            names.extend(more);
        }
        names
    }

    fn holds_type(&self, answers: &[LocalId], place: Place) -> bool {
        let unit = self.module.unit;
        let is_answer = matches!(place.base, Operand::Local(local) if answers.contains(&local));
        is_answer
            && match &self.steps(place)[..] {
                [Step::Attr(name)] => ATTRIBUTES.contains(&unit.text(*name)),
                [Step::Item(Const::Str(key))] => unit.text(*key).eq_ignore_ascii_case(HEADER),
                [Step::Attr(name), Step::Item(Const::Str(key))] => {
                    unit.text(*name) == "headers" && unit.text(*key).eq_ignore_ascii_case(HEADER)
                }
                _ => false,
            }
    }

    /// Whether a media type is one that no browser runs scripts in; of one that is made by the program that is taken for
    /// granted.
    fn is_inert(&self, value: Operand) -> bool {
        let is_made = !matches!(value, Operand::Const(_));
        self.literals(value, 3).map_or(is_made, |texts| texts.iter().all(|text| is_inert(text)))
    }
}

/// Whether a value is a mapping whose keys are known; exceptions and rows keep what they have under keys of our own.
fn is_mapping(tree: &Tree) -> bool {
    let is_key = |(key, _): &(Key, Arc<Tree>)| match key {
        Key::Item(Konst::Str(name)) => !name.starts_with('\0'),
        Key::Any => true,
        Key::Item(_) | Key::Attr(_) => false,
    };
    let is_named = tree.fields.iter().any(|(key, _)| *key != Key::Any);
    tree.labels.is_empty() && tree.class.is_none() && is_named && tree.fields.iter().all(is_key)
}

/// Whether headers, or a media type, tell of what no browser runs scripts in; `None` where they tell of none.
pub(super) fn told(headers: &Tree) -> Option<bool> {
    let of = |value: &Tree| value.beginning().is_none_or(is_inert);
    if let Some(Konst::Str(text)) = &headers.konst {
        return text.contains('/').then(|| is_inert(text));
    }
    let is_name = |name: &Konst| matches!(name, Konst::Str(name) if name.eq_ignore_ascii_case(HEADER));
    let disposition = crate::taint::sinks::entry_of(headers, DISPOSITION).and_then(|value| value.beginning());
    if disposition.is_some_and(|text| text.starts_with("attachment")) {
        return Some(true);
    }
    headers.fields.iter().find_map(|(key, part)| match key {
        Key::Item(name @ Konst::Str(_)) => is_name(name).then(|| of(part)),
        Key::Item(Konst::Int(_)) => {
            let [name, value] = &part.items()?[..] else { return None };
            is_name(name.konst.as_ref()?).then(|| of(value))
        }
        _ => None,
    })
}

/// Whether browsers run no scripts in what has this media type.
pub(super) fn is_inert(media_type: &str) -> bool {
    let text = media_type.to_ascii_lowercase();
    let kind = text.split(';').next().unwrap_or_default().trim();
    // Documents of offices are archives, whatever they are called.
    let is_archive = kind.starts_with("application/vnd.") && !kind.ends_with("+xml");
    is_archive || !RUN.iter().any(|word| text.contains(word))
}
