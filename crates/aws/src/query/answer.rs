//! The frames of answers and errors.

use super::{Format, Writer};
use crate::service::Service;

/// Who is to blame for an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client: a retry is of no use.
    Sender,
    /// The server.
    Receiver,
}

/// `<OpResponse><OpResult>…</OpResult><ResponseMetadata>…`.
pub fn response(
    service: Service,
    format: Format,
    operation: &str,
    request_id: &str,
    result: impl FnOnce(&mut Writer),
) -> Vec<u8> {
    framed(service, format, operation, request_id, |out| {
        out.element(&format!("{operation}Result"), result);
    })
}

/// The answer of an operation without output: it has no `Result` element.
pub fn empty_response(service: Service, format: Format, operation: &str, request_id: &str) -> Vec<u8> {
    framed(service, format, operation, request_id, |_| {})
}

fn framed(
    service: Service,
    format: Format,
    operation: &str,
    request_id: &str,
    content: impl FnOnce(&mut Writer),
) -> Vec<u8> {
    let mut out = Writer::new(format);
    out.root(&format!("{operation}Response"), service.xml_namespace(), |out| {
        content(out);
        out.element("ResponseMetadata", |out| {
            out.text("RequestId", request_id);
        });
    });
    out.into_string().into_bytes()
}

/// `<ErrorResponse><Error>…</Error><RequestId>…`.
pub fn error_response(
    service: Service,
    format: Format,
    fault: Fault,
    code: &str,
    message: &str,
    request_id: &str,
) -> Vec<u8> {
    let fault = match fault {
        Fault::Sender => "Sender",
        Fault::Receiver => "Receiver",
    };
    let mut out = Writer::new(format);
    let content = |out: &mut Writer| {
        out.element("Error", |out| {
            out.text("Type", fault).text("Code", code).text("Message", message);
        });
        out.text("RequestId", request_id);
    };
    match format {
        Format::Xml => out.root("ErrorResponse", service.xml_namespace(), content),
        // Without an element around it.
        Format::Json => out.object(content),
    };
    out.into_string().into_bytes()
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
            text(empty_response(Service::Iam, Format::Xml, "DeleteUser", "r-1")),
            "<DeleteUserResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><ResponseMetadata>\
             <RequestId>r-1</RequestId></ResponseMetadata></DeleteUserResponse>"
        );
    }

    #[test]
    fn an_error_names_its_cause_as_client_or_server() {
        assert_eq!(
            text(error_response(Service::Sts, Format::Xml, Fault::Sender, "AccessDenied", "a < b", "r-1")),
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
             <Code>AccessDenied</Code><Message>a &lt; b</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"
        );
        assert!(
            text(error_response(Service::Iam, Format::Xml, Fault::Receiver, "ServiceFailure", "", ""))
                .contains(">Receiver<")
        );
    }

    #[test]
    fn json_has_the_same_members() {
        let answer = response(Service::Sts, Format::Json, "GetCallerIdentity", "r-1", |out| {
            out.text("Account", "123456789012");
        });
        assert_eq!(
            text(answer),
            r#"{"GetCallerIdentityResponse":{"GetCallerIdentityResult":{"Account":"123456789012"},"ResponseMetadata":{"RequestId":"r-1"}}}"#
        );
        assert_eq!(
            text(error_response(Service::Sts, Format::Json, Fault::Sender, "AccessDenied", "a \"b\"", "r-1")),
            r#"{"Error":{"Type":"Sender","Code":"AccessDenied","Message":"a \"b\""},"RequestId":"r-1"}"#
        );
        assert_eq!(
            text(empty_response(Service::Iam, Format::Json, "DeleteUser", "r-1")),
            r#"{"DeleteUserResponse":{"ResponseMetadata":{"RequestId":"r-1"}}}"#
        );
    }
}
