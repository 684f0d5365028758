//! The fields of text templates: `"%s-%s"` and `"{}-{name}"`.

/// A piece of a template.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Field<'a> {
    /// Constant text.
    Text(&'a str),
    /// The value at this position, as text.
    Index(usize),
    /// The value of this name, as text.
    Name(&'a str),
    /// A number, or anything else that is not the plain text of a value.
    Other,
}

/// The fields of a `%` template.
pub(crate) fn percents(template: &str) -> Vec<Field<'_>> {
    let mut fields = Vec::new();
    let mut rest = template;
    let mut index = 0;
    while let Some(at) = rest.find('%') {
        text(&mut fields, &rest[..at]);
        let spec = &rest[at + 1..];
        if let Some((name, after)) = spec.strip_prefix('(').and_then(|spec| spec.split_once(')')) {
            let is_text = after.starts_with(['s', 'r', 'a']);
            fields.push(if is_text { Field::Name(name) } else { Field::Other });
            rest = after.get(1..).unwrap_or_default();
            continue;
        }
        let Some(end) = spec.find(|c: char| c.is_ascii_alphabetic() || c == '%') else {
            rest = "";
            break;
        };
        if spec[end..].starts_with('%') {
            text(&mut fields, "%");
        } else {
            let is_text = spec[end..].starts_with(['s', 'r', 'a', 'b']);
            fields.push(if is_text { Field::Index(index) } else { Field::Other });
            index += 1;
        }
        rest = &spec[end + 1..];
    }
    text(&mut fields, rest);
    fields
}

/// The fields of a `str.format` template.
pub(crate) fn braces(template: &str) -> Vec<Field<'_>> {
    let mut fields = Vec::new();
    let mut rest = template;
    let mut index = 0;
    while let Some(at) = rest.find(['{', '}']) {
        text(&mut fields, &rest[..at]);
        let doubled = rest[at..].starts_with("{{") || rest[at..].starts_with("}}");
        if doubled {
            text(&mut fields, &rest[at..=at]);
            rest = &rest[at + 2..];
            continue;
        }
        let Some(end) = rest[at..].find('}') else {
            return fields;
        };
        let inside = rest.get(at + 1..at + end).unwrap_or_default();
        rest = &rest[at + end + 1..];
        let name = inside.split([':', '!']).next().unwrap_or_default();
        let spec = inside.split_once(':').map_or("", |(_, spec)| spec);
        let is_number = spec.ends_with(['d', 'x', 'X', 'f', 'e', 'g', 'n', 'o', 'b', '%']);
        fields.push(if is_number || name.contains(['.', '[']) {
            Field::Other
        } else if name.is_empty() {
            Field::Index(index)
        } else {
            name.parse().map_or(Field::Name(name), Field::Index)
        });
        index += usize::from(name.is_empty());
    }
    text(&mut fields, rest);
    fields
}

fn text<'a>(fields: &mut Vec<Field<'a>>, text: &'a str) {
    if !text.is_empty() {
        fields.push(Field::Text(text));
    }
}

#[cfg(test)]
mod tests {
    use super::{Field, braces, percents};

    #[test]
    fn percent_templates_split_into_fields() {
        let expected = [Field::Text("a-"), Field::Index(0), Field::Text("-"), Field::Other, Field::Text("%")];
        assert_eq!(percents("a-%s-%03d%%"), expected);
        assert_eq!(percents("%(name)s.lock"), [Field::Name("name"), Field::Text(".lock")]);
        assert_eq!(percents("%(n)d"), [Field::Other]);
    }

    #[test]
    fn brace_templates_split_into_fields() {
        let expected =
            [Field::Index(0), Field::Text("-"), Field::Index(1), Field::Text("-"), Field::Name("x")];
        assert_eq!(braces("{}-{}-{x!s}"), expected);
        assert_eq!(
            braces("{{{0}:{1:d}"),
            [Field::Text("{"), Field::Index(0), Field::Text(":"), Field::Other]
        );
    }
}
