//! Where outsiders come in: parameters of functions that frameworks call, fields of requests.

use crate::ir::{Body, BodyKind, LocalId, Operand, Param, ParamKind, Step, Unit};
use crate::models::{Kinds, Models, Threat};
use crate::program::{FuncId, Meaning, Program};
use crate::taint::body::Analyzer;
use crate::taint::value::Label;
use crate::text::Span;

/// Annotations of parameters that hold no text.
const TYPED: &[&str] = &[
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

impl Analyzer<'_, '_> {
    /// Who controls the parameter at `index`, if an outsider does.
    pub(super) fn entry_source(&self, index: usize) -> Option<Threat> {
        let threat = called_by(self.world.program, self.world.models, self.id)?;
        let param = &self.body.params[index];
        if index == 0 && (self.class.is_some() || param.kind == ParamKind::Star) {
            return None;
        }
        let name = crate::taint::body::param_name(self.module, self.body, param.local);
        if matches!(
            name.as_str(),
            "request" | "req" | "self" | "cls" | "ctx" | "context" | "response" | "db" | "session"
        ) {
            return None;
        }
        if threat == Threat::Library {
            return self.may_be_text(param).then_some(threat);
        }
        if let Some(annotation) = param.annotation {
            let text = self.module.unit.text(annotation);
            let is_text = matches!(
                text,
                "str" | "bytes" | "dict" | "list" | "typing.Any" | "typing.List" | "typing.Dict"
            );
            let is_model = matches!(self.module.meaning(annotation), Meaning::Class(_));
            if TYPED.contains(&text) || !is_text && !is_model || is_model && self.is_enum(annotation) {
                return None;
            }
        } else if param.has_default && param.default.is_none() {
            // `Depends(…)`: the framework makes it.
            return None;
        }
        (!self.is_converted(&name) && !self.is_injected(param.local)).then_some(threat)
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

    /// Whether the framework makes the parameter: `Annotated[Store, Depends(store)]`.
    fn is_injected(&self, local: LocalId) -> bool {
        let from = self.body.locals[local].span.end;
        let rest = self.file.slice(Span::new(from, self.body.span.end.max(from)));
        let mut depth = 0_i32;
        let end = rest.find(|c| {
            depth += match c {
                '(' | '[' | '{' => 1,
                ')' | ']' | '}' => -1,
                _ => 0,
            };
            c == ',' && depth == 0 || depth < 0
        });
        let text = &rest[..end.unwrap_or(rest.len())];
        ["Depends", "Security(", "Inject"].iter().any(|word| text.contains(word))
    }

    /// Whether a route converts the parameter to something that is no text: `<int:name>`.
    fn is_converted(&self, name: &str) -> bool {
        self.body.decorators.iter().any(|decorator| {
            let text = self.file.slice(decorator.span);
            ["int", "float", "uuid"].iter().any(|kind| {
                text.contains(&format!("<{kind}:{name}>")) || text.contains(&format!("{{{name}:{kind}}}"))
            })
        })
    }

    /// The source that reading `steps[..=index]` from `root` is: `request.GET`, `self.request.data`.
    pub(super) fn request_field(
        &self,
        root: Operand,
        steps: &[Step],
        index: usize,
        span: Span,
    ) -> Option<Label> {
        let Step::Attr(last) = steps[index] else { return None };
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
            1 if self.is_self(local)
                && matches!(steps[0], Step::Attr(first) if unit.text(first) == "request")
                && is_web(unit, self.world.is_web)
                && models.is_request_field(unit.text(last)) =>
            {
                Some(Threat::Remote)
            }
            _ => self.typed_field(self.body.locals[local].value?, &steps[..=index]),
        }?;
        Some(self.source(span, self.spelled(span), threat, "comes in here"))
    }

    /// As [`Analyzer::request_field`], by the value path of what is read.
    fn typed_field(&self, value: crate::base::Symbol, steps: &[Step]) -> Option<Threat> {
        let unit = self.module.unit;
        let bases: Vec<String> = match self.module.meaning(value) {
            Meaning::Outside(path) => vec![path.to_string()],
            Meaning::Instance(class) => {
                let bases = self.world.program.outside_bases(*class);
                bases.into_iter().map(|base| format!("{base}()")).collect()
            }
            _ => return None,
        };
        bases.into_iter().find_map(|mut path| {
            for step in steps {
                match step {
                    Step::Attr(name) => {
                        path.push('.');
                        path.push_str(unit.text(*name));
                    }
                    Step::Item(_) | Step::Element => path.push_str("[]"),
                }
            }
            self.world.models.source(&path)
        })
    }

    /// Whether a local is a parameter that by its name or type is a request.
    pub(super) fn is_request(&self, local: LocalId) -> bool {
        let Some(param) = self.body.param(local) else { return false };
        let name = crate::taint::body::param_name(self.module, self.body, local);
        match param.annotation {
            None => matches!(name.as_str(), "request" | "req") && is_web(self.module.unit, self.world.is_web),
            Some(annotation) => {
                let text = self.module.unit.text(annotation);
                text.ends_with("equest") && self.world.models.has_type(text)
            }
        }
    }
}

/// Whether a function has the form of the handlers that AWS Lambda calls.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html>.
fn is_lambda_handler(unit: &Unit, body: &Body) -> bool {
    let [event, context] = &body.params[..] else { return false };
    let named =
        |param: &Param, wanted| body.locals[param.local].name.is_some_and(|name| unit.text(name) == wanted);
    body.parent.is_some()
        && named(event, "event")
        && named(context, "context")
        && unit.text(body.name).ends_with("handler")
}

/// Who calls a function from outside: a framework, if a pack says so, or who installed the package.
pub(super) fn called_by(program: &Program<'_>, models: &Models, id: FuncId) -> Option<Threat> {
    let is_offered = || !models.counted(Threat::Library).is_empty() && is_public(program, id);
    framework(program, models, id).or_else(|| is_offered().then_some(Threat::Library))
}

/// Whether who installed the package may call a function by a name that is not private.
fn is_public(program: &Program<'_>, id: FuncId) -> bool {
    let (module, _, body) = program.func(id);
    let name = module.unit.text(body.name);
    let is_open = |part: &str| !part.starts_with(['_', '<']) || matches!(part, "__init__" | "__call__");
    module.is_exported && matches!(body.kind, BodyKind::Function { .. }) && name.split('.').all(is_open)
}

fn framework(program: &Program<'_>, models: &Models, id: FuncId) -> Option<Threat> {
    let (module, _, body) = program.func(id);
    if body.decorators.is_empty() && body.class.is_none() {
        return is_lambda_handler(module.unit, body).then_some(Threat::Remote);
    }
    let decorators: Vec<&str> = body
        .decorators
        .iter()
        .filter_map(|decorator| match module.meaning(decorator.name?) {
            Meaning::Outside(path) => Some(&**path),
            _ => None,
        })
        .collect();
    let by_decorator = decorators.into_iter().find_map(|path| models.entry_by_decorator(path));
    by_decorator.or_else(|| {
        let class = program.class_of(id)?;
        let name = module.unit.text(body.name);
        let method = name.rsplit('.').next().unwrap_or(name);
        program.outside_bases(class).into_iter().find_map(|base| models.entry_by_base(base, method))
    })
}

/// Whether a source is the address that the request itself was sent to: who follows a link to it is there already.
pub(super) fn is_own_address(text: &str) -> bool {
    let name = text.split(['(', '[']).next().unwrap_or(text).trim_end();
    let is_own = |part: &str| {
        let plain = [
            "path",
            "path_info",
            "full_path",
            "get_full_path",
            "get_full_path_info",
            "path_url",
            "script_root",
        ];
        let whole =
            ["url", "base_url", "host", "host_url", "get_host", "build_absolute_uri", "uri", "root_url"];
        plain.contains(&part) || whole.contains(&part)
    };
    name.split('.').skip(1).any(is_own) || text.contains("PATH_INFO") || text.contains("QUERY_STRING")
}

/// What the text is dangerous for that a function returns to who called it from outside.
pub(super) fn answers_with(program: &Program<'_>, models: &Models, id: FuncId) -> Kinds {
    let (module, _, body) = program.func(id);
    let paths = body.decorators.iter().filter_map(|decorator| match module.meaning(decorator.name?) {
        Meaning::Outside(path) => Some(&**path),
        _ => None,
    });
    paths.fold(Kinds::NONE, |sum, path| sum.with(models.returned_to(path)))
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
