//! What the spelling of a source tells: from where in a request it was read, and what cannot stand there.

use crate::models::Kinds;
use crate::taint::typed::text_alone;

/// The kinds for which a source is harmless by where it was read: the address that the request itself was sent to leads
/// who follows a link to it nowhere else, a header holds no line break, a URL prints percent-encoded.
pub(super) fn harmless_by(text: &str) -> Kinds {
    let name = text.split(['(', '[']).next().unwrap_or(text).trim_end();
    let named = |name| Kinds::named(name).unwrap_or_default();
    let is_own = |part: &str| {
        let plain = [
            "path",
            "path_info",
            "full_path",
            "get_full_path",
            "get_full_path_info",
            "path_url",
            "script_root",
            "rel_url",
        ];
        let whole =
            ["url", "base_url", "host", "host_url", "get_host", "build_absolute_uri", "uri", "root_url"];
        plain.contains(&part) || whole.contains(&part)
    };
    let mut kinds = Kinds::NONE;
    if name.split('.').skip(1).any(is_own) || text.contains("PATH_INFO") || text.contains("QUERY_STRING") {
        kinds = kinds.with(named("redirect"));
    }
    if name.split('.').skip(1).any(|part| part == "headers") {
        kinds = kinds.with(named("header"));
    }
    if is_header(text, name) {
        kinds = kinds.with(one_line());
    }
    if name.ends_with(".rel_url") {
        kinds = kinds.with(one_line());
    }
    if is_under_name(text) {
        kinds = kinds.with(text_alone());
    }
    // Frameworks quote it again, or give it as it came, which was one line.
    if name.split('.').skip(1).any(|part| matches!(part, "url" | "base_url" | "uri" | "build_absolute_uri")) {
        kinds = kinds.with(named("log"));
    }
    kinds
}

/// What a text without a line break is harmless for.
pub(super) fn one_line() -> Kinds {
    ["header", "log"].iter().filter_map(|name| Kinds::named(name)).fold(Kinds::NONE, Kinds::with)
}

/// Whether a source is the value of a header of a request, which is one line: a server refuses a header that goes on in the
/// next line, or puts spaces for the break. Those of `http.server`, whose handlers read `self.headers`, keep it.
///
/// Sources: RFC 9112, 5.2 ("Obsolete Line Folding"); RFC 3875, 4.1.18, which PEP 3333 refers to.
fn is_header(text: &str, name: &str) -> bool {
    const READERS: &[&str] = &["headers", "get_header", "getHeader", "user_agent", "referrer"];
    let is_read = name.split('.').skip(1).any(|part| READERS.contains(&part));
    let is_entry = || ["[\"HTTP_", "['HTTP_", "(\"HTTP_", "('HTTP_"].iter().any(|key| text.contains(key));
    !name.starts_with("self.headers") && (is_read || is_entry())
}

/// Whether a source is what stands under one name in an address, a form, headers or cookies, as it is spelled: text, or
/// many of it, and no mapping. The whole is one, whose keys are the outsider's, too.
fn is_under_name(text: &str) -> bool {
    const HOLDERS: &[&str] = &[
        "args",
        "form",
        "values",
        "headers",
        "cookies",
        "view_args",
        "GET",
        "POST",
        "COOKIES",
        "META",
        "query",
        "query_params",
        "path_params",
        "match_info",
        "params",
    ];
    let Some(at) = text.find(['(', '[']) else { return false };
    let (name, rest) = text.split_at(at);
    let holder = match name.strip_suffix(".get").or_else(|| name.strip_suffix(".getlist")) {
        Some(holder) if rest.starts_with('(') => holder,
        _ if rest.starts_with('[') => name,
        _ => return false,
    };
    holder.rsplit_once('.').is_some_and(|(_, last)| HOLDERS.contains(&last))
}
