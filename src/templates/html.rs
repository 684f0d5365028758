//! Where in a page a value stands, as far as the text before it tells: escaping of `<`, `>`, `&` and quotes is not enough
//! everywhere. Text comes in piece by piece, what a value there needs goes out. It is no parser of HTML: what no browser
//! would read as a tag may be taken for one.

/// What stands around a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Context {
    /// Text, or a value in quotes: escaping is enough.
    Escapable,
    /// A value of an attribute without quotes, or an attribute itself: a blank begins the next one.
    Attribute,
    /// The code of an attribute: the browser undoes the escaping before it runs it.
    Handler,
    /// A script, outside of quotes.
    Script,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Text,
    Comment,
    /// In a tag, between attributes or in the name of one.
    Tag,
    /// Behind the `=` of an attribute.
    Equals,
    Unquoted,
    Quoted(u8),
    /// In a script, with the quote that is open.
    Script(Option<u8>),
    LineComment,
    BlockComment,
    /// In what is neither text nor a script that runs: style, data.
    Data,
}

/// The text so far.
pub(super) struct Page {
    state: State,
    /// The tag at hand, in lower case, cut.
    tag: String,
    /// The name of the attribute at hand, in lower case, cut.
    attribute: String,
}

/// Most that is kept of a tag.
const MAX_TAG: usize = 256;

impl Page {
    pub(super) fn new() -> Self {
        Self { state: State::Text, tag: String::new(), attribute: String::new() }
    }

    /// Begins anew: what stands around a block is in another file.
    pub(super) fn forget(&mut self) {
        *self = Self::new();
    }

    /// What stands around a value that comes here; it is taken for a word.
    pub(super) fn value(&mut self) -> Context {
        match self.state {
            State::Script(None | Some(b'`')) => Context::Script,
            State::Quoted(_) if self.attribute.starts_with("on") => Context::Handler,
            State::Equals | State::Unquoted => {
                self.state = State::Unquoted;
                Context::Attribute
            }
            // `<{{ tag }}>` has no name yet.
            State::Tag if self.tag.contains(' ') => Context::Attribute,
            State::Tag
            | State::Text
            | State::Comment
            | State::Quoted(_)
            | State::Script(_)
            | State::LineComment
            | State::BlockComment
            | State::Data => Context::Escapable,
        }
    }

    /// Takes in text that goes out as it is.
    pub(super) fn text(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            at += self.step(&bytes[at..]);
        }
    }

    /// Takes in the first of `rest`, and how much of it.
    fn step(&mut self, rest: &[u8]) -> usize {
        let byte = rest[0];
        match self.state {
            State::Text => {
                let Some(next) = memchr::memchr(b'<', rest) else { return rest.len() };
                if next > 0 {
                    return next;
                }
                if rest.starts_with(b"<!--") {
                    self.state = State::Comment;
                } else if rest.get(1).is_none_or(|next| next.is_ascii_alphabetic() || *next == b'/') {
                    self.state = State::Tag;
                    self.tag.clear();
                    self.attribute.clear();
                }
            }
            State::Comment => {
                let end = memchr::memmem::find(rest, b"-->");
                self.state = if end.is_some() { State::Text } else { State::Comment };
                return end.map_or(rest.len(), |end| end + 3);
            }
            State::Tag => self.in_tag(byte),
            State::Equals => match byte {
                b'"' | b'\'' => self.state = State::Quoted(byte),
                b'>' => self.leave_tag(),
                _ if byte.is_ascii_whitespace() => {}
                _ => {
                    self.state = State::Unquoted;
                    self.keep(byte);
                }
            },
            State::Unquoted => match byte {
                b'>' => self.leave_tag(),
                _ if byte.is_ascii_whitespace() => self.between(),
                _ => self.keep(byte),
            },
            State::Quoted(quote) if byte == quote => self.between(),
            State::Quoted(_) => self.keep(byte),
            State::Data if ends(rest, b"</") => self.state = State::Text,
            State::Data => {}
            State::Script(_) | State::LineComment | State::BlockComment => return self.in_script(rest),
        }
        1
    }

    fn in_tag(&mut self, byte: u8) {
        match byte {
            b'>' => self.leave_tag(),
            b'=' => {
                self.state = State::Equals;
                self.keep(byte);
            }
            _ if byte.is_ascii_whitespace() => self.between(),
            _ => {
                self.keep(byte);
                if self.attribute.len() < MAX_TAG {
                    self.attribute.push(char::from(byte.to_ascii_lowercase()));
                }
            }
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.tag.len() < MAX_TAG {
            self.tag.push(char::from(byte.to_ascii_lowercase()));
        }
    }

    fn between(&mut self) {
        self.state = State::Tag;
        self.attribute.clear();
        self.keep(b' ');
    }

    fn leave_tag(&mut self) {
        let name = self.tag.split([' ', '/']).next().unwrap_or_default();
        let kind = self.tag.split_once("type=").map(|(_, kind)| kind);
        let runs = kind
            .is_none_or(|kind| ["javascript", "module", "babel", "jsx"].iter().any(|it| kind.contains(it)));
        self.state = match name {
            "script" if runs => State::Script(None),
            "script" | "style" | "textarea" | "title" => State::Data,
            _ => State::Text,
        };
    }

    fn in_script(&mut self, rest: &[u8]) -> usize {
        let byte = rest[0];
        if ends(rest, b"</script") {
            self.state = State::Text;
            return 1;
        }
        match self.state {
            State::Script(Some(_)) if byte == b'\\' => return rest.len().min(2),
            State::Script(Some(quote)) if byte == quote || byte == b'\n' && quote != b'`' => {
                self.state = State::Script(None);
            }
            State::Script(None) => match byte {
                b'"' | b'\'' | b'`' => self.state = State::Script(Some(byte)),
                b'/' if rest.starts_with(b"//") => self.state = State::LineComment,
                b'/' if rest.starts_with(b"/*") => self.state = State::BlockComment,
                _ => {}
            },
            State::LineComment if byte == b'\n' => self.state = State::Script(None),
            State::BlockComment if rest.starts_with(b"*/") => {
                self.state = State::Script(None);
                return 2;
            }
            _ => {}
        }
        1
    }
}

/// Whether `rest` begins with `tag`, in whatever case.
fn ends(rest: &[u8], tag: &[u8]) -> bool {
    rest.get(..tag.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(tag))
}

#[cfg(test)]
mod tests {
    use super::{Context, Page};

    fn around(text: &str) -> Context {
        let mut page = Page::new();
        page.text(text);
        page.value()
    }

    #[test]
    fn escaping_is_enough_in_text_and_quotes() {
        for text in [
            "<p>",
            "<a href=\"",
            "<a class='b' href='",
            "<!-- <a href=",
            "<script>var a = '",
            "<script>var a = \"it's ",
            "<script>// it's\nvar a = '",
            "<script>a = 1</script><p>",
            "<script type=\"application/ld+json\">{\"a\": ",
            "<style>a { color: ",
            "a < b and c=",
            "<",
        ] {
            assert_eq!(around(text), Context::Escapable, "{text}");
        }
    }

    #[test]
    fn it_is_not_enough_elsewhere() {
        for (text, context) in [
            ("<a href=", Context::Attribute),
            ("<a href=x", Context::Attribute),
            ("<input value='a' ", Context::Attribute),
            ("<a onclick=\"go('", Context::Handler),
            ("<A OnClick='go(", Context::Handler),
            ("<script>var a = ", Context::Script),
            ("<script>var a = 'it\\'s'; b = ", Context::Script),
            ("<script>var a = `", Context::Script),
            ("<script type='module'>a(", Context::Script),
            ("<script>/* it's */ a(", Context::Script),
        ] {
            assert_eq!(around(text), context, "{text}");
        }
    }
}
