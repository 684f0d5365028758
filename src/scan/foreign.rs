//! Markers of Bandit, Ruff and Flake8, and Semgrep: which of our rules they speak of.
//!
//! Sources: Bandit's plugin list, Ruff's rule list, Semgrep's documentation on ignoring code.

use crate::scan::markers::Names;

/// Their code to our rules. Codes of other defects are not listed: they cover nothing here.
const CODES: &[(&str, &[&str])] = &[
    ("B012", &["finally-discards-exception"]),
    ("B103", &["lock-dir-world-writable"]),
    ("B108", &["lock-file-predictable"]),
    ("B110", &["swallowed-exception", "failure-returned-as-success"]),
    ("B112", &["swallowed-exception"]),
    ("B602", &["command-status-ignored", "address-unvalidated"]),
    ("B603", &["command-status-ignored", "address-unvalidated"]),
    ("B604", &["command-status-ignored", "address-unvalidated"]),
    ("B605", &["command-status-ignored", "address-unvalidated"]),
    ("B606", &["command-status-ignored"]),
    ("B607", &["command-status-ignored"]),
    ("BLE001", &["swallowed-exception", "failure-returned-as-success"]),
    ("E722", &["bare-except", "swallowed-exception"]),
    ("PLW1510", &["command-status-ignored"]),
    ("S103", &["lock-dir-world-writable"]),
    ("S108", &["lock-file-predictable"]),
    ("S110", &["swallowed-exception", "failure-returned-as-success"]),
    ("S112", &["swallowed-exception"]),
    ("S602", &["command-status-ignored", "address-unvalidated"]),
    ("S603", &["command-status-ignored", "address-unvalidated"]),
    ("S605", &["command-status-ignored", "address-unvalidated"]),
    ("S606", &["command-status-ignored"]),
    ("S607", &["command-status-ignored"]),
    ("SIM105", &["swallowed-exception"]),
    ("SIM115", &["resource-not-closed", "resource-leak-on-exception"]),
    ("TRY400", &["exception-logged-without-cause"]),
    ("W0702", &["bare-except"]),
];

/// The rules that a comment (without `#`) of another tool covers; `None` when it is no such marker, or covers none.
pub(super) fn names(body: &str) -> Option<Names> {
    let lower = body.to_ascii_lowercase();
    let (word, rest) = ["nosec", "noqa", "nosemgrep"]
        .iter()
        .find_map(|word| Some((*word, lower.strip_prefix(word).map(|_| &body[word.len()..])?)))?;
    let listed = match rest.chars().next() {
        None => "",
        Some(':') => &rest[1..],
        Some(c) if c.is_whitespace() => rest,
        Some(_) => return None,
    };
    if word == "nosemgrep" {
        // Semgrep's rule ids are free text: the marker is taken at its word for whatever stands here.
        return Some(Names::All);
    }
    let codes: Vec<&str> = listed
        .split(|c: char| c == ',' || c.is_whitespace())
        .take_while(|code| code.is_empty() || is_code(code))
        .filter(|code| !code.is_empty())
        .collect();
    if codes.is_empty() {
        // `# noqa : some words` and `# nosec some words` are blanket markers too.
        return Some(Names::All);
    }
    let mut rules: Vec<String> = Vec::new();
    for code in codes {
        let known = CODES.iter().find(|(known, _)| known.eq_ignore_ascii_case(code));
        for rule in known.map_or(&[][..], |(_, rules)| *rules) {
            if !rules.iter().any(|listed| listed == rule) {
                rules.push((*rule).to_owned());
            }
        }
    }
    (!rules.is_empty()).then_some(Names::Some(rules))
}

/// Letters, then digits: `B602`, `BLE001`. Bandit also takes names: `try_except_pass`.
fn is_code(word: &str) -> bool {
    let letters = word.bytes().take_while(u8::is_ascii_alphabetic).count();
    letters > 0 && letters < word.len() && word.bytes().skip(letters).all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    #[test]
    fn codes_are_sorted() {
        assert!(super::CODES.is_sorted_by_key(|(code, _)| code));
    }
}
