//! The condition keys of a request with their values.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

/// One value of a condition key. The operator decides how to read it: a text that contains a number can be compared as
/// a number. AWS's simulator sends every value as text.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Text, also ARNs and base64. Requests share texts that do not depend on them.
    Text(Arc<str>),
    /// A Boolean value, such as `aws:SecureTransport`.
    Bool(bool),
    /// A whole number, such as `aws:EpochTime`.
    Number(i64),
    /// A time, such as `aws:CurrentTime`.
    Time(Timestamp),
    /// A network address, such as `aws:SourceIp`.
    Address(IpAddr),
}

impl Value {
    /// A text value.
    pub fn text_of(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// The value as policy variables and string operators use it.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Bool(true) => Cow::Borrowed("true"),
            Self::Bool(false) => Cow::Borrowed("false"),
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Time(time) => Cow::Owned(time.to_string()),
            Self::Address(address) => Cow::Owned(address.to_string()),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::text_of(text)
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::text_of(text)
    }
}
impl From<Arc<str>> for Value {
    fn from(text: Arc<str>) -> Self {
        Self::Text(text)
    }
}
impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}
impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}
impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}
impl From<IpAddr> for Value {
    fn from(address: IpAddr) -> Self {
        Self::Address(address)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Values {
    /// The key has one value.
    Single(Value),
    /// The key has a set of values (`aws:TagKeys`), which may be empty.
    Set(Vec<Value>),
    /// The key has one of these values, and it is not known which: tags whose keys differ only in case.
    OneOf(Vec<Value>),
}

impl Values {
    /// Every value that it has or may have.
    pub(crate) fn all(&self) -> &[Value] {
        match self {
            Self::Single(value) => std::slice::from_ref(value),
            Self::Set(values) | Self::OneOf(values) => values,
        }
    }
}

/// A key with its case removed, in any script: only the case of ASCII letters remains. Tags use the same rule
/// (`aws::tag::folded`).
fn folded(key: &str) -> Cow<'_, str> {
    if key.is_ascii() {
        return Cow::Borrowed(key);
    }
    Cow::Owned(key.to_lowercase())
}

/// The condition keys of one request. Names are compared without case, as in AWS, also after a `/`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Context {
    entries: Vec<(Cow<'static, str>, Values)>,
}

impl Context {
    /// A context without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// A context without keys, with room for this many.
    pub fn with_capacity(keys: usize) -> Self {
        Self { entries: Vec::with_capacity(keys) }
    }

    /// Adds a key with one value. It replaces an existing key.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        self.set(name, value);
        self
    }

    /// Adds a key with a set of values, which may be empty.
    #[must_use]
    pub fn with_set<V: Into<Value>>(
        mut self,
        name: impl Into<Cow<'static, str>>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        self.set_all(name, values);
        self
    }

    /// As [`Context::with`], in place.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) {
        self.put(name.into(), Values::Single(value.into()));
    }

    /// As [`Context::with_set`], in place.
    pub fn set_all<V: Into<Value>>(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        values: impl IntoIterator<Item = V>,
    ) {
        self.put(name.into(), Values::Set(values.into_iter().map(Into::into).collect()));
    }

    /// Adds a key for each tag: the prefix, such as `aws:ResourceTag/`, and the tag's key. For tags whose keys differ
    /// only in case, each value is possible, and a decision considers all of them.
    pub fn set_tags<'t>(&mut self, prefix: &str, tags: impl IntoIterator<Item = (&'t str, &'t str)>) {
        let mut keys: Vec<(Cow<'_, str>, Vec<Value>)> = Vec::new();
        for (key, value) in tags {
            let key = folded(key);
            match keys.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&key)) {
                Some((_, values)) => values.push(value.into()),
                None => keys.push((key, vec![value.into()])),
            }
        }
        for (key, mut values) in keys {
            let values = match (values.pop(), values.is_empty()) {
                (Some(only), true) => Values::Single(only),
                (last, _) => Values::OneOf(values.into_iter().chain(last).collect()),
            };
            self.put(format!("{prefix}{key}").into(), values);
        }
    }

    /// The keys of both contexts. For a key in both, the values of `other` are used.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        for (name, values) in other.entries {
            self.put(name, values);
        }
        self
    }

    /// Whether the key exists with at least one value.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some_and(|values| !values.all().is_empty())
    }

    fn put(&mut self, name: Cow<'static, str>, values: Values) {
        let name = if name.is_ascii() { name } else { Cow::Owned(folded(&name).into_owned()) };
        match self.entries.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            Some((_, old)) => *old = values,
            None => self.entries.push((name, values)),
        }
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Values> {
        let name = folded(name);
        self.entries.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name)).map(|(_, values)| values)
    }

    /// The number of keys.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}
