//! Reads one template: what it prints of the variables it is given, what it includes, and which blocks it fills.

use std::collections::BTreeSet;

use crate::templates::expr::{Names, flows, go};
use crate::templates::html::{Context, Page};
use crate::templates::lex::{Piece, pieces};
use crate::templates::{Escape, Flow, Step};
use crate::text::Span;

/// Most that is kept of one template: prints, includes, names bound at once, blocks within blocks.
const MAX_PRINTS: usize = 4096;
const MAX_INCLUDES: usize = 128;
const MAX_NAMES: usize = 128;
const MAX_NESTING: usize = 64;

/// What a template does, whatever it is given.
#[derive(Default, Debug)]
pub(super) struct Template {
    pub(super) prints: Vec<Print>,
    pub(super) includes: Vec<Include>,
    /// The template around it.
    pub(super) extends: Option<Box<str>>,
    /// The blocks that it fills.
    pub(super) blocks: BTreeSet<Box<str>>,
    /// Whether it holds tags of HTML.
    pub(super) is_page: bool,
}

/// A variable that is printed.
#[derive(Debug)]
pub(super) struct Print {
    pub(super) flow: Flow,
    /// All of `{{ … }}`.
    pub(super) span: Span,
    /// Whether escaping is switched on or off there, where the template says so.
    pub(super) autoescape: Option<bool>,
    pub(super) context: Context,
    /// The blocks that it stands in.
    pub(super) blocks: Vec<Box<str>>,
}

/// A template that is put in.
#[derive(Debug)]
pub(super) struct Include {
    pub(super) name: Box<str>,
    /// What it is given beside what this template is given, or alone.
    pub(super) with: Vec<(Box<str>, Vec<Flow>)>,
    pub(super) is_alone: bool,
    pub(super) blocks: Vec<Box<str>>,
}

/// What a tag opened that another one closes.
enum Open {
    /// Names that are forgotten behind it.
    Names(&'static str, usize),
    Block,
    Autoescape(Option<bool>),
}

#[derive(Default)]
struct Scope {
    names: Vec<(Box<str>, Vec<Flow>)>,
}

impl Scope {
    fn bind(&mut self, name: &str, flows: Vec<Flow>) {
        if self.names.len() < MAX_NAMES {
            self.names.push((name.into(), flows));
        }
    }
}

impl Names for Scope {
    fn bound(&self, name: &str) -> Option<&[Flow]> {
        self.names.iter().rev().find(|(known, _)| &**known == name).map(|(_, flows)| &flows[..])
    }
}

/// Reads the template `text`.
pub(super) fn parse(text: &str) -> Template {
    let mut reader = Reader {
        template: Template { is_page: text.contains("</"), ..Template::default() },
        scope: Scope::default(),
        open: Vec::new(),
        blocks: Vec::new(),
        autoescape: None,
        page: Page::new(),
    };
    for piece in pieces(text) {
        match piece {
            Piece::Text(span) => reader.page.text(&text[span.range()]),
            Piece::Print(inner, span) => reader.print(&text[inner.range()], span),
            Piece::Tag(span) => reader.tag(&text[span.range()], span),
        }
    }
    reader.template
}

struct Reader {
    template: Template,
    scope: Scope,
    open: Vec<Open>,
    blocks: Vec<Box<str>>,
    autoescape: Option<bool>,
    page: Page,
}

impl Reader {
    fn print(&mut self, source: &str, span: Span) {
        let context = self.page.value();
        for flow in flows(source, &self.scope) {
            if flow.escape != Escape::Done && self.template.prints.len() < MAX_PRINTS {
                let (autoescape, blocks) = (self.autoescape, self.blocks.clone());
                self.template.prints.push(Print { flow, span, autoescape, context, blocks });
            }
        }
    }

    fn tag(&mut self, source: &str, span: Span) {
        let (word, rest) = source.split_once(char::is_whitespace).unwrap_or((source, ""));
        let rest = rest.trim();
        match word {
            "for" => self.enter_loop(rest),
            "with" => self.enter_with("endwith", rest),
            "blocktrans" | "blocktranslate" => {
                let bound = rest.split_once("with ").map_or("", |(_, bound)| bound);
                let end = if word == "blocktrans" { "endblocktrans" } else { "endblocktranslate" };
                self.enter_with(end, bound);
            }
            "macro" => {
                self.enter("endmacro");
                let params = rest.split_once('(').map_or("", |(_, params)| params);
                for param in params.split([',', ')']) {
                    let name = param.split('=').next().unwrap_or_default().trim();
                    self.scope.bind(name, Vec::new());
                }
            }
            "set" => self.set(rest),
            // Tornado: to the end of the file, and of one value.
            "autoescape" if rest == "None" => self.autoescape = Some(false),
            "raw" => {
                let before = self.autoescape.replace(false);
                self.print(rest, span);
                self.autoescape = before;
            }
            "autoescape" => {
                let before = self.autoescape;
                if self.push(Open::Autoescape(before)) {
                    self.autoescape = Some(!matches!(rest, "off" | "false" | "False"));
                }
            }
            "block" => {
                let name: Box<str> = rest.split_whitespace().next().unwrap_or_default().into();
                if self.template.extends.is_some() {
                    self.page.forget();
                }
                if self.push(Open::Block) {
                    self.template.blocks.insert(name.clone());
                    self.blocks.push(name);
                }
            }
            "extends" => {
                self.template.extends =
                    constant(rest).filter(|_| self.template.extends.is_none()).map(Into::into);
            }
            "include" => self.include(rest),
            _ if word.starts_with("end") => self.leave(word),
            // `{% url "x" as name %}`
            _ => {
                let mut words = rest.split_whitespace().rev();
                if let (Some(name), Some("as")) = (words.next(), words.next()) {
                    self.scope.bind(name, Vec::new());
                }
            }
        }
    }

    fn push(&mut self, open: Open) -> bool {
        let fits = self.open.len() < MAX_NESTING;
        if fits {
            self.open.push(open);
        }
        fits
    }

    fn enter(&mut self, end: &'static str) {
        self.push(Open::Names(end, self.scope.names.len()));
    }

    /// Closes what `word` closes, and what was left open in it.
    fn leave(&mut self, word: &str) {
        let closes = |open: &Open| match open {
            Open::Names(end, _) => word == *end,
            Open::Block => word == "endblock",
            Open::Autoescape(_) => word == "endautoescape",
        };
        let Some(at) = self.open.iter().rposition(closes) else { return };
        for open in self.open.drain(at..).rev() {
            match open {
                Open::Names(_, n) => self.scope.names.truncate(n),
                Open::Block => drop(self.blocks.pop()),
                Open::Autoescape(before) => self.autoescape = before,
            }
        }
    }

    /// `for x in list`, `for key, value in table.items()`
    fn enter_loop(&mut self, rest: &str) {
        self.enter("endfor");
        let Some((targets, list)) = rest.split_once(" in ") else { return };
        let list = list.trim_end_matches("reversed").trim_end_matches("recursive");
        let list = list.split_once(" if ").map_or(list, |(list, _)| list);
        let mut flows = flows(list, &self.scope);
        let targets: Vec<&str> = targets.split(',').map(|name| name.trim_matches(['(', ')', ' '])).collect();
        // Django calls the method by itself.
        let items = Step::Name("items".into());
        let is_items = flows.iter().any(|flow| flow.steps.last() == Some(&items));
        flows
            .iter_mut()
            .filter(|flow| flow.steps.last() == Some(&items))
            .for_each(|flow| drop(flow.steps.pop()));
        let is_called = list.contains(".items(");
        if !is_called {
            go(&mut flows, &Step::Element);
        }
        match &targets[..] {
            [name] => self.scope.bind(name, flows),
            [key, value] if is_items || is_called => {
                self.scope.bind(key, Vec::new());
                self.scope.bind(value, flows);
            }
            names => {
                go(&mut flows, &Step::Element);
                names.iter().for_each(|name| self.scope.bind(name, flows.clone()));
            }
        }
    }

    /// `with a=b c=d`, `with a=b, c=d`, `with b as a`
    fn enter_with(&mut self, end: &'static str, rest: &str) {
        self.enter(end);
        let bound = self.bindings(rest);
        bound.into_iter().for_each(|(name, flows)| self.scope.bind(&name, flows));
    }

    fn bindings(&self, rest: &str) -> Vec<(Box<str>, Vec<Flow>)> {
        if let Some((value, name)) = rest.split_once(" as ") {
            return vec![(name.trim().into(), flows(value, &self.scope))];
        }
        let starts = assignments(rest);
        let ends = starts.iter().skip(1).map(|(start, ..)| *start).chain([rest.len()]);
        let one = |((_, name, value), end): (&(usize, &str, usize), usize)| {
            let value = rest[*value..end].trim_end().trim_end_matches([',', ' ']);
            ((*name).into(), flows(value.trim_end_matches(" only"), &self.scope))
        };
        starts.iter().zip(ends).take(MAX_NAMES).map(one).collect()
    }

    /// `set a = b`; what a block is set to was escaped there.
    fn set(&mut self, rest: &str) {
        let (names, value) = match rest.split_once('=') {
            Some((names, value)) if !names.contains('.') => (names, flows(value, &self.scope)),
            Some(_) => return,
            None => (rest, Vec::new()),
        };
        let is_one = !names.contains(',');
        for name in names.split(',') {
            let flows = if is_one { value.clone() } else { Vec::new() };
            self.scope.bind(name.split('|').next().unwrap_or_default().trim(), flows);
        }
    }

    fn include(&mut self, rest: &str) {
        let Some(name) = constant(rest) else { return };
        let given = rest.split_once(" with ").map_or("", |(_, given)| given);
        let mut with = if given.starts_with("context") { Vec::new() } else { self.bindings(given) };
        let is_alone = rest.ends_with(" only") || rest.contains("without context");
        if !is_alone {
            with.extend(self.scope.names.iter().rev().cloned());
        }
        if self.template.includes.len() < MAX_INCLUDES {
            let blocks = self.blocks.clone();
            self.template.includes.push(Include { name: name.into(), with, is_alone, blocks });
        }
    }
}

/// The text in quotes that `rest` begins with.
fn constant(rest: &str) -> Option<&str> {
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    rest[1..].split(quote).next().filter(|name| !name.is_empty())
}

/// Where names are assigned in `a=b c="d=e"`: where each begins, the name, and where its value begins.
fn assignments(rest: &str) -> Vec<(usize, &str, usize)> {
    let mut found = Vec::new();
    let (mut quote, mut start) = (None, None);
    for (at, c) in rest.char_indices() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => {
                quote = Some(c);
                start = None;
            }
            (None, '=') => {
                if let Some(begin) = start.take() {
                    found.push((begin, &rest[begin..at], at + 1));
                }
            }
            (None, c) if c.is_alphanumeric() || c == '_' => start = start.or(Some(at)),
            (None, _) => start = None,
        }
    }
    found
}
