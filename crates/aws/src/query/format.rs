//! The formats of answers, and how a request asks for one.

/// The format of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The format that SDKs read.
    Xml,
    /// JSON is for programs that present another principal's signed GetCallerIdentity.
    Json,
}

impl Format {
    /// The format of an `Accept` header: the first of the two that it names.
    pub fn of(accept: Option<&str>) -> Self {
        let names =
            accept.unwrap_or_default().split(',').map(|item| item.split(';').next().unwrap_or_default());
        for name in names.map(str::trim) {
            if name.eq_ignore_ascii_case("application/json") {
                return Self::Json;
            }
            if ["text/xml", "application/xml"].iter().any(|xml| name.eq_ignore_ascii_case(xml)) {
                return Self::Xml;
            }
        }
        Self::Xml
    }

    /// The `Content-Type` of answers.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Xml => "text/xml",
            Self::Json => "application/json",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_written_only_on_request() {
        for (accept, format) in [
            (None, Format::Xml),
            (Some(""), Format::Xml),
            (Some("*/*"), Format::Xml),
            (Some("text/xml, application/json"), Format::Xml),
            (Some("application/json"), Format::Json),
            (Some("Application/JSON; charset=utf-8"), Format::Json),
            (Some("application/json, text/plain, */*"), Format::Json),
        ] {
            assert_eq!(Format::of(accept), format, "{accept:?}");
        }
    }
}
