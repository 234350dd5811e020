//! Timestamps in answers.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// A timestamp in an answer, in whole seconds as in AWS's query services. XML has it as text (RFC 3339), and JSON as a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Time(pub Timestamp);

impl Time {
    /// The name by which serializers recognize it.
    pub(super) const NAME: &'static str = "Time";
}

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(Self::NAME, &self.0.as_second())
    }
}
