//! What objects of libraries are set to where they are made, as far as packs ask for it. In: the call that makes one. Out:
//! constants by name; `None` where something that packs ask for is not known, so that nothing can be told of the object.

use crate::base::Symbol;
use crate::ir::{ArgKind, Body, Call, Const, LocalId, Op, Operand, Rvalue, Step};
use crate::program::{Module, Program};

/// Most settings of one object that are told.
const MAX_SETTINGS: usize = 2;
/// Most calls one behind the other that make one.
const MAX_CALLS: u32 = 4;

/// What an object is set to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Settings {
    /// By name, symbols of the program.
    pub named: [Option<(Symbol, Const)>; MAX_SETTINGS],
    /// The media type that is passed by position.
    pub media: Option<Symbol>,
}

impl Program<'_> {
    /// What the object that an operand is, a parameter or one that is made right there, is set to.
    pub(super) fn settings(&self, module: &Module<'_>, body: &Body, operand: Operand) -> Option<Settings> {
        let local = operand.local()?;
        let made = made(body, local);
        let insts = || body.blocks.iter().flat_map(|block| &block.insts);
        let is_asked = |name: Symbol| self.types.is_setting(module.unit.text(name));
        // `page["Content-Type"] = "text/plain"`, `env.autoescape = True`
        let is_set = insts().any(|inst| match inst.op {
            Op::Store(place, _) if [local, made].iter().any(|own| place.base == Operand::Local(*own)) => {
                match module.unit.paths.steps(place.path)[..] {
                    [Step::Attr(name)] => is_asked(name),
                    [.., Step::Item(_)] => true,
                    _ => false,
                }
            }
            _ => false,
        });
        if is_set {
            return None;
        }
        if body.param(local).is_some() {
            return Some(Settings::default());
        }
        self.set_by(module, body, body.calls.iter().find(|call| call.to == made)?, MAX_CALLS)
    }

    /// What the call that makes an object sets it to, and what the object was set to whose method that is.
    fn set_by(&self, module: &Module<'_>, body: &Body, call: &Call, depth: u32) -> Option<Settings> {
        let of = call.callee.base.local().map(|base| made(body, base));
        let before = body.calls.iter().find(|before| Some(before.to) == of);
        let mut settings = match before {
            Some(before) => self.set_by(module, body, before, depth.checked_sub(1)?)?,
            None => Settings::default(),
        };
        let mut count = settings.named.iter().flatten().count();
        for (at, arg) in call.args.iter().enumerate() {
            match (arg.kind, arg.value) {
                (ArgKind::Star | ArgKind::DoubleStar, _) => return None,
                (ArgKind::Keyword(name), _) if !self.types.is_setting(module.unit.text(name)) => {}
                (ArgKind::Keyword(name), Operand::Const(value)) => {
                    let value = match value {
                        Const::Str(text) => Const::Str(module.global(text)),
                        Const::None | Const::Bool(_) | Const::Int(_) => value,
                        Const::Number(_) | Const::Bytes(_) | Const::Ellipsis => return None,
                    };
                    *settings.named.get_mut(count)? = Some((module.global(name), value));
                    count += 1;
                }
                (ArgKind::Keyword(_), _) => return None,
                (ArgKind::Positional, Operand::Const(Const::Str(text))) if at > 0 => {
                    let is_media = |text: &str| text.contains('/') && !text.contains('<');
                    settings.media = settings
                        .media
                        .or(Some(module.global(text)).filter(|_| is_media(module.unit.text(text))));
                }
                (ArgKind::Positional, _) => {}
            }
        }
        // Those that are none stand behind.
        settings.named.sort_unstable_by_key(|named| (named.is_none(), *named));
        Some(settings)
    }
}

/// What a variable is a copy of.
fn made(body: &Body, local: LocalId) -> LocalId {
    let insts = body.blocks.iter().flat_map(|block| &block.insts);
    let mut copied = insts.filter_map(|inst| match inst.op {
        Op::Let(to, Rvalue::Use(Operand::Local(from))) if to == local => Some(from),
        _ => None,
    });
    copied.next().unwrap_or(local)
}
