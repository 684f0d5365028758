//! Templates of Jinja2 and Django: what they print of the variables they are given without escaping it.
//!
//! In: the text of template files. Out: for each name of a template the places where variables are printed in a way that
//! lets them become tags or code. It knows no Python; what the variables hold is for `taint`. Macros, filters and tags of
//! the project's own are not followed.

mod expr;
mod html;
mod lex;
mod library;
mod parse;

pub use library::{Library, is_template};

use crate::text::{FileId, Span};

/// A step into a variable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// An attribute or an entry of this name: templates do not tell them apart.
    Name(Box<str>),
    /// An element, or an entry whose key is not known.
    Element,
}

/// Whether a value is escaped where it is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Escape {
    /// If escaping is on there.
    Plain,
    /// Not: it is marked as safe.
    Marked,
    /// Yes, or made harmless otherwise.
    Done,
}

/// A variable on its way to where it is printed.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Flow {
    root: Box<str>,
    steps: Vec<Step>,
    escape: Escape,
}

/// Why a variable that is printed may become more than text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// It is marked as safe.
    Marked,
    /// Escaping is switched off around it.
    SwitchedOff,
    /// Files of that name are not escaped.
    NotEscaped,
    /// It stands in a script, outside of quotes.
    Script,
    /// It stands in the code of an attribute.
    Handler,
    /// It stands in a tag without quotes.
    Unquoted,
}

/// A variable that is printed in a way that lets it become tags or code.
#[derive(Clone, Debug)]
pub struct Raw {
    /// The variable that the template is given.
    pub root: Box<str>,
    /// The way into it.
    pub steps: Vec<Step>,
    /// The template's file.
    pub file: FileId,
    /// `{{ … }}`
    pub span: Span,
    /// Why it is not harmless there.
    pub why: Why,
}
