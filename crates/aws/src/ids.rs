//! The identifiers of AWS's APIs: account, Region, access key.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is not a valid identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// It is not 12 digits.
    #[error("an AWS account id is 12 digits")]
    Account,
    /// It is not the name of a Region.
    #[error(
        "a Region has the form of AWS's Regions: lower-case words and a number with hyphens, such as eu-central-1"
    )]
    Region,
    /// It is not an access key ID.
    #[error("an access key id is 16 to 128 letters, digits or underscores")]
    AccessKey,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $valid:ident, $error:ident) => {
        $(#[$doc])*
        ///
        /// A clone shares the text.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                if $valid(text) { Ok(Self(text.into())) } else { Err(IdError::$error) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&$name> for Arc<str> {
            fn from(id: &$name) -> Self {
                Self::clone(&id.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

text_id!(
    /// An AWS account: 12 digits, leading zeros kept.
    ///
    /// ```
    /// use aws::ids::AccountId;
    /// assert!("012345678901".parse::<AccountId>().is_ok());
    /// assert!("12345678901".parse::<AccountId>().is_err());
    /// ```
    AccountId, is_account, Account
);

text_id!(
    /// A Region. Any name of the right form: a deployment can have its own (`dc-berlin-1`).
    Region, is_region, Region
);

text_id!(
    /// The ID of an access key (`AKIA…` of a user, `ASIA…` of a session).
    AccessKeyId, is_access_key, AccessKey
);

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_region(text: &str) -> bool {
    // A Region is a label of host names, so it has at most 63 characters. Its form is that of AWS's Regions: an area, one
    // or more words, and a number.
    let mut parts = text.split('-');
    let area = parts.next().unwrap_or_default();
    let number = parts.next_back().unwrap_or_default();
    let is_word = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let mut words = parts.peekable();
    text.len() <= 63
        && area.len() >= 2
        && is_word(area)
        && words.peek().is_some()
        && words.all(is_word)
        && (1..=2).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_access_key(text: &str) -> bool {
    // IAM API reference, AccessKey: 16 to 128 characters of [\w]+.
    (16..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Partitions by the prefix of their Regions' names (botocore's partitions.json).
const PARTITIONS: [(&str, &str); 8] = [
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
    ("eu-isof-", "aws-iso-f"),
    ("eusc-", "aws-eusc"),
];

/// Not of the form of a Region, so that no text of a client names it.
const PUBLIC: &str = "public";
/// Where ECR Public's API is (ECR Public User Guide, "Service endpoints").
const PUBLIC_API: &str = "us-east-1";

impl Region {
    /// The place of every account's public registry, beside its private registries in Regions. Parsing a text never gives
    /// it: a request for a private registry cannot reach a public one.
    pub fn public() -> Self {
        Self(PUBLIC.into())
    }

    /// Whether it is the place of public registries.
    pub fn is_public(&self) -> bool {
        &*self.0 == PUBLIC
    }

    /// A value that was stored: a Region, or the place of public registries.
    pub fn stored(text: &str) -> Result<Self, IdError> {
        if text == PUBLIC { Ok(Self::public()) } else { text.parse() }
    }

    /// The Region of the API that serves it (`aws:RequestedRegion`).
    #[must_use]
    pub fn of_api(&self) -> Self {
        if self.is_public() { Self(PUBLIC_API.into()) } else { self.clone() }
    }

    /// Whether ECR Public's API is served in this Region.
    pub fn has_public_api(&self) -> bool {
        &*self.0 == PUBLIC_API
    }

    /// The partition of ARNs in this Region: `aws` for every Region that is not known to be in another one.
    pub fn partition(&self) -> &'static str {
        PARTITIONS.iter().find(|(prefix, _)| self.0.starts_with(prefix)).map_or("aws", |(_, name)| *name)
    }
}

/// The secret half of an access key.
///
/// It can be neither printed nor compared: no `Debug`, no `Display`, no `==`. Its memory is overwritten when it is
/// dropped (as far as safe code can guarantee this).
///
/// ```compile_fail
/// let secret = aws::ids::SecretKey::new("wJalrXUtnFEMI");
/// println!("{secret:?}");
/// ```
#[derive(Clone)]
pub struct SecretKey(String);

impl SecretKey {
    /// Takes a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret. Review each use of this name.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for SecretKey {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.0).into_bytes();
        bytes.fill(0);
        // Without this the compiler may remove writes that are never read.
        std::hint::black_box(&bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_ids_have_exactly_twelve_ascii_digits() {
        for good in ["000000000000", "123456789012"] {
            assert_eq!(good.parse::<AccountId>().unwrap().to_string(), good);
        }
        for bad in ["", "12345678901", "1234567890123", "12345678901a", "１２３４", " 12345678901"] {
            assert_eq!(bad.parse::<AccountId>(), Err(IdError::Account), "{bad}");
        }
    }

    #[test]
    fn regions_have_the_form_of_awss() {
        for good in [
            "us-east-1",
            "eu-central-1",
            "ap-southeast-10",
            "us-gov-west-1",
            "us-isob-east-1",
            "eusc-de-east-1",
            "dc-berlin-1",
        ] {
            assert_eq!(good.parse::<Region>().unwrap().as_str(), good);
        }
        let long = format!("us-{}-1", "a".repeat(59));
        assert_eq!(long.len(), 64);
        let bad = [
            "",
            "local",
            "x",
            "us-east",
            "us-1",
            "u-east-1",
            "us-east-100",
            "us-east-",
            "us--east-1",
            "us-e4st-1",
            "1-east-us",
            "aws-global",
            "US-EAST-1",
            "us_east_1",
            "us-east-1/x",
            "-a",
            "a-",
            "a.b",
            "eu west",
            "us-éast-1",
            long.as_str(),
        ];
        for bad in bad {
            assert_eq!(bad.parse::<Region>(), Err(IdError::Region), "{bad}");
        }
    }

    #[test]
    fn partitions_follow_the_region() {
        for (region, partition) in [
            ("us-east-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
            ("eusc-de-east-1", "aws-eusc"),
            ("dc-berlin-1", "aws"),
        ] {
            assert_eq!(region.parse::<Region>().unwrap().partition(), partition, "{region}");
        }
    }

    #[test]
    fn no_text_names_the_place_of_public_registries() {
        let public = Region::public();
        assert!(public.is_public());
        assert_eq!(public.as_str().parse::<Region>(), Err(IdError::Region));
        assert_eq!(Region::stored(public.as_str()), Ok(public.clone()));
        assert_eq!((public.of_api().as_str(), public.partition()), ("us-east-1", "aws"));
        assert!(!"us-east-1".parse::<Region>().unwrap().is_public());
    }

    #[test]
    fn access_key_ids_follow_iams_pattern() {
        assert!("AKIAIOSFODNN7EXAMPLE".parse::<AccessKeyId>().is_ok());
        let (short, long) = ("A".repeat(15), "A".repeat(129));
        for bad in [short.as_str(), long.as_str(), "AKIAIOSFODNN7EXAMPL/", "AKIAIOSFODNN7EXAMPLÉ"] {
            assert_eq!(bad.parse::<AccessKeyId>(), Err(IdError::AccessKey), "{bad}");
        }
    }

    #[test]
    fn ids_in_json_are_validated() {
        let id: AccountId = serde_json::from_str("\"123456789012\"").unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"123456789012\"");
        assert!(serde_json::from_str::<AccountId>("\"12\"").is_err());
    }
}
