//! Writes results in XML or JSON: elements, lists, texts, numbers, with escapes.

use super::Format;

/// An answer that is being written. Elements are always closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    format: Format,
    written: String,
    /// In JSON: the open element is a text, not an object.
    is_text: bool,
}

impl Writer {
    /// An empty answer.
    pub fn new(format: Format) -> Self {
        Self { format, written: String::new(), is_text: false }
    }

    /// An element that holds a text.
    pub fn text(&mut self, name: &str, text: &str) -> &mut Self {
        self.element(name, |out| {
            out.content(text);
        })
    }

    /// Text inside the element that is open.
    pub fn content(&mut self, text: &str) -> &mut Self {
        match self.format {
            Format::Xml => self.escape(text),
            Format::Json => self.bare(&serde_json::Value::from(text).to_string()),
        }
        self
    }

    /// An element that holds a text, if there is one.
    pub fn maybe(&mut self, name: &str, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    /// An element that holds a whole number.
    pub fn number(&mut self, name: &str, number: i64) -> &mut Self {
        self.element(name, |out| out.bare(&number.to_string()))
    }

    /// An element that holds a truth value.
    pub fn flag(&mut self, name: &str, is_true: bool) -> &mut Self {
        self.element(name, |out| out.bare(if is_true { "true" } else { "false" }))
    }

    /// An element with a time, in whole seconds as in AWS's query services; in JSON it is a number.
    pub fn time(&mut self, name: &str, at: jiff::Timestamp) -> &mut Self {
        match self.format {
            Format::Xml => {
                let second = jiff::Timestamp::from_second(at.as_second()).unwrap_or(at);
                self.text(name, &second.to_string())
            }
            Format::Json => self.number(name, at.as_second()),
        }
    }

    /// An element that holds others.
    pub fn element(&mut self, name: &str, content: impl FnOnce(&mut Self)) -> &mut Self {
        match self.format {
            Format::Xml => {
                self.open(name, None);
                content(self);
                self.close(name);
            }
            Format::Json => {
                self.key(name);
                self.object(content);
            }
        }
        self
    }

    /// The outermost element, with a namespace in XML.
    pub fn root(&mut self, name: &str, namespace: &str, content: impl FnOnce(&mut Self)) -> &mut Self {
        match self.format {
            Format::Xml => {
                self.open(name, Some(namespace));
                content(self);
                self.close(name);
            }
            Format::Json => {
                self.object(|out| {
                    out.element(name, content);
                });
            }
        }
        self
    }

    /// A list: `<Name><member>…</member>…</Name>` or `"Name":[…]`.
    pub fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut content: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        match self.format {
            Format::Xml => self.element(name, |out| {
                for item in items {
                    out.element("member", |out| content(out, item));
                }
            }),
            Format::Json => {
                self.key(name);
                self.written.push('[');
                for item in items {
                    self.separate();
                    self.object(|out| content(out, item));
                }
                self.written.push(']');
                self
            }
        }
    }

    /// A map of numbers by name.
    pub fn numbers(&mut self, name: &str, entries: &[(&str, i64)]) -> &mut Self {
        let format = self.format;
        self.element(name, |out| {
            for (key, number) in entries {
                match format {
                    Format::Xml => out.element("entry", |out| {
                        out.text("key", key).number("value", *number);
                    }),
                    Format::Json => out.number(key, *number),
                };
            }
        })
    }

    /// What was written so far.
    pub fn into_string(self) -> String {
        self.written
    }

    /// A value that replaces the object that was opened for it.
    fn bare(&mut self, value: &str) {
        if self.format == Format::Json {
            self.written.pop();
            self.is_text = true;
        }
        self.written.push_str(value);
    }

    /// In JSON: an object, or a text if that is its content.
    pub(super) fn object(&mut self, content: impl FnOnce(&mut Self)) -> &mut Self {
        self.written.push('{');
        content(self);
        if !std::mem::take(&mut self.is_text) {
            self.written.push('}');
        }
        self
    }

    fn key(&mut self, name: &str) {
        self.separate();
        self.written.push('"');
        self.written.push_str(name);
        self.written.push_str("\":");
    }

    fn separate(&mut self) {
        if !self.written.ends_with(['{', '[']) {
            self.written.push(',');
        }
    }

    fn open(&mut self, name: &str, namespace: Option<&str>) {
        self.written.push('<');
        self.written.push_str(name);
        if let Some(namespace) = namespace {
            self.written.push_str(" xmlns=\"");
            self.escape(namespace);
            self.written.push('"');
        }
        self.written.push('>');
    }

    fn close(&mut self, name: &str) {
        self.written.push_str("</");
        self.written.push_str(name);
        self.written.push('>');
    }

    fn escape(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.written.push_str("&amp;"),
                '<' => self.written.push_str("&lt;"),
                '>' => self.written.push_str("&gt;"),
                '"' => self.written.push_str("&quot;"),
                '\'' => self.written.push_str("&apos;"),
                // A parser would convert a bare one to a line feed (XML 1.0 section 2.11).
                '\r' => self.written.push_str("&#xD;"),
                '\n' | '\t' => self.written.push(c),
                // XML 1.0 section 2.2 allows no other control characters, not even escaped.
                '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => self.written.push('\u{fffd}'),
                c => self.written.push(c),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format, content: impl FnOnce(&mut Writer)) -> String {
        let mut out = Writer::new(format);
        out.root("R", "urn:r", content);
        out.into_string()
    }

    #[test]
    fn text_cannot_become_markup() {
        let text = "<b c=\"d\">&'\r\n\t\0\u{1b}\u{ffff}é</b>";
        let xml = written(Format::Xml, |out| {
            out.text("A", text);
        });
        assert_eq!(
            xml,
            "<R xmlns=\"urn:r\"><A>&lt;b c=&quot;d&quot;&gt;&amp;&apos;&#xD;\n\t\u{fffd}\u{fffd}\u{fffd}é&lt;/b&gt;</A></R>"
        );
        let json = written(Format::Json, |out| {
            out.text("A", text);
        });
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&json).unwrap(),
            serde_json::json!({"R": {"A": text}})
        );
    }

    #[test]
    fn both_formats_have_the_same_content() {
        let content = |out: &mut Writer| {
            out.list("Users", ["a", "b"], |out, name| {
                out.text("Name", name);
            });
            out.list("None", [""; 0], |out, name| {
                out.content(name);
            });
            out.list("Keys", ["{", ""], |out, name| {
                out.content(name);
            });
            out.number("N", -1).flag("F", true).maybe("No", None).element("E", |_| {});
            out.time("T", jiff::Timestamp::from_second(1_700_000_000).unwrap());
            out.numbers("Map", &[("A", 1)]);
        };
        assert_eq!(
            written(Format::Xml, content),
            "<R xmlns=\"urn:r\"><Users><member><Name>a</Name></member><member><Name>b</Name></member></Users>\
             <None></None><Keys><member>{</member><member></member></Keys><N>-1</N><F>true</F><E></E>\
             <T>2023-11-14T22:13:20Z</T><Map><entry><key>A</key><value>1</value></entry></Map></R>"
        );
        assert_eq!(
            written(Format::Json, content),
            r#"{"R":{"Users":[{"Name":"a"},{"Name":"b"}],"None":[],"Keys":["{",""],"N":-1,"F":true,"E":{},"T":1700000000,"Map":{"A":1}}}"#
        );
    }
}
