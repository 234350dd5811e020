//! Results of the query services: the content of `<OperationResult>`.

use super::Writer;

/// A result that can be written.
pub trait Output {
    /// Whether the operation has no result, and so no `Result` element.
    const IS_EMPTY: bool = false;

    /// Writes what stands in the element.
    fn write(&self, out: &mut Writer);
}

impl Output for () {
    const IS_EMPTY: bool = true;

    fn write(&self, _out: &mut Writer) {}
}

/// A result without members: its element exists, and is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Empty;

impl Output for Empty {
    fn write(&self, _out: &mut Writer) {}
}

impl Output for String {
    fn write(&self, out: &mut Writer) {
        out.content(self);
    }
}

/// A key and its value, as tags are listed.
impl Output for (String, String) {
    fn write(&self, out: &mut Writer) {
        out.text("Key", &self.0).text("Value", &self.1);
    }
}

/// A result of one element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct One<T>(pub &'static str, pub T);

impl<T: Output> Output for One<T> {
    fn write(&self, out: &mut Writer) {
        out.element(self.0, |out| self.1.write(out));
    }
}

/// A list that has no pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T>(pub &'static str, pub Vec<T>);

impl<T: Output> Output for List<T> {
    fn write(&self, out: &mut Writer) {
        out.list(self.0, &self.1, |out, item| item.write(out));
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The list's element.
    pub name: &'static str,
    /// Its members.
    pub items: Vec<T>,
    /// The start of the next page; None at the end.
    pub marker: Option<String>,
}

impl<T> Page<T> {
    /// A list that fits on one page.
    pub fn whole(name: &'static str, items: Vec<T>) -> Self {
        Self { name, items, marker: None }
    }
}

impl<T: Output> Output for Page<T> {
    fn write(&self, out: &mut Writer) {
        out.flag("IsTruncated", self.marker.is_some());
        out.list(self.name, &self.items, |out, item| item.write(out));
        if let Some(marker) = &self.marker {
            out.text("Marker", marker);
        }
    }
}
