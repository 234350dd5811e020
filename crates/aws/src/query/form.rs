//! The form that a query request carries.

use std::collections::BTreeMap;

/// More parameters than any operation of STS or IAM has.
pub const MAX_PARAMETERS: usize = 1000;

/// A form that is ambiguous or malformed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// More parameters than [`MAX_PARAMETERS`].
    #[error("the request has too many parameters")]
    TooMany,
    /// A name that occurs twice.
    #[error("the parameter '{0}' occurs more than once")]
    Repeated(String),
    /// Escapes that are no UTF-8, or no escapes.
    #[error("the request's parameters are not UTF-8 text in form encoding")]
    NotText,
}

/// The decoded parameters of a request. Names are unique.
///
/// ```
/// let form = aws::query::Form::parse(b"Action=AssumeRole&Tags.member.1.Key=team&Tags.member.1.Value=a+b")?;
/// assert_eq!(form.get("Action"), Some("AssumeRole"));
/// assert_eq!(form.get("Tags.member.1.Value"), Some("a b"));
/// # Ok::<(), aws::query::FormError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Form(BTreeMap<String, String>);

impl Form {
    /// Decodes a body, or the query string of a GET. The caller limits its length.
    pub fn parse(body: &[u8]) -> Result<Self, FormError> {
        let mut parameters = BTreeMap::new();
        for part in body.split(|byte| *byte == b'&').filter(|part| !part.is_empty()) {
            if parameters.len() == MAX_PARAMETERS {
                return Err(FormError::TooMany);
            }
            let at = part.iter().position(|byte| *byte == b'=').unwrap_or(part.len());
            let (name, value) = part.split_at_checked(at).ok_or(FormError::NotText)?;
            let name = decode(name)?;
            let value = decode(value.strip_prefix(b"=").unwrap_or(value))?;
            if let Some(_earlier) = parameters.insert(name.clone(), value) {
                return Err(FormError::Repeated(name));
            }
        }
        Ok(Self(parameters))
    }

    /// A parameter's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether any parameter's name begins so.
    pub(super) fn has(&self, prefix: &str) -> bool {
        self.0.range(prefix.to_owned()..).next().is_some_and(|(name, _)| name.starts_with(prefix))
    }

    /// The numbers that occur behind `name.member.`, ascending. Gaps are allowed: AWS's SDKs leave none, but
    /// nothing depends on it.
    pub(super) fn numbers(&self, name: &str) -> Vec<u32> {
        let prefix = format!("{name}.member.");
        let behind = self.0.range(prefix.clone()..).map_while(|(key, _)| key.strip_prefix(&prefix));
        let mut numbers: Vec<u32> =
            behind.filter_map(|rest| parse_number(rest.split('.').next().unwrap_or(rest))).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

/// Only names: values can be secrets (web identity tokens).
impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// `1` to `9999` in its one spelling.
fn parse_number(text: &str) -> Option<u32> {
    let is_plain = (1..=4).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && !text.starts_with('0');
    if is_plain { text.parse().ok() } else { None }
}

fn decode(bytes: &[u8]) -> Result<String, FormError> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (Some(high), Some(low)) =
                    (rest.next().copied().and_then(digit), rest.next().copied().and_then(digit))
                else {
                    return Err(FormError::NotText);
                };
                high * 16 + low
            }
            byte => *byte,
        });
    }
    String::from_utf8(decoded).map_err(|_| FormError::NotText)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_are_ordered_by_their_numbers() {
        let form = Form::parse(
            b"L.member.10=j&L.member.2=b&L.member.1=a&L.member.02=x&L.member.0=x&L.member.99999=x&LL.member.1=x&L.member.=x",
        )
        .unwrap();
        assert_eq!(form.numbers("L"), [1, 2, 10]);
        assert!(form.numbers("M").is_empty());
    }

    #[test]
    fn an_ambiguous_form_is_refused() {
        assert_eq!(Form::parse(b"A=1&A=2"), Err(FormError::Repeated("A".to_owned())));
        assert_eq!(Form::parse(b"A=1&%41=2"), Err(FormError::Repeated("A".to_owned())));
        for bad in [&b"A=%"[..], b"A=%4", b"A=%zz", b"A=%FF", b"A=\xff"] {
            assert_eq!(Form::parse(bad), Err(FormError::NotText), "{bad:?}");
        }
        let many = (0..=MAX_PARAMETERS).map(|number| format!("p{number}=")).collect::<Vec<_>>().join("&");
        assert_eq!(Form::parse(many.as_bytes()), Err(FormError::TooMany));
    }

    #[test]
    fn debug_shows_no_values() {
        let form = Form::parse(b"WebIdentityToken=secret").unwrap();
        assert_eq!(format!("{form:?}"), "{\"WebIdentityToken\"}");
    }

    proptest! {
        #[test]
        fn an_encoded_form_is_decoded_to_the_same_values(
            parameters in proptest::collection::btree_map(".{1,12}", ".{0,40}", 0..20)
        ) {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&parameters).finish();
            prop_assert_eq!(Form::parse(body.as_bytes()), Ok(Form(parameters)));
        }

        #[test]
        fn no_body_makes_it_panic(body: Vec<u8>) {
            let _ = Form::parse(&body).map(|form| (form.numbers("a").len(), form.has("a.")));
        }
    }
}
