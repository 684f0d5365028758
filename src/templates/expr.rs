//! Expressions of templates: which variables become part of what is printed, and whether they are escaped on the way.
//!
//! In: the text between delimiters, and what the names in it stand for. Out: flows. Functions and filters of the project's
//! own are not followed: what they return is nobody's.

use crate::templates::{Escape, Flow, Step};

/// Deepest nesting of an expression.
const MAX_DEPTH: u32 = 32;
/// Most flows of an expression.
const MAX_FLOWS: usize = 16;
/// Longest path into a variable.
const MAX_STEPS: usize = 4;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Token<'t> {
    Name(&'t str),
    Number,
    Text(&'t str),
    Sign(&'t str),
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    const SIGNS: &[&str] = &["==", "!=", "<=", ">=", "//", "**"];
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let taken = if first == '"' || first == '\'' {
            let inner = &rest[1..];
            let mut is_escaped = false;
            let end = inner.find(|c| {
                let ends = c == first && !is_escaped;
                is_escaped = c == '\\' && !is_escaped;
                ends
            });
            let inner = end.map_or(inner, |end| &inner[..end]);
            tokens.push(Token::Text(inner));
            (inner.len() + 2).min(rest.len())
        } else if first.is_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(Token::Name(&rest[..end]));
            end
        } else if first.is_ascii_digit() {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(Token::Number);
            end
        } else {
            let end =
                SIGNS.iter().find(|sign| rest.starts_with(**sign)).map_or(first.len_utf8(), |it| it.len());
            tokens.push(Token::Sign(&rest[..end]));
            end
        };
        rest = rest[taken..].trim_start();
    }
    tokens
}

/// What names stand for that the template has bound itself; `None` for what it is given.
pub(super) trait Names {
    fn bound(&self, name: &str) -> Option<&[Flow]>;
}

/// The flows of an expression.
pub(super) fn flows(text: &str, names: &impl Names) -> Vec<Flow> {
    let mut parser = Parser { tokens: tokens(text), at: 0, names, depth: 0 };
    parser.ternary()
}

struct Parser<'t, N> {
    tokens: Vec<Token<'t>>,
    at: usize,
    names: &'t N,
    depth: u32,
}

impl<'t, N: Names> Parser<'t, N> {
    fn peek(&self) -> Option<Token<'t>> {
        self.tokens.get(self.at).copied()
    }

    fn next(&mut self) -> Option<Token<'t>> {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn takes(&mut self, token: Token<'_>) -> bool {
        let is_next = self.peek() == Some(token);
        self.at += usize::from(is_next);
        is_next
    }

    /// `a if test else b`
    fn ternary(&mut self) -> Vec<Flow> {
        self.depth += 1;
        let mut flows = if self.depth > MAX_DEPTH { Vec::new() } else { self.either() };
        if self.depth <= MAX_DEPTH && self.takes(Token::Name("if")) {
            self.either();
            if self.takes(Token::Name("else")) {
                add(&mut flows, self.ternary());
            }
        }
        self.depth -= 1;
        flows
    }

    /// `a or b`: one of them; `a and b`: the last; of a comparison and `not` nothing but its truth.
    fn either(&mut self) -> Vec<Flow> {
        let mut flows = self.compared();
        loop {
            if self.takes(Token::Name("or")) {
                add(&mut flows, self.compared());
            } else if self.takes(Token::Name("and")) {
                flows = self.compared();
            } else {
                return flows;
            }
        }
    }

    fn compared(&mut self) -> Vec<Flow> {
        let mut is_truth = false;
        while self.takes(Token::Name("not")) {
            is_truth = true;
        }
        let flows = self.sum();
        while let Some(token) = self.peek() {
            match token {
                Token::Sign("==" | "!=" | "<" | ">" | "<=" | ">=") => self.at += 1,
                Token::Name("in" | "is" | "not") => {
                    self.at += 1;
                    while matches!(self.peek(), Some(Token::Name("in" | "not"))) {
                        self.at += 1;
                    }
                }
                _ => break,
            }
            self.sum();
            is_truth = true;
        }
        if is_truth { Vec::new() } else { flows }
    }

    /// `a ~ b`, `a + b`, `template % values`; other arithmetic is of numbers, which are harmless.
    fn sum(&mut self) -> Vec<Flow> {
        let mut flows = self.filtered();
        while let Some(Token::Sign(sign @ ("~" | "+" | "%" | "-" | "*" | "/" | "//" | "**"))) = self.peek() {
            self.at += 1;
            let right = self.filtered();
            match sign {
                "~" | "+" | "%" => add(&mut flows, right),
                _ => flows.clear(),
            }
        }
        flows
    }

    fn filtered(&mut self) -> Vec<Flow> {
        let mut is_number = false;
        while self.takes(Token::Sign("-")) || self.takes(Token::Sign("+")) {
            is_number = true;
        }
        let mut flows = self.postfix();
        if is_number {
            flows.clear();
        }
        while self.takes(Token::Sign("|")) {
            let Some(Token::Name(name)) = self.next() else { return Vec::new() };
            let mut name = name;
            // `|filters.name`
            while self.takes(Token::Sign(".")) {
                if let Some(Token::Name(last)) = self.next() {
                    name = last;
                }
            }
            let given = if self.takes(Token::Sign("(")) {
                self.arguments(")")
            } else if self.takes(Token::Sign(":")) {
                self.postfix()
            } else {
                Vec::new()
            };
            filter(&mut flows, name, given);
        }
        flows
    }

    /// The flows of all arguments up to `close`.
    fn arguments(&mut self, close: &str) -> Vec<Flow> {
        let mut flows = Vec::new();
        while let Some(token) = self.peek() {
            if self.takes(Token::Sign(close)) {
                break;
            }
            let before = self.at;
            if let (Token::Name(_), Some(Token::Sign("="))) = (token, self.tokens.get(self.at + 1)) {
                self.at += 2;
            }
            add(&mut flows, self.ternary());
            if !self.takes(Token::Sign(",")) && !self.takes(Token::Sign(":")) && self.at == before {
                self.at += 1;
            }
        }
        flows
    }

    fn postfix(&mut self) -> Vec<Flow> {
        let mut flows = self.primary();
        loop {
            if self.takes(Token::Sign(".")) {
                match self.next() {
                    Some(Token::Name(name)) if self.takes(Token::Sign("(")) => {
                        let key = match self.peek() {
                            Some(Token::Text(key)) => Some(key),
                            _ => None,
                        };
                        let given = self.arguments(")");
                        called(&mut flows, name, key, given);
                    }
                    Some(Token::Name(name)) => go(&mut flows, &Step::Name(name.into())),
                    Some(Token::Number) => go(&mut flows, &Step::Element),
                    _ => return Vec::new(),
                }
            } else if self.takes(Token::Sign("[")) {
                let step = match (self.peek(), self.tokens.get(self.at + 1)) {
                    (Some(Token::Text(key)), Some(Token::Sign("]"))) => Step::Name(key.into()),
                    _ => Step::Element,
                };
                self.arguments("]");
                go(&mut flows, &step);
            } else if self.takes(Token::Sign("(")) {
                self.arguments(")");
                flows.clear();
            } else {
                return flows;
            }
        }
    }

    fn primary(&mut self) -> Vec<Flow> {
        match self.next() {
            // bottle prints `{{! name }}` as it is.
            Some(Token::Sign("!")) if self.at == 1 => {
                let mut flows = self.filtered();
                filter(&mut flows, "safe", Vec::new());
                flows
            }
            Some(Token::Sign("(")) => self.arguments(")"),
            Some(Token::Sign("[")) => self.arguments("]"),
            Some(Token::Sign("{")) => self.arguments("}"),
            Some(Token::Name(
                "true" | "false" | "none" | "True" | "False" | "None" | "not" | "loop" | "forloop" | "super",
            )) => Vec::new(),
            Some(Token::Name(name)) => match self.names.bound(name) {
                Some(flows) => flows.to_vec(),
                None => vec![Flow { root: name.into(), steps: Vec::new(), escape: Escape::Plain }],
            },
            _ => Vec::new(),
        }
    }
}

fn add(flows: &mut Vec<Flow>, more: Vec<Flow>) {
    for flow in more {
        if flows.len() < MAX_FLOWS && !flows.contains(&flow) {
            flows.push(flow);
        }
    }
}

/// Takes one step into what `flows` are of.
pub(super) fn go(flows: &mut [Flow], step: &Step) {
    for flow in flows {
        if flow.steps.len() < MAX_STEPS {
            flow.steps.push(step.clone());
        }
    }
}

/// What a method makes of `flows`: of texts and mappings it is known, of other objects it is theirs alone.
fn called(flows: &mut Vec<Flow>, method: &str, key: Option<&str>, given: Vec<Flow>) {
    match method {
        "get" => go(flows, &key.map_or(Step::Element, |key| Step::Name(key.into()))),
        "items" | "values" => go(flows, &Step::Element),
        "upper" | "lower" | "strip" | "lstrip" | "rstrip" | "title" | "capitalize" | "replace" | "keys" => {}
        "split" | "rsplit" | "splitlines" => go(flows, &Step::Element),
        "format" | "join" => add(flows, given),
        _ => flows.clear(),
    }
}

/// What a filter of Jinja2 or Django makes of `flows`, which are the one or the other as its name tells.
fn filter(flows: &mut Vec<Flow>, name: &str, given: Vec<Flow>) {
    let set = |flows: &mut Vec<Flow>, escape| flows.iter_mut().for_each(|flow| flow.escape = escape);
    match name {
        "safe" | "safeseq" => {
            flows
                .iter_mut()
                .filter(|flow| flow.escape == Escape::Plain)
                .for_each(|flow| flow.escape = Escape::Marked);
        }
        "e" | "escape" => {
            // It leaves what is marked as it is.
            flows
                .iter_mut()
                .filter(|flow| flow.escape == Escape::Plain)
                .for_each(|it| it.escape = Escape::Done);
        }
        "forceescape" | "force_escape" | "tojson" | "json_script" | "escapejs" | "urlencode" | "xmlattr"
        | "iriencode" | "slugify" => set(flows, Escape::Done),
        "default" | "d" | "default_if_none" => add(flows, given),
        // What is formatted into marked text is escaped.
        "format" => {
            let is_marked = flows.iter().any(|flow| flow.escape == Escape::Marked);
            add(flows, if is_marked { Vec::new() } else { given });
        }
        "first" | "last" | "random" => go(flows, &Step::Element),
        "striptags" | "trim" | "strip" | "upper" | "lower" | "title" | "capitalize" | "capfirst"
        | "truncate" | "truncatechars" | "truncatewords" | "truncatechars_html" | "truncatewords_html"
        | "wordwrap" | "center" | "ljust" | "rjust" | "indent" | "replace" | "cut" | "join" | "list"
        | "sort" | "reverse" | "unique" | "string" | "stringformat" | "slice" | "linebreaks"
        | "linebreaksbr" | "urlize" | "urlizetrunc" | "linenumbers" | "unordered_list" | "addslashes"
        | "removetags" | "pprint" | "dictsort" | "batch" => {}
        // A number, a length, a date, or a filter of the project's own.
        _ => flows.clear(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Names, flows};
    use crate::templates::{Escape, Flow, Step};

    struct Free;

    impl Names for Free {
        fn bound(&self, _name: &str) -> Option<&[Flow]> {
            None
        }
    }

    fn shown(text: &str) -> String {
        let one = |flow: &Flow| {
            let steps = flow.steps.iter().map(|step| match step {
                Step::Name(name) => format!(".{name}"),
                Step::Element => "[*]".to_owned(),
            });
            let escape = match flow.escape {
                Escape::Plain => "",
                Escape::Marked => "!",
                Escape::Done => "?",
            };
            format!("{}{}{escape}", flow.root, steps.collect::<String>())
        };
        flows(text, &Free).iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn variables_and_their_parts_are_told_apart() {
        assert_eq!(shown("a"), "a");
        assert_eq!(shown("a.b['c'][0].d"), "a.b.c[*].d");
        assert_eq!(shown("a.get('k', 'x').strip()"), "a.k");
        assert_eq!(shown("a.0.b"), "a[*].b");
        assert_eq!(shown("'a' ~ b ~ c|safe"), "b c!");
        assert_eq!(shown("(a ~ b)|safe"), "a! b!");
        assert_eq!(shown("a if b else c"), "a c");
        assert_eq!(shown("a or b"), "a b");
        assert_eq!(shown("a and b"), "b");
    }

    #[test]
    fn filters_mark_escape_or_end_it() {
        assert_eq!(shown("a|safe"), "a!");
        assert_eq!(shown("a|e|safe"), "a?");
        assert_eq!(shown("a|safe|e"), "a!");
        assert_eq!(shown("a|safe|forceescape"), "a?");
        assert_eq!(shown("a|default:b|safe"), "a! b!");
        assert_eq!(shown("a|truncatewords:30|safe"), "a!");
        assert_eq!(shown("a|tojson|safe"), "a?");
        assert_eq!(shown("a|length"), "");
        assert_eq!(shown("a|own_filter|safe"), "");
        assert_eq!(shown("a|join(', ')|safe"), "a!");
    }

    #[test]
    fn tests_numbers_and_calls_print_no_variable() {
        for text in
            ["a == b", "not a", "a in b", "a is defined", "url_for('x', y=a)", "a.render()", "-a", "1", ""]
        {
            assert_eq!(shown(text), "", "{text}");
        }
        assert_eq!(shown("a|default('x') if b.c == d else 'e'"), "a");
    }

    #[test]
    fn what_is_malformed_or_deep_ends() {
        for text in ["a|", "a.", "a[", "(((", "a if", "'x", "{'a': ", ")", "a b", "|", "!"] {
            shown(text);
        }
        assert_eq!(shown(&"(".repeat(100_000)), "");
        assert_eq!(shown(&"a|safe~".repeat(50_000)), "a!");
        assert_eq!(shown(&"not ".repeat(100_000)), "");
    }
}
