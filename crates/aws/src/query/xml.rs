//! Writes answers in the XML of the query protocol. A member is an element, the elements of a list are `<member>`, and those
//! of a map are `<entry>` with `<key>` and `<value>`.

use std::fmt::{self, Display};

use jiff::Timestamp;
use serde::ser::{
    Error as _, Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer,
};

use super::time::Time;
use crate::shape::WriteError;

/// Writes an element with a value.
pub(crate) fn value(
    out: &mut String,
    name: &str,
    value: &(impl Serialize + ?Sized),
) -> Result<(), WriteError> {
    open(out, name);
    value.serialize(Content { out, is_time: false })?;
    close(out, name);
    Ok(())
}

/// Writes an element with a text.
pub(super) fn text(out: &mut String, name: &str, text: &str) {
    open(out, name);
    escape(out, text);
    close(out, name);
}

pub(super) fn open(out: &mut String, name: &str) {
    out.push('<');
    out.push_str(name);
    out.push('>');
}

pub(super) fn close(out: &mut String, name: &str) {
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // A parser would convert a bare one to a line feed (XML 1.0 section 2.11).
            '\r' => out.push_str("&#xD;"),
            '\n' | '\t' => out.push(c),
            // XML 1.0 section 2.2 allows no other control characters, not even escaped.
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

/// The content of an open element.
struct Content<'o> {
    out: &'o mut String,
    is_time: bool,
}

impl Content<'_> {
    fn bare(self, value: impl Display) -> Result<(), WriteError> {
        fmt::Write::write_fmt(self.out, format_args!("{value}")).map_err(WriteError::custom)
    }
}

fn unknown<T>(what: &str) -> Result<T, WriteError> {
    Err(WriteError::custom(format!("the query protocol has no {what}")))
}

macro_rules! bare {
    ($($method:ident: $type:ty,)*) => {$(
        fn $method(self, value: $type) -> Result<(), WriteError> {
            self.bare(value)
        }
    )*};
}

impl<'o> Serializer for Content<'o> {
    type Ok = ();
    type Error = WriteError;
    type SerializeSeq = Inside<'o>;
    type SerializeTuple = Impossible<(), WriteError>;
    type SerializeTupleStruct = Impossible<(), WriteError>;
    type SerializeTupleVariant = Impossible<(), WriteError>;
    type SerializeMap = Inside<'o>;
    type SerializeStruct = Inside<'o>;
    type SerializeStructVariant = Impossible<(), WriteError>;

    bare! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_u8: u8,
        serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_f32: f32, serialize_f64: f64,
    }

    /// A time is in whole seconds, as in AWS's query services.
    fn serialize_i64(self, value: i64) -> Result<(), WriteError> {
        if !self.is_time {
            return self.bare(value);
        }
        self.bare(Timestamp::from_second(value).map_err(WriteError::custom)?)
    }

    fn serialize_char(self, value: char) -> Result<(), WriteError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), WriteError> {
        escape(self.out, value);
        Ok(())
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), WriteError> {
        unknown("bare bytes")
    }

    fn serialize_none(self) -> Result<(), WriteError> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), WriteError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), WriteError> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), WriteError> {
        Ok(())
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), WriteError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), WriteError> {
        value.serialize(Self { is_time: name == Time::NAME, ..self })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), WriteError> {
        unknown("variants")
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Inside<'o>, WriteError> {
        Ok(Inside { out: self.out })
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, WriteError> {
        unknown("tuples")
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, WriteError> {
        unknown("tuples")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, WriteError> {
        unknown("variants")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Inside<'o>, WriteError> {
        Ok(Inside { out: self.out })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Inside<'o>, WriteError> {
        Ok(Inside { out: self.out })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, WriteError> {
        unknown("variants")
    }
}

/// The elements inside a structure, a list or a map.
struct Inside<'o> {
    out: &'o mut String,
}

impl SerializeSeq for Inside<'_> {
    type Ok = ();
    type Error = WriteError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), WriteError> {
        value(self.out, "member", item)
    }

    fn end(self) -> Result<(), WriteError> {
        Ok(())
    }
}

impl SerializeMap for Inside<'_> {
    type Ok = ();
    type Error = WriteError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), WriteError> {
        open(self.out, "entry");
        value(self.out, "key", key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), WriteError> {
        value(self.out, "value", item)?;
        close(self.out, "entry");
        Ok(())
    }

    fn end(self) -> Result<(), WriteError> {
        Ok(())
    }
}

impl SerializeStruct for Inside<'_> {
    type Ok = ();
    type Error = WriteError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        item: &T,
    ) -> Result<(), WriteError> {
        value(self.out, name, item)
    }

    fn end(self) -> Result<(), WriteError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::*;

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Role {
        name: String,
        keys: Vec<String>,
        none: Vec<String>,
        tags: Vec<BTreeMap<&'static str, i32>>,
        last_used: Option<Time>,
        #[serde(skip_serializing_if = "Option::is_none")]
        region: Option<String>,
        is_used: bool,
        empty: BTreeMap<String, String>,
    }

    #[test]
    fn text_cannot_become_markup() {
        let mut out = String::new();
        value(&mut out, "A", "<b c=\"d\">&'\r\n\t\0\u{1b}\u{ffff}é</b>").unwrap();
        assert_eq!(
            out,
            "<A>&lt;b c=&quot;d&quot;&gt;&amp;&apos;&#xD;\n\t\u{fffd}\u{fffd}\u{fffd}é&lt;/b&gt;</A>"
        );
    }

    #[test]
    fn lists_maps_and_times_are_elements() {
        let role = Role {
            name: "ci".to_owned(),
            keys: vec!["{".to_owned(), String::new()],
            none: Vec::new(),
            tags: vec![BTreeMap::from([("A", -1)])],
            last_used: Some(Time(Timestamp::from_millisecond(1_700_000_000_900).unwrap())),
            region: None,
            is_used: true,
            empty: BTreeMap::new(),
        };
        let mut out = String::new();
        value(&mut out, "Role", &role).unwrap();
        assert_eq!(
            out,
            "<Role><Name>ci</Name><Keys><member>{</member><member></member></Keys><None></None><Tags><member><entry>\
             <key>A</key><value>-1</value></entry></member></Tags><LastUsed>2023-11-14T22:13:20Z</LastUsed>\
             <IsUsed>true</IsUsed><Empty></Empty></Role>"
        );
        assert_eq!(
            serde_json::to_string(&role).unwrap(),
            r#"{"Name":"ci","Keys":["{",""],"None":[],"Tags":[{"A":-1}],"LastUsed":1700000000,"IsUsed":true,"Empty":{}}"#
        );
    }

    #[test]
    fn a_value_that_the_protocol_does_not_have_is_an_error() {
        assert!(value(&mut String::new(), "A", &(1, 2)).is_err());
    }
}
