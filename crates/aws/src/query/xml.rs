//! Writes XML: elements and text, escaped, nothing else.

/// An XML text being written. Elements are closed by construction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Xml(String);

impl Xml {
    /// An empty text.
    pub fn new() -> Self {
        Self::default()
    }

    /// An element that holds a text.
    pub fn text(&mut self, name: &str, text: &str) -> &mut Self {
        self.open(name, None);
        self.escape(text);
        self.close(name)
    }

    /// Text inside the element that is open.
    pub fn content(&mut self, text: &str) -> &mut Self {
        self.escape(text);
        self
    }

    /// An element that holds a text, if there is one.
    pub fn maybe(&mut self, name: &str, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    /// An element that holds a moment, to the second as AWS's query services have it.
    pub fn time(&mut self, name: &str, at: jiff::Timestamp) -> &mut Self {
        let second = jiff::Timestamp::from_second(at.as_second()).unwrap_or(at);
        self.text(name, &second.to_string())
    }

    /// An element that holds others.
    pub fn element(&mut self, name: &str, content: impl FnOnce(&mut Self)) -> &mut Self {
        self.open(name, None);
        content(self);
        self.close(name)
    }

    /// An element in a namespace.
    pub fn root(&mut self, name: &str, namespace: &str, content: impl FnOnce(&mut Self)) -> &mut Self {
        self.open(name, Some(namespace));
        content(self);
        self.close(name)
    }

    /// A list: `<Name><member>…</member>…</Name>`.
    pub fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut content: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.element(name, |xml| {
            for item in items {
                xml.element("member", |xml| content(xml, item));
            }
        })
    }

    /// The text written so far.
    pub fn into_string(self) -> String {
        self.0
    }

    fn open(&mut self, name: &str, namespace: Option<&str>) {
        self.0.push('<');
        self.0.push_str(name);
        if let Some(namespace) = namespace {
            self.0.push_str(" xmlns=\"");
            self.escape(namespace);
            self.0.push('"');
        }
        self.0.push('>');
    }

    fn close(&mut self, name: &str) -> &mut Self {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
        self
    }

    fn escape(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&apos;"),
                // A parser would turn a bare one into a line feed (XML 1.0 section 2.11).
                '\r' => self.0.push_str("&#xD;"),
                '\n' | '\t' => self.0.push(c),
                // XML 1.0 section 2.2 has no other control characters, not even escaped.
                '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => self.0.push('\u{fffd}'),
                c => self.0.push(c),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let mut xml = Xml::new();
        xml.text("A", "<b c=\"d\">&'\r\n\t\0\u{1b}\u{ffff}é</b>");
        assert_eq!(
            xml.into_string(),
            "<A>&lt;b c=&quot;d&quot;&gt;&amp;&apos;&#xD;\n\t\u{fffd}\u{fffd}\u{fffd}é&lt;/b&gt;</A>"
        );
    }

    #[test]
    fn lists_have_members() {
        let mut xml = Xml::new();
        xml.list("Users", ["a", "b"], |xml, name| {
            xml.text("Name", name);
        });
        assert_eq!(
            xml.into_string(),
            "<Users><member><Name>a</Name></member><member><Name>b</Name></member></Users>"
        );
    }
}
