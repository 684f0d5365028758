//! The templates of a project by the names that programs use.

use std::sync::OnceLock;

use crate::base::IdVec;
use crate::templates::html::Context;
use crate::templates::parse::{Include, Print, Template, parse};
use crate::templates::{Escape, Flow, Raw, Why};
use crate::text::{FileId, FileKind, SourceFile};

/// Most templates that one is made of, and that are put into each other.
const MAX_PARTS: usize = 256;
const MAX_DEPTH: usize = 16;
/// Most variables that one name stands for.
const MAX_FLOWS: usize = 16;
/// Longest way into a variable.
const MAX_STEPS: usize = 8;
/// Most prints that are looked at of one.
const MAX_RAW: usize = 512;
/// Folders that loaders look in by convention.
const FOLDERS: &[&str] = &["templates", "template", "jinja2", "views"];
/// Suffixes of templates wherever they lie.
const SUFFIXES: &[&str] = &["html", "htm", "xhtml", "j2", "jinja", "jinja2"];
/// Those of templates in folders of loaders.
const IN_FOLDERS: &[&str] = &["xml", "svg", "txt", "tpl"];

/// Whether the file at `path` (relative, `/`-separated) may be a template.
#[must_use]
pub fn is_template(path: &str) -> bool {
    let Some((stem, suffix)) = path.rsplit_once('.') else { return false };
    let in_folder = || stem.split('/').any(|part| FOLDERS.contains(&part));
    SUFFIXES.contains(&suffix) || IN_FOLDERS.contains(&suffix) && in_folder()
}

/// All templates; each is read when it is asked for.
pub struct Library<'f> {
    files: &'f IdVec<FileId, SourceFile>,
    templates: Vec<(FileId, OnceLock<Template>)>,
}

impl<'f> Library<'f> {
    /// The templates among `files`.
    #[must_use]
    pub fn new(files: &'f IdVec<FileId, SourceFile>) -> Self {
        let is_one = |(_, file): &(FileId, &SourceFile)| file.kind == FileKind::Template;
        let templates = files.pairs().filter(is_one).map(|(id, _)| (id, OnceLock::new())).collect();
        Self { files, templates }
    }

    /// What the template `name` prints raw, with what it includes and extends. `near` is the path of the file that
    /// renders it; `escapes` tells of a name whether the engine escapes files that are called so.
    #[must_use]
    pub fn raw(&self, name: &str, near: &str, escapes: &dyn Fn(&str) -> bool) -> Vec<Raw> {
        let Some(at) = self.find(name, near) else { return Vec::new() };
        let (around, raw) = (Vec::new(), Vec::new());
        let mut walk = Walk { library: self, near, escapes, around, left: MAX_PARTS, raw };
        walk.whole(at, &Given::default());
        walk.raw
    }

    /// The template that a loader gives for `name`: below one of its folders, nearest to `near`.
    fn find(&self, name: &str, near: &str) -> Option<usize> {
        let name = name.trim_start_matches("./");
        let is_whole = |folder: &str| folder.is_empty() || folder.ends_with('/');
        let shared = |path: &str| path.bytes().zip(near.bytes()).take_while(|(a, b)| a == b).count();
        let candidates = self.templates.iter().enumerate().filter_map(|(at, (file, _))| {
            let path = &*self.files[*file].path;
            let folder = path.strip_suffix(name).filter(|folder| is_whole(folder))?;
            let last = folder.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            Some(((FOLDERS.contains(&last), shared(path), std::cmp::Reverse(at)), at))
        });
        candidates.max().map(|(_, at)| at)
    }

    fn template(&self, at: usize) -> &Template {
        let (file, template) = &self.templates[at];
        template.get_or_init(|| parse(&self.files[*file].text))
    }
}

/// What was seen on the way through templates that put each other in.
struct Walk<'w, 'f> {
    library: &'w Library<'f>,
    near: &'w str,
    escapes: &'w dyn Fn(&str) -> bool,
    /// The templates that the one at hand is put into, itself last.
    around: Vec<usize>,
    /// How many more may be looked at.
    left: usize,
    raw: Vec<Raw>,
}

/// What the names in a template stand for, in variables of the one that was asked for.
#[derive(Default)]
struct Given {
    bound: Vec<(Box<str>, Vec<Flow>)>,
    /// Whether other names stand for nothing.
    is_alone: bool,
}

impl Given {
    fn meaning(&self, flow: &Flow) -> Vec<Flow> {
        match self.bound.iter().find(|(name, _)| *name == flow.root) {
            Some((_, bound)) => bound.iter().map(|outer| joined(outer, flow)).collect(),
            None if self.is_alone => Vec::new(),
            None => vec![flow.clone()],
        }
    }

    /// What a template is given that is put in here.
    fn within(&self, include: &Include) -> Self {
        let of = |flows: &[Flow]| flows.iter().flat_map(|flow| self.meaning(flow)).take(MAX_FLOWS).collect();
        let mut bound: Vec<_> = include.with.iter().map(|(name, flows)| (name.clone(), of(flows))).collect();
        if !include.is_alone {
            bound.extend(self.bound.iter().cloned());
        }
        Self { bound, is_alone: include.is_alone || self.is_alone }
    }
}

impl Walk<'_, '_> {
    /// A template, and those around it without the blocks that it fills.
    fn whole(&mut self, at: usize, given: &Given) {
        let library = self.library;
        let depth = self.around.len();
        let mut filled: Vec<&str> = Vec::new();
        let mut next = Some(at);
        while let Some(at) = next {
            if self.left == 0 || self.around.len() >= MAX_DEPTH || self.around.contains(&at) {
                break;
            }
            self.left -= 1;
            self.around.push(at);
            let template = library.template(at);
            // What stands outside of blocks is not shown where there is a template around.
            let is_shown = |blocks: &[Box<str>]| {
                (template.extends.is_none() || !blocks.is_empty())
                    && !blocks.iter().any(|block| filled.contains(&&**block))
            };
            for print in template.prints.iter().filter(|print| is_shown(&print.blocks)) {
                self.print(at, print, given);
            }
            for include in template.includes.iter().filter(|include| is_shown(&include.blocks)) {
                if let Some(inner) = library.find(&include.name, self.near) {
                    self.whole(inner, &given.within(include));
                }
            }
            filled.extend(template.blocks.iter().map(|block| &**block));
            next = template.extends.as_deref().and_then(|name| library.find(name, self.near));
        }
        // It may be put in again, with other values.
        self.around.truncate(depth);
    }

    fn print(&mut self, at: usize, print: &Print, given: &Given) {
        let (file, _) = self.library.templates[at];
        let path = &*self.library.files[file].path;
        // Text without tags is mail or configuration more often than a page.
        let is_page = self.library.template(at).is_page && !path.ends_with(".txt");
        let by_file = || is_page && !(self.escapes)(path);
        for flow in given.meaning(&print.flow) {
            let why = match (flow.escape, print.autoescape) {
                (Escape::Done, _) => continue,
                (Escape::Marked, _) => Why::Marked,
                (Escape::Plain, Some(false)) => Why::SwitchedOff,
                (Escape::Plain, None) if by_file() => Why::NotEscaped,
                (Escape::Plain, _) => match print.context {
                    Context::Escapable => continue,
                    Context::Script => Why::Script,
                    Context::Handler => Why::Handler,
                    Context::Attribute => Why::Unquoted,
                },
            };
            if self.raw.len() < MAX_RAW {
                self.raw.push(Raw { root: flow.root, steps: flow.steps, file, span: print.span, why });
            }
        }
    }
}

/// What a name was bound to, and the way from there.
fn joined(outer: &Flow, inner: &Flow) -> Flow {
    let escape = match (outer.escape, inner.escape) {
        (Escape::Plain, inner) => inner,
        (outer, _) => outer,
    };
    let mut steps = [&outer.steps[..], &inner.steps[..]].concat();
    steps.truncate(MAX_STEPS);
    Flow { root: outer.root.clone(), steps, escape }
}

#[cfg(test)]
mod tests {
    use super::{Library, is_template};
    use crate::base::IdVec;
    use crate::templates::Step;
    use crate::text::{FileId, FileKind, SourceFile};

    fn raw(files: &[(&str, &str)], name: &str) -> Vec<String> {
        let file = |(path, text): &(&str, &str)| {
            SourceFile::new(*path, FileKind::Template, false, (*text).to_owned())
        };
        let files: IdVec<FileId, SourceFile> = files.iter().map(file).collect();
        let found = Library::new(&files).raw(name, "shop/app.py", &|name| name.ends_with(".html"));
        let shown = |raw: &super::Raw| {
            let steps = raw.steps.iter().map(|step| match step {
                Step::Name(name) => format!(".{name}"),
                Step::Element => "[*]".to_owned(),
            });
            format!("{}{} {:?}", raw.root, steps.collect::<String>(), raw.why)
        };
        found.iter().map(shown).collect()
    }

    fn of(text: &str) -> Vec<String> {
        raw(&[("shop/templates/a.html", text)], "a.html")
    }

    #[test]
    fn what_is_marked_or_not_escaped_is_raw() {
        assert_eq!(of("{{ a }} {{ b|safe }}"), ["b Marked"]);
        assert_eq!(of("{% autoescape off %}{{ a }}{{ b|e }}{% endautoescape %}{{ c }}"), ["a SwitchedOff"]);
        assert_eq!(of("{% autoescape true %}{{ a }}{% endautoescape %}"), [""; 0]);
        assert_eq!(of("{# {{ a|safe }} #}{% raw %}{{ b|safe }}{% endraw %}"), [""; 0]);
        let text = "<p>{{ a }}</p>{{ b|e }}";
        assert_eq!(raw(&[("templates/a.j2", text)], "a.j2"), ["a NotEscaped"]);
        assert_eq!(raw(&[("templates/a.txt", text)], "a.txt"), [""; 0]);
        assert_eq!(raw(&[("templates/a.j2", "{{ a }}")], "a.j2"), [""; 0]);
    }

    #[test]
    fn where_it_stands_counts() {
        assert_eq!(of("<script>var a = {{ a }}, b = '{{ b }}'</script>"), ["a Script"]);
        assert_eq!(
            of("<a class={{ a }} href=\"{{ b }}\" onclick=\"f('{{ c }}')\">"),
            ["a Unquoted", "c Handler"]
        );
        assert_eq!(of("<script>var a = {{ a|tojson }}</script>"), [""; 0]);
    }

    #[test]
    fn names_that_a_template_binds_stand_for_what_they_are() {
        assert_eq!(
            of("{% for x in xs %}{{ x.y|safe }}{% endfor %}{{ x|safe }}"),
            ["xs[*].y Marked", "x Marked"]
        );
        assert_eq!(of("{% for k, v in d.items() %}{{ k|safe }}{{ v|safe }}{% endfor %}"), ["d[*] Marked"]);
        assert_eq!(of("{% for k, v in d.items %}{{ v|safe }}{% endfor %}"), ["d[*] Marked"]);
        assert_eq!(of("{% set x = a.b|safe %}{{ x }}"), ["a.b Marked"]);
        assert_eq!(of("{% set x = 'a' %}{{ x|safe }}{% set y %}{{ a }}{% endset %}{{ y|safe }}"), [""; 0]);
        assert_eq!(of("{% with x=a y=b.c|safe %}{{ x }}{{ y }}{% endwith %}"), ["b.c Marked"]);
        assert_eq!(of("{% with a as x %}{{ x|safe }}{% endwith %}"), ["a Marked"]);
        assert_eq!(of("{% url 'x' as link %}{{ link|safe }}"), [""; 0]);
        assert_eq!(of("{% macro m(a) %}{{ a|safe }}{% endmacro %}{{ m(b) }}"), [""; 0]);
    }

    #[test]
    fn templates_are_made_of_others() {
        let base = ("templates/base.html", "{{ t|safe }}{% block b %}{{ u|safe }}{% endblock %}");
        let page = (
            "templates/p.html",
            "{% extends 'base.html' %}{{ n|safe }}{% block b %}{{ v|safe }}{% endblock %}",
        );
        assert_eq!(raw(&[base, page], "p.html"), ["v Marked", "t Marked"]);
        let part = ("templates/part.html", "{{ x|safe }}{{ y|safe }}");
        let with = ("templates/w.html", "{% include 'part.html' with x=a.b only %}{% include 'part.html' %}");
        assert_eq!(raw(&[part, with], "w.html"), ["a.b Marked", "x Marked", "y Marked"]);
        let each = ("templates/e.html", "{% for x in xs %}{% include 'part.html' %}{% endfor %}");
        assert_eq!(raw(&[part, each], "e.html"), ["xs[*] Marked", "y Marked"]);
    }

    #[test]
    fn circles_end() {
        let a = (
            "templates/a.html",
            "{% extends 'b.html' %}{% block x %}{% include 'a.html' %}{{ a|safe }}{% endblock %}",
        );
        let b = ("templates/b.html", "{% extends 'a.html' %}{% include 'b.html' %}{{ b|safe }}");
        assert_eq!(raw(&[a, b], "a.html"), ["a Marked"]);
        let many = "{% include 'c.html' %}".repeat(3000) + "{{ c|safe }}";
        assert!(raw(&[("templates/c.html", &many)], "c.html").len() == 1);
        let deep = "{% block x %}{% autoescape off %}{% for a in a %}".repeat(3000) + "{{ a|safe }}";
        assert!(of(&deep).len() <= 1);
    }

    #[test]
    fn a_name_is_looked_up_as_loaders_do() {
        let files = [
            ("other/templates/a.html", "{{ other|safe }}"),
            ("shop/static/a.html", "{{ stat|safe }}"),
            ("shop/templates/a.html", "{{ shop|safe }}"),
            ("shop/templates/xa.html", "{{ x|safe }}"),
        ];
        assert_eq!(raw(&files, "a.html"), ["shop Marked"]);
        assert_eq!(raw(&files[..2], "a.html"), ["other Marked"]);
        assert_eq!(raw(&files[1..2], "a.html"), ["stat Marked"]);
        assert_eq!(raw(&files, "missing.html"), [""; 0]);
        assert!(
            is_template("a/templates/robots.txt") && !is_template("a/robots.txt") && is_template("a/b.html")
        );
    }
}
