//! What a regular expression admits: for which kinds a text that it matches is harmless.

use regex_syntax::hir::{Capture, Class, Hir, HirKind, Look};

use crate::models::Kinds;
use crate::taint::value::Konst;

/// Characters that matter to a kind of sink.
const DANGER: &[(&str, &str)] = &[
    ("command", " ;|&$`<>(){}\n'\"\\*?~#!"),
    ("sql", "'\"\\;"),
    ("path", "/\\"),
    ("code", "()[]._"),
    ("template", "{}%"),
    ("html", "<>&\"'"),
    ("xpath", "'\"[]"),
    ("ldap", "()*\\&|"),
    ("header", "\r\n"),
    ("log", "\r\n"),
    ("url", "/:@?#."),
    ("redirect", "/:\\"),
    ("nosql", "{}$"),
    ("argument", "-"),
    // A tag of YAML, an object of JSON, an opcode of pickle that is no letter.
    ("deserialization", "!{(\n"),
    ("xml", "<&"),
    ("separator", "/\\"),
    ("lock", "/\\"),
    ("sql-quoted", "'\\"),
    ("config", "\r\n"),
];

/// What `pattern` admits, or more: without what it looks around for, which is not understood here.
fn parse(pattern: &str) -> Option<Hir> {
    let pattern = pattern.replace("\\Z", "\\z");
    parse_whole(&pattern).or_else(|| parse_whole(&without_looks(&pattern)))
}

fn parse_whole(pattern: &str) -> Option<Hir> {
    regex_syntax::ParserBuilder::new().build().parse(pattern).ok()
}

/// `pattern` without what only looks around, `(?=…)`, `(?!…)`, `(?<=…)`, `(?<!…)`, and with anything for what stands for
/// an earlier group. Source: the manual of `re`.
fn without_looks(pattern: &str) -> String {
    const LOOKS: &[&str] = &["(?=", "(?!", "(?<=", "(?<!"];
    let mut kept = String::new();
    // Of each group that is open whether it looks around.
    let mut groups: Vec<bool> = Vec::new();
    let mut is_class = false;
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let mut n_bytes = c.len_utf8();
        let mut shown: Option<&str> = None;
        let is_hidden = groups.contains(&true);
        match c {
            '\\' => {
                n_bytes += rest[1..].chars().next().map_or(0, char::len_utf8);
                let is_back = rest[1..].starts_with(|c: char| matches!(c, '1'..='9')) && !is_class;
                shown = is_back.then_some("(?s:.*)");
            }
            '[' if !is_class => is_class = true,
            ']' => is_class = false,
            '(' if !is_class && rest.starts_with("(?P=") => {
                n_bytes = rest.find(')').map_or(rest.len(), |end| end + 1);
                shown = Some("(?s:.*)");
            }
            '(' if !is_class => {
                let is_look = LOOKS.iter().any(|look| rest.starts_with(look));
                groups.push(is_look);
                shown = is_look.then_some("");
                if rest.starts_with("(?>") {
                    (n_bytes, shown) = (3, Some("(?:"));
                }
            }
            ')' if !is_class => shown = groups.pop().filter(|is_look| *is_look).map(|_| ""),
            _ => {}
        }
        if !is_hidden {
            kept.push_str(shown.unwrap_or(&rest[..n_bytes]));
        }
        rest = &rest[n_bytes..];
    }
    kept
}

/// The kinds for which a text that `pattern` matches by `how` (`fullmatch`, `match`, `search`) is harmless.
pub(super) fn admits_nothing_for(pattern: &str, how: &str) -> Kinds {
    let Some(hir) = parse(pattern) else { return Kinds::NONE };
    let is_whole = match how {
        "fullmatch" => true,
        "match" => ends(&hir),
        _ => begins(&hir) && ends(&hir),
    };
    if is_whole { harmless(&hir) } else { Kinds::NONE }
}

/// The kinds for which what the group `which` of `pattern` matches is harmless; a group by its number or name.
pub(super) fn group_admits_nothing_for(pattern: &str, which: &Konst) -> Kinds {
    let Some(hir) = parse(pattern) else { return Kinds::NONE };
    if *which == Konst::Int(0) {
        return harmless(&hir);
    }
    let mut found = Kinds::NONE;
    each_group(&hir, &mut |capture| {
        let is_it = match which {
            Konst::Int(index) => i64::from(capture.index) == *index,
            Konst::Str(name) => capture.name.as_deref() == Some(&**name),
            Konst::None | Konst::Bool(_) => false,
        };
        if is_it {
            found = harmless(&capture.sub);
        }
    });
    found
}

/// Flags of `re` as they stand in a pattern: `re.I | re.VERBOSE` as `(?ix)`; `None` where it is not known which they are.
pub(super) fn inline_flags(source: &str) -> Option<String> {
    let letter = |word: &str| match word {
        "I" | "IGNORECASE" => Some("i"),
        "X" | "VERBOSE" => Some("x"),
        "S" | "DOTALL" => Some("s"),
        "M" | "MULTILINE" => Some("m"),
        "A" | "ASCII" | "U" | "UNICODE" | "re" | "regex" | "flags" | "" => Some(""),
        _ => None,
    };
    let letters: String = source.split(|c: char| !c.is_alphanumeric()).map(letter).collect::<Option<_>>()?;
    Some(if letters.is_empty() { letters } else { format!("(?{letters})") })
}

/// The names of the groups of `pattern`, in order.
pub(super) fn group_names(pattern: &str) -> Vec<Option<String>> {
    let Some(hir) = parse(pattern) else { return Vec::new() };
    let mut names = Vec::new();
    each_group(&hir, &mut |capture| names.push(capture.name.as_deref().map(str::to_owned)));
    names
}

fn each_group(hir: &Hir, note: &mut impl FnMut(&Capture)) {
    match hir.kind() {
        HirKind::Capture(capture) => {
            note(capture);
            each_group(&capture.sub, note);
        }
        HirKind::Repetition(repetition) => each_group(&repetition.sub, note),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().for_each(|part| each_group(part, note));
        }
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) | HirKind::Literal(_) => {}
    }
}

/// The kinds for which a text that `hir` matches from end to end is harmless.
fn harmless(hir: &Hir) -> Kinds {
    let mut kinds = Kinds::ALL;
    for (name, danger) in DANGER {
        // `..` leads out only between separators; a lone dot does not.
        let is_open = match *name {
            "argument" => begins_with(hir, '-'),
            // `//host` and `/\\host` lead to another host, `/page` does not.
            "redirect" => admits(hir, ':') || admits(hir, '\\') || begins_twice(hir, '/'),
            _ => danger.chars().any(|c| admits(hir, c)),
        };
        if is_open {
            let is_rooted = begins_with(hir, '/') || begins_with(hir, '\\');
            kinds = kinds.without(open(name, is_rooted, admits(hir, '.')));
        }
    }
    kinds
}

/// What is not shown where characters are admitted that matter to a kind: of a path neither how it begins nor that it does
/// not lead up.
fn open(name: &str, is_rooted: bool, has_dots: bool) -> Kinds {
    let kind = Kinds::named(name).unwrap_or_default();
    match name {
        "path" => {
            let rooted = if is_rooted { Kinds::NOT_ROOTED } else { Kinds::NONE };
            let above = if has_dots { Kinds::NOT_ABOVE.with(Kinds::NOT_DOTS) } else { Kinds::NONE };
            kind.with(Kinds::BASED).with(rooted).with(above)
        }
        "redirect" => kind.with(Kinds::LOCAL).with(Kinds::NOT_SLASHES).with(Kinds::NOT_BACKSLASH),
        _ => kind,
    }
}

/// The kinds for which a text made of nothing but letters of `letters` is harmless.
pub(super) fn harmless_in(letters: &str) -> Kinds {
    // What is not known may be anything.
    if letters.contains('\0') {
        return Kinds::NONE;
    }
    let open = DANGER.iter().filter(|(_, danger)| danger.chars().any(|c| letters.contains(c)));
    let (is_rooted, has_dots) = (letters.contains(['/', '\\']), letters.contains('.'));
    let open = open.map(|(name, _)| self::open(name, is_rooted, has_dots));
    let mut kinds = open.fold(Kinds::ALL, Kinds::without);
    if letters.contains(['\'', '\\']) {
        kinds = kinds.without(Kinds::named("sql-quoted").unwrap_or_default());
    }
    kinds
}

/// The kinds for which a text without any letter of `letters` is harmless.
pub(super) fn harmless_without(letters: &str) -> Kinds {
    let gone = DANGER.iter().filter(|(_, danger)| danger.chars().all(|c| letters.contains(c)));
    gone.filter_map(|(name, _)| Kinds::named(name)).fold(Kinds::NONE, Kinds::with)
}

/// Whether a text that `hir` matches may begin with `c`.
fn begins_with(hir: &Hir, c: char) -> bool {
    match hir.kind() {
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).is_ok_and(|text| text.starts_with(c)),
        HirKind::Repetition(repetition) => begins_with(&repetition.sub, c),
        HirKind::Capture(capture) => begins_with(&capture.sub, c),
        HirKind::Alternation(parts) => parts.iter().any(|part| begins_with(part, c)),
        HirKind::Concat(parts) => {
            for part in parts {
                if begins_with(part, c) {
                    return true;
                }
                if part.properties().minimum_len() != Some(0) {
                    return false;
                }
            }
            false
        }
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) => admits(hir, c),
    }
}

/// Whether a text that `hir` matches may begin with `c` twice.
fn begins_twice(hir: &Hir, c: char) -> bool {
    if !begins_with(hir, c) {
        return false;
    }
    let HirKind::Concat(parts) = hir.kind() else { return true };
    let mut parts = parts.iter().skip_while(|part| matches!(part.kind(), HirKind::Look(_)));
    match parts.next().map(Hir::kind) {
        Some(HirKind::Literal(literal)) => match std::str::from_utf8(&literal.0) {
            Ok(text) if text.chars().count() > 1 => text.chars().nth(1) == Some(c),
            _ => {
                let rest: Vec<Hir> = parts.cloned().collect();
                begins_with(&Hir::concat(rest), c)
            }
        },
        _ => true,
    }
}

/// The kinds for which a text is harmless in which every match of `pattern` was replaced by `with`.
pub(super) fn removes_all_for(pattern: &str, with: &str) -> Kinds {
    let Some(hir) = parse_whole(pattern) else { return Kinds::NONE };
    let class = match hir.kind() {
        HirKind::Repetition(repetition) if repetition.min <= 1 => &repetition.sub,
        _ => &hir,
    };
    let is_one = matches!(class.kind(), HirKind::Class(_))
        || matches!(class.kind(), HirKind::Literal(literal) if literal.0.len() == 1);
    if !is_one {
        return Kinds::NONE;
    }
    let gone = |danger: &str| danger.chars().all(|c| admits(class, c) && !with.contains(c));
    let named = DANGER.iter().filter(|(_, danger)| gone(danger)).filter_map(|(name, _)| Kinds::named(name));
    named.fold(Kinds::NONE, Kinds::with)
}

/// The kinds for which a text is harmless in which `pattern`, a class of characters, is nowhere found.
pub(super) fn absent_without(pattern: &str, how: &str) -> Option<Kinds> {
    if how == "match" {
        return None;
    }
    let hir = parse_whole(pattern)?;
    let is_class = match hir.kind() {
        HirKind::Class(_) => true,
        HirKind::Repetition(repetition) => {
            repetition.min == 1 && matches!(repetition.sub.kind(), HirKind::Class(_))
        }
        _ => false,
    };
    is_class.then(|| removes_all_for(pattern, ""))
}

fn ends(hir: &Hir) -> bool {
    hir.properties().look_set_suffix().contains(Look::End) || last_is(hir)
}

fn begins(hir: &Hir) -> bool {
    hir.properties().look_set_prefix().contains(Look::Start)
}

fn last_is(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Look(look) => *look == Look::End,
        HirKind::Concat(parts) => parts.last().is_some_and(last_is),
        HirKind::Capture(capture) => last_is(&capture.sub),
        _ => false,
    }
}

/// Whether a text that `hir` matches may hold `c`.
fn admits(hir: &Hir, c: char) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).is_ok_and(|text| text.contains(c)),
        HirKind::Class(Class::Unicode(class)) => {
            class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&c))
        }
        HirKind::Class(Class::Bytes(class)) => u8::try_from(c)
            .is_ok_and(|c| class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&c))),
        HirKind::Repetition(repetition) => admits(&repetition.sub, c),
        HirKind::Capture(capture) => admits(&capture.sub, c),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(|part| admits(part, c)),
    }
}

#[cfg(test)]
mod tests {
    use super::admits_nothing_for;
    use crate::models::Kinds;

    fn has(pattern: &str, how: &str, kind: &str) -> bool {
        admits_nothing_for(pattern, how).has(Kinds::named(kind).unwrap_or_default())
    }

    #[test]
    fn narrow_patterns_clear_what_they_do_not_admit() {
        assert!(has("[a-z0-9]+", "fullmatch", "command"));
        assert!(has("^[a-z0-9]+$", "match", "sql"));
        assert!(has(r"\w+", "fullmatch", "path"));
    }

    #[test]
    fn open_patterns_clear_nothing() {
        assert!(!has("[a-z]+", "match", "command"));
        assert!(!has(".*", "fullmatch", "command"));
        assert!(!has("^[a-z]+", "search", "sql"));
        assert!(!has("[a-z/]+", "fullmatch", "path"));
    }
}
