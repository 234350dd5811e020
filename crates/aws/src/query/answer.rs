//! The frames of answers and errors.

use serde_json::Value;

use super::Format;
use super::xml;
use crate::service::Service;
use crate::shape::{Answer, WriteError};

/// Who is to blame for an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client: a retry is of no use.
    Sender,
    /// The server.
    Receiver,
}

/// `<OpResponse><OpResult>…</OpResult><ResponseMetadata>…`. The answer of an operation without output has no `Result`.
pub fn answer(
    service: Service,
    format: Format,
    request_id: &str,
    answer: &dyn Answer,
) -> Result<Vec<u8>, WriteError> {
    let operation = answer.operation();
    match format {
        Format::Xml => {
            let mut out = format!("<{operation}Response xmlns=\"{}\">", service.xml_namespace());
            if answer.has_result() {
                answer.to_xml(&format!("{operation}Result"), &mut out)?;
            }
            xml::open(&mut out, "ResponseMetadata");
            xml::text(&mut out, "RequestId", request_id);
            xml::close(&mut out, "ResponseMetadata");
            xml::close(&mut out, &format!("{operation}Response"));
            Ok(out.into_bytes())
        }
        Format::Json => {
            let mut out = format!(r#"{{"{operation}Response":{{"#).into_bytes();
            if answer.has_result() {
                out.extend_from_slice(format!(r#""{operation}Result":"#).as_bytes());
                out.append(&mut answer.to_json()?);
                out.push(b',');
            }
            let id = Value::from(request_id);
            out.extend_from_slice(format!(r#""ResponseMetadata":{{"RequestId":{id}}}}}}}"#).as_bytes());
            Ok(out)
        }
    }
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
    match format {
        Format::Xml => {
            let mut out = format!("<ErrorResponse xmlns=\"{}\"><Error>", service.xml_namespace());
            xml::text(&mut out, "Type", fault);
            xml::text(&mut out, "Code", code);
            xml::text(&mut out, "Message", message);
            xml::close(&mut out, "Error");
            xml::text(&mut out, "RequestId", request_id);
            xml::close(&mut out, "ErrorResponse");
            out.into_bytes()
        }
        // Without an element around it.
        Format::Json => {
            let [fault, code, message, id] =
                [fault, code, message, request_id].map(|text| Value::from(text).to_string());
            format!(r#"{{"Error":{{"Type":{fault},"Code":{code},"Message":{message}}},"RequestId":{id}}}"#)
                .into_bytes()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::DeleteUserRequest;
    use crate::shape::Answered;
    use crate::sts::{GetCallerIdentityRequest, GetCallerIdentityResponse};

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn an_answer_without_output_has_no_result() {
        assert_eq!(
            text(answer(Service::Iam, Format::Xml, "r-1", &Answered::<DeleteUserRequest>(())).unwrap()),
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
        let identity = GetCallerIdentityResponse {
            arn: "arn:aws:iam::123456789012:root".to_owned(),
            user_id: "123456789012".to_owned(),
            account: "123456789012".to_owned(),
        };
        let identity = Answered::<GetCallerIdentityRequest>(identity);
        let answer = answer(Service::Sts, Format::Json, "r-1", &identity);
        assert_eq!(
            text(answer.unwrap()),
            r#"{"GetCallerIdentityResponse":{"GetCallerIdentityResult":{"Arn":"arn:aws:iam::123456789012:root","UserId":"123456789012","Account":"123456789012"},"ResponseMetadata":{"RequestId":"r-1"}}}"#
        );
        assert_eq!(
            text(error_response(Service::Sts, Format::Json, Fault::Sender, "AccessDenied", "a \"b\"", "r-1")),
            r#"{"Error":{"Type":"Sender","Code":"AccessDenied","Message":"a \"b\""},"RequestId":"r-1"}"#
        );
        assert_eq!(
            text(
                super::answer(Service::Iam, Format::Json, "r-1", &Answered::<DeleteUserRequest>(())).unwrap()
            ),
            r#"{"DeleteUserResponse":{"ResponseMetadata":{"RequestId":"r-1"}}}"#
        );
    }
}
