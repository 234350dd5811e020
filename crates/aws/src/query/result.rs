//! Results of the query services: what stands in `<OperationResult>`.

use super::Xml;

/// A result that can be written.
pub trait ToXml {
    /// Whether the operation has no result at all, and so no `Result` element.
    const IS_EMPTY: bool = false;

    /// Writes what stands in the element.
    fn write(&self, xml: &mut Xml);
}

impl ToXml for () {
    const IS_EMPTY: bool = true;

    fn write(&self, _xml: &mut Xml) {}
}

/// A result without members: its element is there, and empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Empty;

impl ToXml for Empty {
    fn write(&self, _xml: &mut Xml) {}
}

impl ToXml for String {
    fn write(&self, xml: &mut Xml) {
        xml.content(self);
    }
}

/// A key and its value, as tags are listed.
impl ToXml for (String, String) {
    fn write(&self, xml: &mut Xml) {
        xml.text("Key", &self.0).text("Value", &self.1);
    }
}

/// A result of one element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct One<T>(pub &'static str, pub T);

impl<T: ToXml> ToXml for One<T> {
    fn write(&self, xml: &mut Xml) {
        xml.element(self.0, |xml| self.1.write(xml));
    }
}

/// A list that has no pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T>(pub &'static str, pub Vec<T>);

impl<T: ToXml> ToXml for List<T> {
    fn write(&self, xml: &mut Xml) {
        xml.list(self.0, &self.1, |xml, item| item.write(xml));
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The list's element.
    pub name: &'static str,
    /// Its members.
    pub items: Vec<T>,
    /// Where the next page begins; None at the end.
    pub marker: Option<String>,
}

impl<T> Page<T> {
    /// A list that fits on one page.
    pub fn whole(name: &'static str, items: Vec<T>) -> Self {
        Self { name, items, marker: None }
    }
}

impl<T: ToXml> ToXml for Page<T> {
    fn write(&self, xml: &mut Xml) {
        xml.text("IsTruncated", if self.marker.is_some() { "true" } else { "false" });
        xml.list(self.name, &self.items, |xml, item| item.write(xml));
        if let Some(marker) = &self.marker {
            xml.text("Marker", marker);
        }
    }
}
