//! Where outsiders come in: parameters of functions that frameworks call, fields of requests.

use crate::base::Symbol;
use crate::ir::{Arg, ArgKind, Body, Call, Const, LocalId, Operand, Param, ParamKind, Step, Unit};
use crate::models::{Kinds, Threat};
use crate::program::{ClassIx, Meaning, Program};
use crate::taint::body::Analyzer;
use crate::taint::callers::is_named_request;
use crate::taint::details::handles_all;
use crate::taint::forms::{Form, asgi_params, wsgi_params};
use crate::taint::typed::{admitted_by, text_alone};
use crate::taint::value::Label;
use crate::text::Span;

/// Annotations of parameters that hold no text.
pub(super) const TYPED: &[&str] = &[
    "int",
    "float",
    "bool",
    "complex",
    "uuid.UUID",
    "datetime.datetime",
    "datetime.date",
    "decimal.Decimal",
    "ipaddress.IPv4Address",
    "ipaddress.IPv6Address",
    "enum.Enum",
];

/// Whether a client sets what stands under `key` in the environment of a request. The rest is of the server, or of the
/// program itself.
pub(super) fn is_of_client(key: &str) -> bool {
    key.starts_with("HTTP_")
        || key.starts_with("CONTENT_")
        || matches!(key, "QUERY_STRING" | "PATH_INFO" | "REQUEST_URI" | "RAW_URI" | "SCRIPT_NAME")
}

/// Annotations of parameters that hold text, alone or many of it.
const TEXTS: &[&str] = &[
    "str",
    "bytes",
    "dict",
    "list",
    "set",
    "frozenset",
    "tuple",
    "typing.Any",
    "typing.List",
    "typing.Dict",
    "typing.Set",
    "typing.Tuple",
    "typing.Sequence",
    "typing.Iterable",
    "typing.Mapping",
    "collections.abc.Sequence",
    "collections.abc.Iterable",
    "collections.abc.Mapping",
];

impl Analyzer<'_, '_> {
    /// Who controls the parameter at `index`, if an outsider does, and the kinds for which its route makes it harmless.
    pub(super) fn entry_source(&self, index: usize) -> Option<(Threat, Kinds)> {
        let called = self.world.callers.of(self.id)?;
        let param = &self.body.params[index];
        let is_own = self.class.is_some() && !self.is_static(self.id);
        if index == 0 && (is_own || self.class.is_some() && param.kind == ParamKind::Star) {
            return None;
        }
        let name = crate::taint::body::param_name(self.module, self.body, param.local);
        if called.form == Some(Form::Wsgi) {
            let is_environ = wsgi_params(self.body).is_some_and(|[environ, _]| environ == param.local);
            return is_environ.then_some((called.threat, Kinds::NONE));
        }
        if called.form == Some(Form::Asgi) {
            let is_scope = asgi_params(self.body).is_some_and(|[scope, ..]| scope == param.local);
            return is_scope.then_some((called.threat, Kinds::NONE));
        }
        if called.threat == Threat::Detail {
            let is_request = called.request.is_some() && index == usize::from(is_own);
            let is_told = !is_request && handles_all(self.file, self.body);
            return is_told.then_some((called.threat, Kinds::NONE));
        }
        if !called.params.is_empty() {
            return called.params.contains(&name).then_some((called.threat, Kinds::NONE));
        }
        if called.request.is_some() && index == usize::from(is_own)
            || called.response.is_some() && index == usize::from(is_own) + 1
            || matches!(
                name.as_str(),
                "request" | "req" | "self" | "cls" | "ctx" | "context" | "response" | "db" | "session"
            ) && !param.annotation.is_some_and(|annotation| self.is_sent(annotation))
                && !self.is_in_route(&name, &called.routes)
        {
            return None;
        }
        if called.threat == Threat::Library {
            return self.may_be_text(param).then_some((called.threat, Kinds::NONE));
        }
        let (annotated, default) = self.declared(param);
        let mut typed = Kinds::NONE;
        if let Some(annotation) = param.annotation {
            let text = self.type_of(annotation);
            let is_text = TEXTS.contains(&text);
            let is_model = matches!(self.module.meaning(annotation), Meaning::Class(_));
            if TYPED.contains(&text) || !is_text && !is_model || is_model && self.is_enum(annotation) {
                return None;
            }
            if is_text && holds_numbers(annotated) {
                return None;
            }
            if text == "str" {
                typed = text_alone().with(admitted_by(annotated)).with(admitted_by(default));
            }
        } else if param.has_default && param.default.is_none() && !is_read_from_request(default) {
            // `Depends(…)`: the framework makes it.
            return None;
        }
        let is_injected = self.world.callers.injected(self.id, index).is_some()
            || ["Depends", "Security(", "Inject"]
                .iter()
                .any(|word| annotated.contains(word) || default.contains(word));
        if is_injected || self.is_given_by_decorator(&name) {
            return None;
        }
        if called.by_route
            && param.kind != ParamKind::DoubleStar
            && self.is_in_no_route(&name, &called.routes)
        {
            return None;
        }
        let position = index - usize::from(is_own).min(index);
        let cleared = self.converted((&name, position), (&called.routes, called.by_route)).with(typed);
        (cleared != Kinds::ALL).then_some((called.threat, cleared))
    }

    /// Whether a decorator of the program hands the parameter over itself: `view(request, *args, user=user, **kwargs)`.
    fn is_given_by_decorator(&self, name: &str) -> bool {
        let program = self.world.program;
        self.body.decorators.iter().filter_map(|decorator| decorator.name).any(|decorator| {
            let Meaning::Function(func) = self.module.meaning(decorator) else { return false };
            let (module, made_in, _) = program.func(*func);
            let is_within = |body: &&Body| {
                let parent = body.parent;
                parent == Some(made_in)
                    || parent.is_some_and(|parent| module.unit.bodies[parent].parent == Some(made_in))
            };
            let names = |arg: &Arg| {
                matches!(arg.kind, ArgKind::Keyword(keyword) if module.unit.text(keyword) == name)
            };
            let gives = |call: &Call| {
                let is_given = matches!(call.callee.base, Operand::Global(base) if module.unit.text(base).contains(".<locals>."));
                is_given && call.args.iter().any(names)
            };
            module.unit.bodies.iter().filter(is_within).any(|body| body.calls.iter().any(gives))
        })
    }

    /// Whether who calls a public function may pass text for `param`, or something with text in it.
    fn may_be_text(&self, param: &Param) -> bool {
        let Some(annotation) = param.annotation else { return true };
        let text = self.module.unit.text(annotation);
        !TYPED.contains(&text)
            && !text.ends_with(".Callable")
            && !matches!(self.module.meaning(annotation), Meaning::Class(_))
    }

    fn is_enum(&self, annotation: crate::base::Symbol) -> bool {
        let Meaning::Class(class) = self.module.meaning(annotation) else { return false };
        let bases = self.world.program.outside_bases(*class);
        bases.iter().any(|base| base.starts_with("enum."))
    }

    /// Whether an annotation is of what a client sends, and not of what a framework makes: text, or a model.
    fn is_sent(&self, annotation: Symbol) -> bool {
        match self.module.meaning(annotation) {
            Meaning::Class(class) => {
                let bases = self.world.program.outside_bases(*class);
                self.is_model(*class) || bases.iter().any(|base| base.ends_with(".TypedDict"))
            }
            _ => TEXTS.contains(&self.type_of(annotation)),
        }
    }

    /// The name of what an annotation means.
    fn type_of(&self, annotation: Symbol) -> &str {
        match self.module.meaning(annotation) {
            Meaning::Outside(path) => path,
            _ => self.module.unit.text(annotation),
        }
    }

    /// The annotation and the default of a parameter, as they are spelled where they are made.
    fn declared(&self, param: &Param) -> (&str, &str) {
        let (annotated, default) = self.spelled_at(param.local);
        let program = self.world.program;
        let alias = param.annotation.and_then(|of| program.alias(program.module_of(self.id), of));
        let annotated = alias.map_or(annotated, |(file, alias)| {
            self.world.files[program.modules[file].file].slice(alias.span)
        });
        (annotated, default)
    }

    fn spelled_at(&self, local: LocalId) -> (&str, &str) {
        let from = self.body.locals[local].span.end;
        let rest = self.file.slice(Span::new(from, self.body.span.end.max(from)));
        let (mut depth, mut equals) = (0_i32, None);
        let end = rest.char_indices().find(|(at, c)| {
            depth += match c {
                '(' | '[' | '{' => 1,
                ')' | ']' | '}' => -1,
                _ => 0,
            };
            if *c == '=' && depth == 0 {
                equals.get_or_insert(*at);
            }
            *c == ',' && depth == 0 || depth < 0
        });
        let text = &rest[..end.map_or(rest.len(), |(at, _)| at)];
        equals.map_or((text, ""), |at| (&text[..at], &text[at..]))
    }

    /// The source that reading `steps[..=index]` from `root` is: `request.GET`, `self.request.data`.
    pub(super) fn request_field(
        &self,
        root: Operand,
        steps: &[Step],
        index: usize,
        span: Span,
    ) -> Option<Label> {
        let last = match steps[index] {
            Step::Attr(last) => last,
            Step::Item(Const::Str(key)) => return self.environ_field(root, &steps[..=index], key, span),
            Step::Item(_) | Step::Element | Step::Key(_) => return None,
        };
        let mut cleared = Kinds::NONE;
        if let Some(Step::Item(Const::Str(key))) = steps.get(index + 1) {
            let key = self.module.unit.text(*key);
            cleared = match self.module.unit.text(last) {
                "META" if !is_of_client(key) => Kinds::ALL,
                "path_params" | "match_info" | "view_args" | "kwargs" => self.routed(key),
                _ => Kinds::NONE,
            };
            if cleared == Kinds::ALL {
                return None;
            }
        }
        let label = self.field_label(root, steps, (index, last), span)?;
        Some(Label { kinds: label.kinds.without(cleared), ..label })
    }

    /// As [`Analyzer::request_field`], for the attribute `last` at `index`.
    fn field_label(
        &self,
        root: Operand,
        steps: &[Step],
        (index, last): (usize, Symbol),
        span: Span,
    ) -> Option<Label> {
        let unit = self.module.unit;
        let local = match root {
            Operand::Local(local) => local,
            Operand::Global(name) => {
                let threat = self.typed_field(name, &steps[..=index])?;
                return Some(self.source(span, self.spelled(span), threat, "comes in here"));
            }
            Operand::Const(_) => return None,
        };
        let models = self.world.models;
        let threat = match index {
            0 if self.is_request(local) && models.is_request_field(unit.text(last)) => Some(Threat::Remote),
            _ if let Some(path) = self.request_path(local) => {
                self.field_of(vec![path.to_owned()], &steps[..=index])
            }
            1 if self.is_self(local)
                && matches!(steps[0], Step::Attr(first) if self.keeps_request(first))
                && models.is_request_field(unit.text(last)) =>
            {
                Some(Threat::Remote)
            }
            _ => self.typed_field(self.body.locals[local].value?, &steps[..=index]),
        }?;
        Some(self.source(span, self.spelled(span), threat, "comes in here"))
    }

    /// As [`Analyzer::request_field`], for what a client sets in the environment: `request.environ["HTTP_REFERER"]`.
    fn environ_field(&self, root: Operand, steps: &[Step], key: Symbol, span: Span) -> Option<Label> {
        let key = self.module.unit.text(key);
        if !is_of_client(key) {
            return None;
        }
        let threat = match (root, steps) {
            (Operand::Global(name), _) => self.typed_field(name, steps),
            (Operand::Local(local), [Step::Attr(name), _]) if self.is_request(local) => {
                let field = format!("{}[]", self.module.unit.text(*name));
                self.world.models.is_request_field(&field).then_some(Threat::Remote)
            }
            _ => None,
        }?;
        Some(self.source(span, self.spelled(span), threat, "comes in here"))
    }

    /// Whether an attribute of `self` is a request.
    fn keeps_request(&self, name: Symbol) -> bool {
        let unit = self.module.unit;
        let by_name = unit.text(name) == "request" && is_web(unit, self.world.is_web);
        let (program, name) = (self.world.program, self.module.global(name));
        by_name || self.class.is_some_and(|class| self.world.callers.is_request_attr(program, class, name))
    }

    /// As [`Analyzer::request_field`], by the value path of what is read.
    fn typed_field(&self, value: crate::base::Symbol, steps: &[Step]) -> Option<Threat> {
        let bases: Vec<String> = match self.module.meaning(value) {
            Meaning::Outside(path) => vec![path.to_string()],
            Meaning::Instance(class) => {
                let bases = self.world.program.outside_bases(*class);
                bases.into_iter().map(|base| format!("{base}()")).collect()
            }
            _ => return None,
        };
        self.field_of(bases, steps).or_else(|| self.held_field(value, steps))
    }

    /// The source that an attribute of an object of the program holds by its class: `form.name.data`.
    fn held_field(&self, value: crate::base::Symbol, steps: &[Step]) -> Option<Threat> {
        let Meaning::Instance(class) = self.module.meaning(value) else { return None };
        let (Step::Attr(first), rest) = steps.split_first()? else { return None };
        let path = held(self.world.program, *class, self.module.global(*first))?;
        let path = self.world.models.types.canonical(path).unwrap_or_else(|| path.to_owned());
        if rest.is_empty() { None } else { self.field_of(vec![path], rest) }
    }

    /// The value path of a parameter that is a request by who calls the function.
    fn request_path(&self, local: LocalId) -> Option<&str> {
        let request = self.world.callers.of(self.id)?.request?;
        let first = usize::from(self.class.is_some() && !self.is_static(self.id));
        self.body.params.get(first).filter(|param| param.local == local)?;
        Some(request)
    }

    /// The value path of the parameter behind the request, which the framework makes too.
    pub(super) fn response_path(&self, local: LocalId) -> Option<&str> {
        let response = self.world.callers.of(self.id)?.response?;
        let first = usize::from(self.class.is_some() && !self.is_static(self.id));
        self.body.params.get(first + 1).filter(|param| param.local == local)?;
        Some(response)
    }

    fn field_of(&self, bases: Vec<String>, steps: &[Step]) -> Option<Threat> {
        let unit = self.module.unit;
        bases.into_iter().find_map(|mut path| {
            for step in steps {
                match step {
                    Step::Attr(name) => {
                        path.push('.');
                        path.push_str(unit.text(*name));
                    }
                    Step::Item(_) | Step::Element | Step::Key(_) => path.push_str("[]"),
                }
            }
            self.world.models.source(&path)
        })
    }

    /// Whether a local is a parameter that by its name, its type or what is passed is a request.
    pub(super) fn is_request(&self, local: LocalId) -> bool {
        let Some(index) = self.body.params.iter().position(|param| param.local == local) else {
            return false;
        };
        let annotation = self.body.params[index].annotation;
        let by_type = annotation.is_some_and(|annotation| {
            let text = self.module.unit.text(annotation);
            text.ends_with("equest") && self.world.models.has_type(text)
        });
        let (program, is_web) = (self.world.program, self.world.is_web);
        by_type
            || self.world.callers.is_request(self.id, index)
            || is_named_request(program, self.id, local, annotation.is_some(), is_web)
    }
}

/// The value path that an attribute has by the class that holds it.
pub(super) fn held<'p>(program: &'p Program<'_>, class: ClassIx, name: Symbol) -> Option<&'p str> {
    let mut above = program.above(class).iter();
    above.find_map(|class| program.classes[*class].attrs.get(&name)).map(|path| &**path)
}

/// Whether an annotation is of many numbers: `list[int]`.
fn holds_numbers(annotation: &str) -> bool {
    let annotation = annotation.split_once("Annotated[").map_or(annotation, |(_, inner)| first_part(inner));
    let Some((_, inner)) = annotation.split_once('[') else { return false };
    let inner = inner.strip_prefix("list[").or_else(|| inner.strip_prefix("List[")).unwrap_or(inner);
    let words = inner.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    let mut words = words.peekable();
    words.peek().is_some()
        && words.all(|word| {
            matches!(
                word,
                "int" | "float" | "bool" | "complex" | "UUID" | "uuid" | "Decimal" | "decimal" | "None"
            )
        })
}

/// What stands before the first comma that is in no brackets.
fn first_part(text: &str) -> &str {
    let mut depth = 0_i32;
    let end = text.find(|c| {
        depth += match c {
            '[' | '(' => 1,
            ']' | ')' => -1,
            _ => 0,
        };
        depth < 0 || c == ',' && depth == 0
    });
    &text[..end.unwrap_or(text.len())]
}

/// Whether a default says that the value is read from the request: `Query(…)`.
fn is_read_from_request(default: &str) -> bool {
    let maker = default.trim_start_matches(['=', ' ']).split('(').next().unwrap_or_default();
    let last = maker.rsplit('.').next().unwrap_or(maker);
    matches!(last, "Query" | "Path" | "Body" | "Form" | "Header" | "Cookie" | "File")
}

/// Whether what a file calls a request is one that is answered: it imports a framework for that, or nothing that sends
/// requests in a program where others import one.
pub(super) fn is_web(unit: &Unit, in_web_program: bool) -> bool {
    let paths = || {
        unit.imports
            .iter()
            .map(|(_, path)| unit.text(*path))
            .chain(unit.stars.iter().map(|path| unit.text(*path)))
    };
    answers(unit)
        || in_web_program
            && !paths().any(|path| is_below(path, CLIENTS))
            && !is_below(unit.text(unit.module), CLIENTS)
}

/// Whether a file imports a framework that answers requests, or is part of one.
pub(super) fn answers(unit: &Unit) -> bool {
    let paths = unit.imports.iter().map(|(_, path)| unit.text(*path));
    paths
        .chain(unit.stars.iter().map(|path| unit.text(*path)))
        .chain([unit.text(unit.module)])
        .any(|path| is_below(path, WEB))
}

/// Frameworks that answer requests.
const WEB: &[&str] = &[
    "django",
    "flask",
    "rest_framework",
    "aiohttp.web",
    "starlette",
    "fastapi",
    "tornado.web",
    "pyramid",
    "webob",
    "falcon",
    "bottle",
    "sanic",
    "quart",
    "werkzeug",
    "twisted.web",
    "litestar",
    "cherrypy",
    "homeassistant.components.http",
];
/// Libraries that send requests.
const CLIENTS: &[&str] = &[
    "requests",
    "httpx",
    "urllib3",
    "urllib.request",
    "http.client",
    "aiohttp",
    "tornado.httpclient",
    "tornado.httputil",
    "tornado.simple_httpclient",
    "pip",
    "scrapy",
    "botocore",
    "googleapiclient",
    "google",
    "playwright",
    "selenium",
];

fn is_below(path: &str, packages: &[&str]) -> bool {
    packages.iter().any(|package| {
        path.strip_prefix(package).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}
