//! Paginated lists: the parameters `n` and `last`, and the `Link` to the next page (specification, "Listing tags"; RFC
//! 8288).

use http::{HeaderValue, StatusCode, header};
use oci::error::ErrorCode;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use registry::tag::NamePage;

use crate::body::ResponseBody;
use crate::error::Refusal;
use crate::exchange::{Exchange, Response, answer, value};

/// The maximum number of entries on a page, regardless of the request: a page is held in memory.
const MAX_ENTRIES: usize = 1000;

/// Characters that would end a path or break a header.
const PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'?').add(b'#').add(b'%');

/// `n`, if given. A large `n` gets fewer entries and a Link; a value that is not a number is refused.
pub(super) fn entries(exchange: &Exchange) -> Result<Option<usize>, Refusal> {
    let Some(text) = exchange.parameter("n") else { return Ok(None) };
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        let message = format!("'{text}' is not a number of entries.");
        return Err(Refusal::new(StatusCode::BAD_REQUEST, ErrorCode::PaginationNumberInvalid, message));
    }
    // A number that does not fit is larger than any page.
    Ok(Some(text.parse().unwrap_or(MAX_ENTRIES).min(MAX_ENTRIES)))
}

/// A JSON answer with a Link to the next page, if there is one.
pub(super) fn listed(body: Vec<u8>, next: Option<String>) -> Response {
    let mut response = answer(StatusCode::OK, ResponseBody::bytes(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(next) = next {
        headers.insert(header::LINK, value(&next));
    }
    response
}

/// `</path?key=value>; rel="next"`, relative, so it is correct behind every proxy.
pub(super) fn link(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut link = format!("<{}", utf8_percent_encode(path, PATH));
    for (at, (key, value)) in parameters.iter().enumerate() {
        link.push(if at == 0 { '?' } else { '&' });
        link.push_str(key);
        link.push('=');
        link.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
    }
    link.push_str(">; rel=\"next\"");
    link
}

/// The link to the next page of names, if there is one. The last name is the cursor, as in the specification.
pub(super) fn next_names(path: &str, n: Option<usize>, page: &NamePage) -> Option<String> {
    let last = page.names.last().filter(|_| page.more)?;
    Some(match n {
        Some(n) => link(path, &[("n", &n.to_string()), ("last", last)]),
        None => link(path, &[("last", last)]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_keeps_its_parameters() {
        let link = link("/v2/a/b/tags/list", &[("n", "2"), ("last", "1.0&n=9>")]);
        assert_eq!(link, "</v2/a/b/tags/list?n=2&last=1%2E0%26n%3D9%3E>; rel=\"next\"");
    }
}
