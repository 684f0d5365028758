//! What a statement of SQL puts into which columns of a table, and what it takes out. Its constant text comes in, or what
//! it begins with; joins and subqueries are not told apart.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

/// A table of whatever database, by its name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(super) struct Table(u64);

/// A placeholder of a statement: by position, or by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Index(usize),
    Name(String),
}

/// What a statement does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Statement {
    /// Puts what is passed for placeholders into columns.
    Write(Table, Vec<(Place, String)>),
    /// Takes out these columns; of all where none are named.
    Read(Table, Vec<String>),
}

impl Table {
    fn named(name: &str) -> Self {
        let mut hasher = FxHasher::default();
        let name = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase();
        name.trim_matches(['"', '`', '[', ']']).hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// What the statement `text` does, if it is one that is understood.
pub(super) fn statement(text: &str) -> Option<Statement> {
    /// Longest text that is looked at.
    const MAX: usize = 8192;
    let lower: String = text.trim_start().chars().take(MAX).collect::<String>().to_ascii_lowercase();
    let verb = lower.split_whitespace().next()?;
    match verb {
        "insert" | "replace" => {
            let rest = behind(&lower, "into")?;
            let (table, rest) = rest.split_once(|c: char| c.is_whitespace() || c == '(')?;
            let columns = rest.split_once("values").map_or(rest, |(columns, _)| columns);
            let columns: Vec<&str> =
                parts(columns.trim_start_matches(['(', ' ']).trim_end().trim_end_matches(')'));
            let values = rest.split_once("values").map_or("", |(_, values)| values.trim_start());
            let values = parts(values.strip_prefix('(').unwrap_or_default());
            let mut next = 0;
            let pairs = values
                .iter()
                .zip(columns)
                .filter_map(|(value, column)| Some((place(value, &mut next)?, name(column))));
            Some(Statement::Write(Table::named(table.trim()), pairs.collect()))
        }
        "update" => {
            let (table, rest) = behind(&lower, "update")?.split_once(char::is_whitespace)?;
            let set = rest.trim_start().strip_prefix("set")?;
            let set = set.split_once(" where ").map_or(set, |(set, _)| set);
            let mut next = 0;
            let pairs = parts(set).into_iter().filter_map(|part| {
                let (column, value) = part.split_once('=')?;
                Some((place(value.trim(), &mut next)?, name(column)))
            });
            Some(Statement::Write(Table::named(table), pairs.collect()))
        }
        "select" => {
            let (columns, rest) = behind(&lower, "select")?.split_once("from ")?;
            let table = rest.split_whitespace().next()?.trim_end_matches([',', ';', ')']);
            let columns: Vec<String> = parts(columns).into_iter().map(name).collect();
            let is_all = columns.iter().any(|column| column.ends_with('*'));
            Some(Statement::Read(Table::named(table), if is_all { Vec::new() } else { columns }))
        }
        _ => None,
    }
}

/// What follows the word `word` in `text`.
fn behind<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let at = text.find(word)?;
    Some(text[at + word.len()..].trim_start())
}

/// What commas part, those in parentheses and quotes aside; up to the parenthesis that closes all.
fn parts(text: &str) -> Vec<&str> {
    let (mut depth, mut is_quoted, mut from) = (0_u32, false, 0);
    let mut parts = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            '\'' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            '(' => depth += 1,
            ')' if depth == 0 => {
                parts.push(text[from..at].trim());
                return parts;
            }
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[from..].trim());
    parts
}

/// The placeholder that `value` is; `next` counts those by position.
fn place(value: &str, next: &mut usize) -> Option<Place> {
    let is_word = |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if let Some(name) = value.strip_prefix(':').or(value.strip_prefix('@')).filter(is_word) {
        return Some(Place::Name(name.to_owned()));
    }
    if let Some(name) = value.strip_prefix("%(").and_then(|value| value.strip_suffix(")s")) {
        return Some(Place::Name(name.to_owned()));
    }
    let n = value.matches('?').count() + value.matches("%s").count();
    *next += n;
    (n > 0).then(|| Place::Index(*next - n))
}

/// The name that a column has in a row.
fn name(column: &str) -> String {
    let last = column.split_whitespace().last().unwrap_or(column);
    last.rsplit('.').next().unwrap_or(last).trim_matches(['"', '`', '[', ']', '\'']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Place, Statement, Table, statement};

    fn columns(text: &str) -> Vec<(Place, String)> {
        match statement(text) {
            Some(Statement::Write(table, columns)) if table == Table::named("posts") => columns,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn placeholders_go_into_columns() {
        let at = |index, column: &str| (Place::Index(index), column.to_owned());
        let insert = "INSERT INTO posts (username, date, text) VALUES (?, now('a', 1), ?)";
        assert_eq!(columns(insert), [at(0, "username"), at(1, "text")]);
        assert_eq!(
            columns("insert or replace into Posts(a,b) values (%s, lower(%s))"),
            [at(0, "a"), at(1, "b")]
        );
        assert_eq!(columns("UPDATE posts SET a = ?, b = 1, c=? WHERE id = ?"), [at(0, "a"), at(1, "c")]);
        let named = columns("INSERT INTO db.posts (a, b) VALUES (:first, %(second)s)");
        assert_eq!(
            named,
            [(Place::Name("first".into()), "a".into()), (Place::Name("second".into()), "b".into())]
        );
        assert_eq!(columns("INSERT INTO posts (a, b) VALUES ('"), []);
    }

    #[test]
    fn columns_are_taken_out() {
        let posts = Table::named("posts");
        let read = |columns: &[&str]| {
            Some(Statement::Read(posts, columns.iter().map(|column| (*column).to_owned()).collect()))
        };
        assert_eq!(statement("SELECT * FROM posts WHERE a = ?"), read(&[]));
        assert_eq!(statement("  select p.text, count(a, b) as n from posts p"), read(&["text", "n"]));
        assert_eq!(statement("SELECT text FROM \"posts\";"), read(&["text"]));
        for text in [
            "",
            "select",
            "insert",
            "insert into",
            "update",
            "drop table posts",
            "select 1",
            "INSERT INTO posts",
        ] {
            statement(text);
        }
    }
}
