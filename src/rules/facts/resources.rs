//! What must be closed: which calls open it, which instructions close it or hand it to somebody else.

use crate::flow::Point;
use crate::ir::{
    Arg, Call, CallId, Const, Inst, LocalId, Op, Operand, Place, RegionId, RegionKind, Rvalue, Step,
    StmtKind, operands,
};
use crate::rules::Context;
use crate::rules::facts::verbs::has_word;

/// What is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A file object or archive.
    File,
    /// A socket, or a connection to a server.
    Socket,
    /// A connection to a database, which is no context manager that closes.
    Database,
    /// A session of `aiohttp`.
    Session,
    /// A bare file descriptor.
    Descriptor,
    /// A temporary directory.
    Directory,
    /// A child process.
    Process,
}

/// A resource in a local of this body.
pub(crate) struct Resource {
    /// What it is.
    pub(crate) kind: Kind,
    /// The call that opens it.
    pub(crate) call: CallId,
    /// The local that has it.
    pub(crate) local: LocalId,
    /// After it is in the local.
    pub(crate) from: Point,
}

/// What `call` opens.
pub(crate) fn opened(context: &Context<'_>, call: &Call) -> Option<Kind> {
    Some(match context.name(call) {
        "open"
        | "io.open"
        | "codecs.open"
        | "gzip.open"
        | "bz2.open"
        | "lzma.open"
        | "gzip.GzipFile"
        | "pathlib.Path().open"
        | "tarfile.open"
        | "tarfile.TarFile.open"
        | "zipfile.ZipFile"
        | "os.fdopen" => Kind::File,
        "socket.socket"
        | "socket.create_connection"
        | "smtplib.SMTP"
        | "smtplib.SMTP_SSL"
        | "ftplib.FTP"
        | "ftplib.FTP_TLS"
        | "imaplib.IMAP4"
        | "imaplib.IMAP4_SSL"
        | "poplib.POP3"
        | "poplib.POP3_SSL"
        | "telnetlib.Telnet" => Kind::Socket,
        "sqlite3.connect" => Kind::Database,
        "aiohttp.ClientSession" => Kind::Session,
        "os.open" | "os.dup" | "os.pipe" | "tempfile.mkstemp" | "pty.openpty" | "os.openpty" => {
            Kind::Descriptor
        }
        "tempfile.mkdtemp" => Kind::Directory,
        "subprocess.Popen" => Kind::Process,
        _ => return None,
    })
}

/// Whether an archive is read from or written to an object that is closed by its own name.
pub(crate) fn is_in_memory(context: &Context<'_>, id: CallId, call: &Call) -> bool {
    let wraps = |arg: &Arg| {
        let made = context.made_by(arg.value, context.point(id));
        made.is_some_and(|made| context.name(&context.body.calls[made]).contains("BytesIO"))
    };
    context.arg(call, None, "fileobj").is_some() || call.args.iter().any(wraps)
}

/// The resources that locals of this body get, in source order.
pub(crate) fn resources(context: &Context<'_>) -> Vec<Resource> {
    let mut found = Vec::new();
    for (id, call) in context.body.calls.pairs() {
        if let Some(kind) = opened(context, call)
            && !is_in_memory(context, id, call)
            && context.is_reachable(id)
        {
            for (local, from) in locals(context, id, call) {
                if !is_captured(context, local) {
                    found.push(Resource { kind, call: id, local, from });
                }
            }
        }
    }
    found
}

/// The named locals that the result of `call` is assigned to, or its elements that are descriptors.
fn locals(context: &Context<'_>, id: CallId, call: &Call) -> Vec<(LocalId, Point)> {
    let point = context.point(id);
    let n_descriptors = match context.name(call) {
        "os.pipe" | "pty.openpty" | "os.openpty" => 2,
        "tempfile.mkstemp" => 1,
        _ => 0,
    };
    if n_descriptors == 0 && !context.local_name(call.to).is_empty() {
        return vec![(call.to, point.next())];
    }
    let mut found = Vec::new();
    let mut at = point.next();
    while let Some(Inst { op: Op::Let(to, value), .. }) = context.inst(at) {
        let takes = match value {
            Rvalue::Use(from) => n_descriptors == 0 && *from == Operand::Local(call.to),
            Rvalue::Load(place) if place.base == Operand::Local(call.to) => {
                index(context, *place).is_some_and(|index| index < n_descriptors)
            }
            _ => false,
        };
        let part = operands(context.body, &context.body.blocks[at.block].insts[at.index])
            .contains(Operand::Local(call.to));
        if !part {
            break;
        }
        if takes && !context.local_name(*to).is_empty() {
            found.push(*to);
        }
        at = at.next();
    }
    found.into_iter().map(|local| (local, at)).collect()
}

/// The constant index of a path of one item.
fn index(context: &Context<'_>, place: Place) -> Option<i32> {
    match context.unit.paths.steps(place.path)[..] {
        [Step::Item(Const::Int(index))] => Some(index),
        _ => None,
    }
}

/// Whether a nested function, class or lambda mentions the local.
fn is_captured(context: &Context<'_>, local: LocalId) -> bool {
    let name = context.local_name(local);
    context.unit.bodies.pairs().any(|(id, body)| {
        id != context.id
            && context.body.span.contains(body.span)
            && context
                .source(body.span)
                .split(|c: char| !(c.is_alphanumeric() || c == '_'))
                .any(|word| word == name)
    })
}

impl Resource {
    /// Its name.
    pub(crate) fn name<'a>(&self, context: &Context<'a>) -> &'a str {
        context.local_name(self.local)
    }

    /// Whether `call` closes it.
    pub(crate) fn is_closed_by(&self, context: &Context<'_>, call: &Call) -> bool {
        let own = Operand::Local(self.local);
        let method = context.method(call);
        let is_method = call.callee.base == own && context.unit.paths.steps(call.callee.path).len() == 1;
        if is_method {
            return match self.kind {
                Kind::File | Kind::Socket | Kind::Database | Kind::Session => {
                    matches!(method, "close" | "quit" | "logout" | "aclose" | "__exit__" | "detach")
                }
                Kind::Process => {
                    matches!(method, "kill" | "terminate" | "send_signal" | "wait" | "communicate")
                }
                Kind::Descriptor | Kind::Directory => false,
            };
        }
        let is_argument = call.args.iter().any(|arg| arg.value == own);
        is_argument
            && has_word(
                method,
                &["close", "rmtree", "remove", "rmdir", "cleanup", "clean", "delete", "kill", "quit"],
            )
    }

    /// Whether `inst` hands it to somebody else, who is to close it from then on.
    pub(crate) fn is_handed_over_by(&self, context: &Context<'_>, inst: &Inst) -> bool {
        let own = Operand::Local(self.local);
        match &inst.op {
            Op::Store(_, value) | Op::Yield(_, value, _) => *value == own,
            Op::Delete(place) => *place == Place::bare(own),
            Op::Let(to, value) => match value {
                Rvalue::Load(place) => place.base == own && takes_close(context, *place),
                Rvalue::Use(from) => *from == own,
                Rvalue::Enter(from) | Rvalue::Spread(from) => *from == own,
                Rvalue::List(_) | Rvalue::Tuple(_) | Rvalue::Set(_) | Rvalue::Dict(_) => {
                    operands(context.body, inst).contains(own)
                }
                _ => *to == self.local,
            },
            Op::Call(to, call) => {
                let call = &context.body.calls[*call];
                *to == self.local || call.args.iter().any(|arg| arg.value == own) && self.takes(context, call)
            }
            Op::Await(to, _) => *to == self.local,
            Op::Exit(_) => false,
        }
    }

    /// Whether a call that gets it as an argument becomes its owner.
    fn takes(&self, context: &Context<'_>, call: &Call) -> bool {
        const OWNERS: &[&str] = &[
            "fdopen",
            "closing",
            "aclosing",
            "enter_context",
            "enter_async_context",
            "push",
            "callback",
            "register",
            "append",
            "add",
            "put",
            "put_nowait",
            "appendleft",
            "insert",
            "setdefault",
            "dup2",
            "open",
            "partial",
            "create_datagram_endpoint",
            "create_connection",
            "create_server",
            "wrap_socket",
            "makefile",
            "addCleanup",
            "add_cleanup",
            "finalize",
        ];
        let method = context.method(call);
        OWNERS.contains(&method)
            || method.starts_with(char::is_uppercase) && self.kind != Kind::Directory
            || self.kind == Kind::Process
    }

    /// The calls that close it, in source order.
    pub(crate) fn closes(&self, context: &Context<'_>) -> Vec<CallId> {
        let calls = context.body.calls.pairs();
        let mut found: Vec<CallId> =
            calls.filter(|(_, call)| self.is_closed_by(context, call)).map(|(id, _)| id).collect();
        found.sort_by_key(|id| context.body.calls[*id].span);
        found
    }
}

/// Whether a place is a method of closing, taken without being called.
fn takes_close(context: &Context<'_>, place: Place) -> bool {
    let steps = context.unit.paths.steps(place.path);
    matches!(steps.last(), Some(Step::Attr(name))
        if matches!(context.text(*name), "close" | "quit" | "kill" | "terminate" | "detach" | "aclose"))
}

/// The innermost loop around `call`.
pub(crate) fn loop_around(context: &Context<'_>, call: CallId) -> Option<RegionId> {
    let body = context.body;
    let mut around = body.enclosing(body.blocks[body.calls[call].block].region);
    around.find(|at| matches!(body.regions[*at].kind, RegionKind::Loop { .. }))
}

/// Whether `call` is the whole right side of an assignment statement.
pub(crate) fn is_assigned(context: &Context<'_>, call: &Call) -> bool {
    let stmt = context.stmt(call);
    stmt.kind == StmtKind::Assign && stmt.span.end == call.span.end
}
