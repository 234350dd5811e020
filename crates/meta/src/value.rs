//! The three kinds of value that both databases share (BIGINT, TEXT, bytes), as parameters and as columns.

use std::borrow::Cow;

use aws::ids::{AccessKeyId, AccountId, Region};
use oci::{digest::Digest, name::Tag};

use crate::{
    error::StoreError,
    types::{AccountKey, ImageId, Micros, OperationId, RegistryKey},
};

/// A bound parameter.
#[derive(Clone, Debug)]
pub enum Param<'a> {
    /// SQL NULL.
    Null,
    /// BIGINT.
    Int(i64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
}

/// A column of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Value {
    /// SQL NULL.
    #[default]
    Null,
    /// BIGINT.
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// Anything that can be bound.
pub trait ToParam {
    /// The value as a parameter.
    fn to_param(&self) -> Param<'_>;
}

/// Anything that can be read from a column.
pub trait FromValue: Sized {
    /// Takes the column's value.
    fn from_value(value: Value) -> Result<Self, StoreError>;
}

macro_rules! int_param {
    ($($type:ty => |$v:ident| $int:expr, |$i:ident| $back:expr;)*) => {$(
        impl ToParam for $type {
            fn to_param(&self) -> Param<'_> { let $v = self; Param::Int($int) }
        }
        impl FromValue for $type {
            fn from_value(value: Value) -> Result<Self, StoreError> {
                match value { Value::Int($i) => Ok($back), _ => Err(StoreError::Corrupt(stringify!($type))) }
            }
        }
    )*};
}

int_param! {
    i64 => |v| *v, |i| i;
    bool => |v| i64::from(*v), |i| i != 0;
    Micros => |v| v.0, |i| Self(i);
    AccountKey => |v| v.0, |i| Self(i);
    RegistryKey => |v| v.0, |i| Self(i);
    ImageId => |v| v.0, |i| Self(i);
}

/// Sizes are unsigned in Rust and never pass 2^63 in practice; a larger one is stored as the largest BIGINT.
impl ToParam for u64 {
    fn to_param(&self) -> Param<'_> {
        Param::Int(i64::try_from(*self).unwrap_or(i64::MAX))
    }
}

impl ToParam for u32 {
    fn to_param(&self) -> Param<'_> {
        Param::Int(i64::from(*self))
    }
}

impl FromValue for u32 {
    fn from_value(value: Value) -> Result<Self, StoreError> {
        u32::try_from(i64::from_value(value)?)
            .map_err(|_| StoreError::Corrupt("a number is out of its range"))
    }
}

impl ToParam for usize {
    fn to_param(&self) -> Param<'_> {
        Param::Int(i64::try_from(*self).unwrap_or(i64::MAX))
    }
}

impl FromValue for u64 {
    fn from_value(value: Value) -> Result<Self, StoreError> {
        u64::try_from(i64::from_value(value)?).map_err(|_| StoreError::Corrupt("a size is negative"))
    }
}

impl ToParam for str {
    fn to_param(&self) -> Param<'_> {
        Param::Text(Cow::Borrowed(self))
    }
}

impl ToParam for String {
    fn to_param(&self) -> Param<'_> {
        self.as_str().to_param()
    }
}

impl FromValue for String {
    fn from_value(value: Value) -> Result<Self, StoreError> {
        match value {
            Value::Text(text) => Ok(text),
            _ => Err(StoreError::Corrupt("text")),
        }
    }
}

impl ToParam for [u8] {
    fn to_param(&self) -> Param<'_> {
        Param::Bytes(Cow::Borrowed(self))
    }
}

impl ToParam for Vec<u8> {
    fn to_param(&self) -> Param<'_> {
        self.as_slice().to_param()
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value) -> Result<Self, StoreError> {
        match value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(StoreError::Corrupt("bytes")),
        }
    }
}

impl ToParam for Digest {
    fn to_param(&self) -> Param<'_> {
        Param::Bytes(Cow::Owned(self.to_stored()))
    }
}

impl FromValue for Digest {
    fn from_value(value: Value) -> Result<Self, StoreError> {
        Self::from_stored(&Vec::from_value(value)?).ok_or(StoreError::Corrupt("digest"))
    }
}

macro_rules! text_param {
    ($($type:ty),*) => {$(
        impl ToParam for $type {
            fn to_param(&self) -> Param<'_> { Param::Text(Cow::Borrowed(self.as_str())) }
        }
        impl FromValue for $type {
            fn from_value(value: Value) -> Result<Self, StoreError> {
                String::from_value(value)?.parse().map_err(|_| StoreError::Corrupt(stringify!($type)))
            }
        }
    )*};
}

text_param!(Tag, AccountId, AccessKeyId);

impl ToParam for Region {
    fn to_param(&self) -> Param<'_> {
        Param::Text(Cow::Borrowed(self.as_str()))
    }
}

impl FromValue for Region {
    fn from_value(value: Value) -> Result<Self, StoreError> {
        Self::stored(&String::from_value(value)?).map_err(|_| StoreError::Corrupt("Region"))
    }
}

impl ToParam for OperationId {
    fn to_param(&self) -> Param<'_> {
        self.0.to_param()
    }
}

impl FromValue for OperationId {
    fn from_value(value: Value) -> Result<Self, StoreError> {
        String::from_value(value).map(|id| Self(id.into()))
    }
}

impl<T: ToParam> ToParam for Option<T> {
    fn to_param(&self) -> Param<'_> {
        self.as_ref().map_or(Param::Null, ToParam::to_param)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self, StoreError> {
        match value {
            Value::Null => Ok(None),
            other => T::from_value(other).map(Some),
        }
    }
}

impl ToParam for Value {
    fn to_param(&self) -> Param<'_> {
        match self {
            Self::Null => Param::Null,
            Self::Int(int) => Param::Int(*int),
            Self::Text(text) => Param::Text(Cow::Borrowed(text)),
            Self::Bytes(bytes) => Param::Bytes(Cow::Borrowed(bytes)),
        }
    }
}

impl<T: ToParam + ?Sized> ToParam for &T {
    fn to_param(&self) -> Param<'_> {
        (**self).to_param()
    }
}

/// A row that is read from its first column to its last, in the order of the SELECT.
#[derive(Clone, Debug)]
pub struct Row(std::vec::IntoIter<Value>);

impl Row {
    pub(crate) fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    /// All columns that are left.
    pub fn into_values(self) -> Vec<Value> {
        self.0.collect()
    }

    /// The next column. (Not an iterator: each call names its type.)
    pub fn take<T: FromValue>(&mut self) -> Result<T, StoreError> {
        self.0.next().ok_or(StoreError::Bug("a row has fewer columns than are read")).and_then(T::from_value)
    }

    /// A group of `columns` that an outer join may have left NULL, told by its first.
    pub fn take_joined<T>(
        &mut self,
        columns: usize,
        read: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        if matches!(self.0.as_slice().first(), Some(Value::Null)) {
            self.0.by_ref().take(columns).for_each(drop);
            return Ok(None);
        }
        read(self).map(Some)
    }
}

/// Parameters of a statement, in the order of `?1`, `?2`...
macro_rules! params {
    ($($value:expr),* $(,)?) => { [$($crate::value::ToParam::to_param(&$value)),*] };
}
pub(crate) use params;
