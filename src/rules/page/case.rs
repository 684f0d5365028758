//! The code blocks of a page: what readers see, and what the tests run.

use crate::rules::page::PageError;

/// What a page says about one line of its code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expectation {
    /// A finding starts here; the text, unless empty, occurs in its message, solution or trace.
    Find(String),
    /// No finding starts here.
    Ok,
    /// A finding should start here and does not yet.
    Miss,
    /// A finding starts here and should not.
    Noise,
}

/// One tested code block: a file of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Case {
    /// Path of the file, relative.
    pub path: String,
    /// Line of the page, from 1, that the block's first line is; for failure messages.
    pub line: u32,
    /// The code, without markers.
    pub text: String,
    /// Expectations by line of `text`, from 1, in order.
    pub expectations: Vec<(u32, Expectation)>,
}

pub(super) struct Blocks {
    pub(super) manual: String,
    pub(super) cases: Vec<Case>,
}

/// Splits the Markdown into the manual, free of markers, and the cases.
pub(super) fn read(body: &str, body_line: u32) -> Result<Blocks, PageError> {
    let mut blocks = Blocks { manual: String::with_capacity(body.len()), cases: Vec::new() };
    let mut open: Option<Open> = None;
    for (line, number) in body.trim_end().lines().zip(body_line..) {
        match open.take() {
            None => {
                open = Fence::parse(line).map(|fence| Open::new(&fence, number)).transpose()?;
                push(&mut blocks.manual, line);
            }
            Some(block) if block.is_closed_by(line) => {
                blocks.cases.extend(block.case);
                push(&mut blocks.manual, line);
            }
            Some(mut block) => {
                push(&mut blocks.manual, block.add(line, number)?);
                open = Some(block);
            }
        }
    }
    match open {
        None => Ok(blocks),
        Some(block) => Err(PageError::new(block.line, "this code block is not closed")),
    }
}

fn push(manual: &mut String, line: &str) {
    manual.push_str(line);
    manual.push('\n');
}

struct Fence<'a> {
    ticks: usize,
    info: &'a str,
}

impl<'a> Fence<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let info = line.trim_start_matches('`');
        let ticks = line.len() - info.len();
        (ticks >= 3 && !info.contains('`')).then(|| Self { ticks, info: info.trim() })
    }
}

/// A block being read.
struct Open {
    line: u32,
    ticks: usize,
    is_python: bool,
    case: Option<Case>,
}

impl Open {
    fn new(fence: &Fence, line: u32) -> Result<Self, PageError> {
        let mut words = fence.info.split_whitespace();
        let is_python = words.next() == Some("python");
        let case = |path: &str| {
            Some(Case {
                path: path.to_owned(),
                line: line + 1,
                text: String::new(),
                expectations: Vec::new(),
            })
        };
        let case = match (is_python, words.next(), words.next()) {
            (false, _, _) | (true, Some("example"), None) => None,
            (true, None, _) => case("snippet.py"),
            (true, Some(word), None) if word.starts_with("path=") => {
                let path = &word["path=".len()..];
                if path.is_empty() || path.starts_with('/') || path.split('/').any(|part| part == "..") {
                    return Err(PageError::new(line, "expected a relative path without `..`"));
                }
                case(path)
            }
            (true, Some(_), _) => {
                let what = "expected `python`, `python path=FILE` or `python example`";
                return Err(PageError::new(line, what));
            }
        };
        Ok(Self { line, ticks: fence.ticks, is_python, case })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        Fence::parse(line).is_some_and(|fence| fence.ticks >= self.ticks && fence.info.is_empty())
    }

    /// Takes one line of the block; returns it as readers see it.
    fn add<'a>(&mut self, line: &'a str, number: u32) -> Result<&'a str, PageError> {
        if !self.is_python {
            return Ok(line);
        }
        let (code, expectation) = marker(line, number)?;
        if let Some(case) = &mut self.case {
            push(&mut case.text, code);
            case.expectations.extend(expectation.map(|it| (number - self.line, it)));
        }
        Ok(code)
    }
}

/// Splits a line of code from the marker at its end.
fn marker(line: &str, number: u32) -> Result<(&str, Option<Expectation>), PageError> {
    for (at, _) in line.match_indices('#') {
        let comment = line[at + 1..].trim();
        let end = comment.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(comment.len());
        let (word, rest) = comment.split_at(end);
        let text = rest.strip_prefix(':').map(str::trim);
        let expectation = match word {
            "find" => Expectation::Find(text.unwrap_or_default().to_owned()),
            "ok" => Expectation::Ok,
            "miss" => Expectation::Miss,
            "noise" => Expectation::Noise,
            _ => continue,
        };
        if text.is_none() && !rest.is_empty() {
            // Text that only begins like a marker: a comment such as `# ok_codes`, a string such as
            // `"# ok"`. With a blank after the word it is a marker gone wrong, which must not go unseen.
            if rest.starts_with(' ') {
                let what = format!("expected `# {word}`, `# {word}: text`, or another comment");
                return Err(PageError::new(number, what));
            }
            continue;
        }
        return Ok((line[..at].trim_end(), Some(expectation)));
    }
    Ok((line, None))
}
