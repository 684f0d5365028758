//! Summaries against inlining: a program of several functions and its twin with every call written out give the same
//! findings.
//!
//! Random bytes choose the program. Functions call those before them alone, have one `return` at their end or one on
//! each side of a condition, and pass texts, dicts, lists, objects and constants that decide. A sink has a number, which
//! all its copies in the twin share. `PROPTEST_CASES=20000` compares more programs than the usual 256.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use proptest::prelude::*;
use snakestone::base::IdVec;
use snakestone::rules;
use snakestone::scan;
use snakestone::text::{FileId, FileKind, SourceFile};

/// Functions of a program, the entry among them.
const N_FUNCS: usize = 4;
/// Statements of a function.
const N_STMTS: usize = 6;
/// Parts of a dict and of an object, all of which are set when it is made.
const PARTS: [&str; 2] = ["a", "b"];
/// Constants that decide.
const MODES: [&str; 2] = ["on", "off"];

/// What a variable holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ty {
    Text,
    Dict,
    List,
    Object,
    Mode,
}

const TYPES: [Ty; 7] = [Ty::Text, Ty::Dict, Ty::Mode, Ty::Text, Ty::Object, Ty::List, Ty::Dict];

#[derive(Clone, Debug)]
enum Expr {
    Word(&'static str),
    Source,
    Var(String),
    Plus(Box<Self>, Box<Self>),
    Clean(Box<Self>),
    Item(String, &'static str),
    Attr(String, &'static str),
    First(String),
}

#[derive(Clone, Debug)]
enum Cond {
    Known(bool),
    Is(String, &'static str),
}

#[derive(Clone, Debug)]
enum Stmt {
    Let(String, Expr),
    NewDict(String, [Expr; 2]),
    NewList(String, Expr),
    NewObject(String, [Expr; 2]),
    SetItem(String, &'static str, Expr),
    SetAttr(String, &'static str, Expr),
    If(Cond, Vec<Self>, Vec<Self>),
    Sink(usize, Expr),
    /// Variable, function, and arguments, the last of which may be left to their defaults; keywords from an index on.
    Call(String, usize, Vec<Expr>, usize),
}

#[derive(Clone, Debug, Default)]
struct Func {
    params: Vec<(String, Ty)>,
    body: Vec<Stmt>,
    returns: Option<(Option<Cond>, [Expr; 2])>,
}

/// Chooses a program by random bytes; when they are used up, the first choice is taken.
struct Chooser<'b> {
    bytes: &'b [u8],
    n_sinks: usize,
    n_vars: usize,
    vars: Vec<(String, Ty)>,
    /// Calls that the function may still make, which bounds its twin.
    calls: usize,
    /// Sources stand in the last function alone: what one does with its own source is told for whoever calls it, in
    /// whatever mode, so that a call in another mode, or one that is never reached, differs by intent.
    is_entry: bool,
}

impl Chooser<'_> {
    fn pick(&mut self, n: usize) -> usize {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        usize::from(*first) % n
    }

    fn fresh(&mut self) -> String {
        self.n_vars += 1;
        format!("v{}", self.n_vars)
    }

    fn var(&mut self, ty: Ty) -> Option<String> {
        let known: Vec<String> =
            self.vars.iter().filter(|var| var.1 == ty).map(|var| var.0.clone()).collect();
        if known.is_empty() {
            return None;
        }
        let at = self.pick(known.len());
        Some(known[at].clone())
    }

    /// A text.
    fn text(&mut self, depth: usize) -> Expr {
        let part = |chooser: &mut Self| PARTS[chooser.pick(2)];
        let of = |chooser: &mut Self, ty| chooser.var(ty);
        let found = match self.pick(if depth == 0 { 10 } else { 12 }) {
            0 => Some(Expr::Word("word")),
            1..=3 if self.is_entry => Some(Expr::Source),
            1..=5 => of(self, Ty::Text).map(Expr::Var),
            6 | 7 => of(self, Ty::Dict).map(|var| Expr::Item(var, part(self))),
            8 => of(self, Ty::Object).map(|var| Expr::Attr(var, part(self))),
            9 => of(self, Ty::List).map(Expr::First),
            10 => Some(Expr::Clean(Box::new(self.text(depth - 1)))),
            _ => Some(Expr::Plus(Box::new(self.text(depth - 1)), Box::new(self.text(depth - 1)))),
        };
        found.unwrap_or(Expr::Word("other"))
    }

    /// What is put in place of `old`, a part of `var`. Of a parameter it keeps the old: a summary tells what comes into an
    /// argument, and not what is no longer in it (see `docs/limits.md`).
    fn kept(&mut self, var: &str, old: Expr) -> Expr {
        let new = self.text(1);
        if var.starts_with('p') { Expr::Plus(Box::new(old), Box::new(new)) } else { new }
    }

    fn mode(&mut self) -> Expr {
        match (self.pick(2), self.var(Ty::Mode)) {
            (1, Some(var)) => Expr::Var(var),
            _ => Expr::Word(MODES[self.pick(2)]),
        }
    }

    fn cond(&mut self) -> Cond {
        match self.var(Ty::Mode) {
            Some(var) => Cond::Is(var, MODES[self.pick(2)]),
            None => Cond::Known(self.pick(2) == 1),
        }
    }

    fn stmts(&mut self, n: usize, depth: usize, funcs: &[Func]) -> Vec<Stmt> {
        let mut stmts = Vec::new();
        for _ in 0..n {
            if self.bytes.is_empty() {
                break;
            }
            let mut new: Option<(String, Ty)> = None;
            let mut make = |chooser: &mut Self, ty| {
                let var = chooser.fresh();
                new = Some((var.clone(), ty));
                var
            };
            let stmt = match self.pick(14) {
                0 | 1 => {
                    self.n_sinks += 1;
                    Some(Stmt::Sink(self.n_sinks, self.text(1)))
                }
                2 => Some(Stmt::Let(make(self, Ty::Text), self.text(2))),
                3 => Some(Stmt::NewDict(make(self, Ty::Dict), [self.text(1), self.text(1)])),
                4 => Some(Stmt::NewObject(make(self, Ty::Object), [self.text(1), self.text(1)])),
                5 => Some(Stmt::NewList(make(self, Ty::List), self.text(1))),
                6 | 7 => self.var(Ty::Dict).map(|var| {
                    let part = PARTS[self.pick(2)];
                    let value = self.kept(&var, Expr::Item(var.clone(), part));
                    Stmt::SetItem(var, part, value)
                }),
                8 => self.var(Ty::Object).map(|var| {
                    let part = PARTS[self.pick(2)];
                    let value = self.kept(&var, Expr::Attr(var.clone(), part));
                    Stmt::SetAttr(var, part, value)
                }),
                9 if depth > 0 => {
                    // What a branch makes is not known behind it.
                    let known = self.vars.len();
                    let cond = self.cond();
                    let yes = self.stmts(2, depth - 1, funcs);
                    self.vars.truncate(known);
                    let no = self.stmts(1, depth - 1, funcs);
                    self.vars.truncate(known);
                    Some(Stmt::If(cond, yes, no))
                }
                _ if self.calls > 0 && !funcs.is_empty() => {
                    let func = self.pick(funcs.len());
                    self.call(&funcs[func]).map(|(args, keywords)| {
                        self.calls -= 1;
                        Stmt::Call(make(self, Ty::Text), func, args, keywords)
                    })
                }
                _ => None,
            };
            stmts.extend(stmt);
            self.vars.extend(new);
        }
        stmts
    }

    /// The arguments of a call, and from where on they are keywords.
    fn call(&mut self, func: &Func) -> Option<(Vec<Expr>, usize)> {
        let mut args = Vec::new();
        for (_, ty) in &func.params {
            args.push(match ty {
                Ty::Text => self.text(1),
                Ty::Mode => self.mode(),
                Ty::Dict | Ty::List | Ty::Object => {
                    // One object for two parameters would have two names.
                    let var = self.var(*ty)?;
                    let is_passed = |arg: &Expr| matches!(arg, Expr::Var(known) if *known == var);
                    if args.iter().any(is_passed) {
                        return None;
                    }
                    Expr::Var(var)
                }
            });
        }
        let defaults = func.params.iter().rev().take_while(|(_, ty)| has_default(*ty)).count();
        let left = self.pick(defaults + 1);
        args.truncate(args.len() - left);
        let keywords = self.pick(args.len() + 1);
        Some((args, keywords))
    }

    fn func(&mut self, index: usize, funcs: &[Func]) -> Func {
        self.vars.clear();
        self.calls = 2;
        let mut func = Func::default();
        self.is_entry = index + 1 == N_FUNCS;
        if !self.is_entry {
            for n in 0..1 + self.pick(3) {
                func.params.push((format!("p{n}"), TYPES[self.pick(TYPES.len())]));
            }
        }
        self.vars.clone_from(&func.params);
        if self.is_entry {
            // There is something of each type to pass.
            let given = [("d", Ty::Dict), ("o", Ty::Object), ("l", Ty::List), ("t", Ty::Text)];
            func.body.push(Stmt::NewDict("d".to_owned(), [self.text(1), self.text(1)]));
            func.body.push(Stmt::NewObject("o".to_owned(), [self.text(1), self.text(1)]));
            func.body.push(Stmt::NewList("l".to_owned(), self.text(1)));
            func.body.push(Stmt::Let("t".to_owned(), self.text(1)));
            self.vars.extend(given.map(|(var, ty)| (var.to_owned(), ty)));
        }
        func.body.extend(self.stmts(N_STMTS, 1, funcs));
        let cond = (self.pick(3) == 1).then(|| self.cond());
        func.returns = Some((cond, [self.text(1), self.text(1)]));
        func
    }
}

fn has_default(ty: Ty) -> bool {
    matches!(ty, Ty::Text | Ty::Mode)
}

fn program(bytes: &[Vec<u8>]) -> Vec<Func> {
    let mut chooser =
        Chooser { bytes: &[], n_sinks: 0, n_vars: 0, vars: Vec::new(), calls: 0, is_entry: false };
    let mut funcs: Vec<Func> = Vec::new();
    for (index, bytes) in bytes.iter().enumerate() {
        chooser.bytes = bytes;
        let func = chooser.func(index, &funcs);
        funcs.push(func);
    }
    funcs
}

/// Writes Python; where `inlines`, calls are written out.
struct Printer<'f> {
    funcs: &'f [Func],
    inlines: bool,
    n_copies: usize,
    out: String,
}

/// How variables are called: as in the function, or, in a copy of it, with something before them.
#[derive(Default)]
struct Scope {
    before: String,
    /// Parameters that are what the caller has under another name. The engine does not know that two variables of one
    /// function are one object (see `docs/limits.md`), so the twin has no second name for it.
    passed: BTreeMap<String, String>,
}

impl Scope {
    fn name(&self, var: &str) -> String {
        self.passed.get(var).cloned().unwrap_or_else(|| format!("{}{var}", self.before))
    }
}

/// Python of an expression.
fn shown(expr: &Expr, scope: &Scope) -> String {
    match expr {
        Expr::Word(word) => format!("\"{word}\""),
        Expr::Source => "request.args[\"q\"]".to_owned(),
        Expr::Var(var) => scope.name(var),
        Expr::Plus(a, b) => format!("{} + {}", shown(a, scope), shown(b, scope)),
        Expr::Clean(inner) => format!("shlex.quote({})", shown(inner, scope)),
        Expr::Item(var, key) => format!("{}[\"{key}\"]", scope.name(var)),
        Expr::Attr(var, name) => format!("{}.{name}", scope.name(var)),
        Expr::First(var) => format!("{}[0]", scope.name(var)),
    }
}

fn condition(cond: &Cond, scope: &Scope) -> String {
    match cond {
        Cond::Known(known) => if *known { "True" } else { "False" }.to_owned(),
        Cond::Is(var, mode) => format!("{} == \"{mode}\"", scope.name(var)),
    }
}

impl Printer<'_> {
    fn line(&mut self, indent: usize, text: &str) {
        let _ = writeln!(self.out, "{:width$}{text}", "", width = indent * 4);
    }

    fn stmts(&mut self, stmts: &[Stmt], indent: usize, scope: &Scope) {
        if stmts.is_empty() {
            self.line(indent, "pass");
        }
        for stmt in stmts {
            self.stmt(stmt, indent, scope);
        }
    }

    fn stmt(&mut self, stmt: &Stmt, indent: usize, scope: &Scope) {
        let to = match stmt {
            Stmt::Let(var, _)
            | Stmt::NewDict(var, _)
            | Stmt::NewList(var, _)
            | Stmt::NewObject(var, _)
            | Stmt::SetItem(var, ..)
            | Stmt::SetAttr(var, ..)
            | Stmt::Call(var, ..) => scope.name(var),
            Stmt::If(..) | Stmt::Sink(..) => String::new(),
        };
        match stmt {
            Stmt::Let(_, value) => self.line(indent, &format!("{to} = {}", shown(value, scope))),
            Stmt::NewDict(_, [a, b]) => {
                let (a, b) = (shown(a, scope), shown(b, scope));
                self.line(indent, &format!("{to} = {{\"a\": {a}, \"b\": {b}}}"));
            }
            Stmt::NewList(_, first) => self.line(indent, &format!("{to} = [{}]", shown(first, scope))),
            Stmt::NewObject(_, values) => {
                self.line(indent, &format!("{to} = Object()"));
                for (part, value) in PARTS.iter().zip(values) {
                    self.line(indent, &format!("{to}.{part} = {}", shown(value, scope)));
                }
            }
            Stmt::SetItem(_, key, value) => {
                self.line(indent, &format!("{to}[\"{key}\"] = {}", shown(value, scope)));
            }
            Stmt::SetAttr(_, name, value) => {
                self.line(indent, &format!("{to}.{name} = {}", shown(value, scope)));
            }
            Stmt::If(cond, yes, no) => {
                self.line(indent, &format!("if {}:", condition(cond, scope)));
                self.stmts(yes, indent + 1, scope);
                self.line(indent, "else:");
                self.stmts(no, indent + 1, scope);
            }
            Stmt::Sink(number, value) => {
                self.line(indent, &format!("os.system({})  # sink {number}", shown(value, scope)));
            }
            Stmt::Call(_, func, args, keywords) if !self.inlines => {
                let params = &self.funcs[*func].params;
                let show = |(at, (arg, (name, _))): (usize, (&Expr, &(String, Ty)))| {
                    let value = shown(arg, scope);
                    if at < *keywords { value } else { format!("{name}={value}") }
                };
                let args: Vec<String> = args.iter().zip(params).enumerate().map(show).collect();
                self.line(indent, &format!("{to} = f{func}({})", args.join(", ")));
            }
            Stmt::Call(_, func, args, _) => {
                let called = &self.funcs[*func];
                self.n_copies += 1;
                let mut inner = Scope { before: format!("c{}_", self.n_copies), passed: BTreeMap::new() };
                for (at, (name, ty)) in called.params.iter().enumerate() {
                    let value = args.get(at).map_or_else(|| default(*ty).to_owned(), |arg| shown(arg, scope));
                    if has_default(*ty) {
                        self.line(indent, &format!("{} = {value}", inner.name(name)));
                    } else {
                        inner.passed.insert(name.clone(), value);
                    }
                }
                self.stmts(&called.body, indent, &inner);
                self.returns(called, indent, &inner, &format!("{to} = "));
            }
        }
    }

    /// What a function returns, with `before` in front of it.
    fn returns(&mut self, func: &Func, indent: usize, scope: &Scope, before: &str) {
        let Some((cond, [yes, no])) = &func.returns else { return };
        let (yes, no) = (shown(yes, scope), shown(no, scope));
        match cond {
            None => self.line(indent, &format!("{before}{yes}")),
            Some(cond) => {
                self.line(indent, &format!("if {}:", condition(cond, scope)));
                self.line(indent + 1, &format!("{before}{yes}"));
                self.line(indent, "else:");
                self.line(indent + 1, &format!("{before}{no}"));
            }
        }
    }
}

/// The functions that the last one calls, by way of others too.
fn called(funcs: &[Func]) -> BTreeSet<usize> {
    fn note(stmts: &[Stmt], funcs: &[Func], found: &mut BTreeSet<usize>) {
        for stmt in stmts {
            match stmt {
                Stmt::Call(_, func, ..) => {
                    found.insert(*func);
                    note(&funcs[*func].body, funcs, found);
                }
                Stmt::If(_, yes, no) => [yes, no].into_iter().for_each(|stmts| note(stmts, funcs, found)),
                _ => {}
            }
        }
    }
    let mut found = BTreeSet::new();
    funcs.iter().last().into_iter().for_each(|entry| note(&entry.body, funcs, &mut found));
    found
}

fn default(ty: Ty) -> &'static str {
    if ty == Ty::Mode { "\"on\"" } else { "\"none\"" }
}

fn python(funcs: &[Func], inlines: bool) -> String {
    let head = "import os\nimport shlex\n\nfrom flask import request\n\n\nclass Object:\n    pass\n";
    let called = called(funcs);
    let mut printer = Printer { funcs, inlines, n_copies: 0, out: head.to_owned() };
    for (index, func) in funcs.iter().enumerate() {
        if index + 1 < funcs.len() && (inlines || !called.contains(&index)) {
            continue;
        }
        let n_plain = func.params.iter().rev().skip_while(|(_, ty)| has_default(*ty)).count();
        let param = |(at, (name, ty)): (usize, &(String, Ty))| {
            if at < n_plain { name.clone() } else { format!("{name}={}", default(*ty)) }
        };
        let params: Vec<String> = func.params.iter().enumerate().map(param).collect();
        printer.line(0, &format!("\n\ndef f{index}({}):", params.join(", ")));
        printer.stmts(&func.body, 1, &Scope::default());
        printer.returns(func, 1, &Scope::default(), "return ");
    }
    printer.out
}

/// The numbers of the sinks that are reported.
fn found(text: &str) -> BTreeSet<usize> {
    let file = SourceFile::new("app.py", FileKind::Module, false, text.to_owned());
    let files: IdVec<FileId, SourceFile> = [file].into_iter().collect();
    let judge = rules::judge(|id| id == "command-injection");
    let scan = scan::scan(&files, &judge, &|| ());
    let file = files.iter().next().unwrap();
    let number = |finding: &snakestone::finding::Finding| {
        let line = file.slice(file.line_span(file.line(finding.span.start)));
        line.trim_end().rsplit_once("# sink ").unwrap().1.parse().unwrap()
    };
    scan.findings.iter().map(number).collect()
}

/// Bytes for each function.
fn bytes() -> impl Strategy<Value = Vec<Vec<u8>>> {
    proptest::collection::vec(proptest::collection::vec(any::<u8>(), 20..70), N_FUNCS)
}

proptest! {
    #[test]
    fn a_summary_tells_what_the_written_out_call_tells(bytes in bytes()) {
        let funcs = program(&bytes);
        let (called, inlined) = (python(&funcs, false), python(&funcs, true));
        prop_assert_eq!(found(&called), found(&inlined), "{}\n{}", called, inlined);
    }
}
