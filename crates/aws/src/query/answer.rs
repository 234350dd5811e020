//! The frames of answers and errors.

use super::Xml;

/// The XML namespace of an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Namespace {
    uri: &'static str,
    /// The `Version` that requests of this API carry.
    pub version: &'static str,
}

/// STS.
pub const STS: Namespace =
    Namespace { uri: "https://sts.amazonaws.com/doc/2011-06-15/", version: "2011-06-15" };
/// IAM.
pub const IAM: Namespace =
    Namespace { uri: "https://iam.amazonaws.com/doc/2010-05-08/", version: "2010-05-08" };

/// Who is to blame for an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client: repeating the request is of no use.
    Sender,
    /// The server.
    Receiver,
}

/// `<OpResponse><OpResult>…</OpResult><ResponseMetadata>…`.
pub fn response(
    namespace: Namespace,
    operation: &str,
    request_id: &str,
    result: impl FnOnce(&mut Xml),
) -> Vec<u8> {
    framed(namespace, operation, request_id, |xml| {
        xml.element(&format!("{operation}Result"), result);
    })
}

/// The answer of an operation that has no output: it has no `Result` element either.
pub fn empty_response(namespace: Namespace, operation: &str, request_id: &str) -> Vec<u8> {
    framed(namespace, operation, request_id, |_| {})
}

fn framed(
    namespace: Namespace,
    operation: &str,
    request_id: &str,
    content: impl FnOnce(&mut Xml),
) -> Vec<u8> {
    let mut xml = Xml::new();
    xml.root(&format!("{operation}Response"), namespace.uri, |xml| {
        content(xml);
        xml.element("ResponseMetadata", |xml| {
            xml.text("RequestId", request_id);
        });
    });
    xml.into_string().into_bytes()
}

/// `<ErrorResponse><Error>…</Error><RequestId>…`.
pub fn error_response(
    namespace: Namespace,
    fault: Fault,
    code: &str,
    message: &str,
    request_id: &str,
) -> Vec<u8> {
    let fault = match fault {
        Fault::Sender => "Sender",
        Fault::Receiver => "Receiver",
    };
    let mut xml = Xml::new();
    xml.root("ErrorResponse", namespace.uri, |xml| {
        xml.element("Error", |xml| {
            xml.text("Type", fault).text("Code", code).text("Message", message);
        });
        xml.text("RequestId", request_id);
    });
    xml.into_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn an_answer_without_output_has_no_result() {
        assert_eq!(
            text(empty_response(IAM, "DeleteUser", "r-1")),
            "<DeleteUserResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><ResponseMetadata>\
             <RequestId>r-1</RequestId></ResponseMetadata></DeleteUserResponse>"
        );
    }

    #[test]
    fn an_error_says_whose_fault_it_is() {
        assert_eq!(
            text(error_response(STS, Fault::Sender, "AccessDenied", "a < b", "r-1")),
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
             <Code>AccessDenied</Code><Message>a &lt; b</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"
        );
        assert!(text(error_response(IAM, Fault::Receiver, "ServiceFailure", "", "")).contains(">Receiver<"));
    }
}
