//! The list of operations compared with the model's names, and the errors in both protocols.

use access::error::{Code, Error, Field};
use access::op::{EcrOp, EcrPublicOp, EventBridgeOp, IamOp, Op, StsOp};
use aws::dialect::Dialect;
use aws::ecr::OPERATIONS;
use aws::service::Service;
use aws::sigv4::SigV4Error;

use super::fault::Fault;

#[test]
fn every_operation_of_ecr_is_in_the_model() {
    let permissions = [EcrOp::ListRepositories, EcrOp::BatchImportUpstreamImage, EcrOp::ReplicateImage];
    for operation in EcrOp::ALL.iter().filter(|operation| !permissions.contains(operation)) {
        let name = Op::from(*operation).name();
        assert!(OPERATIONS.contains(&name), "{name}");
        assert_eq!(super::ecr::find(name), Some(*operation));
    }
    assert_eq!(super::ecr::find("putImage"), None);
}

#[test]
fn every_operation_can_be_called_and_no_mere_permission() {
    let not_called = [
        Op::Ecr(EcrOp::ListRepositories),
        Op::Ecr(EcrOp::BatchImportUpstreamImage),
        Op::Ecr(EcrOp::ReplicateImage),
        Op::EcrPublic(EcrPublicOp::ListRepositories),
        Op::Iam(IamOp::PassRole),
        Op::Sts(StsOp::GetServiceBearerToken),
        Op::Sts(StsOp::SetSourceIdentity),
        Op::Sts(StsOp::TagSession),
        Op::EventBridge(EventBridgeOp::InvokeApiDestination),
        // Its requests are not signed.
        Op::Sts(StsOp::AssumeRoleWithWebIdentity),
    ];
    for op in Op::all() {
        let found = match op.service() {
            Service::Ecr => super::ecr::find(op.name()).map(Op::Ecr),
            Service::EcrPublic => super::ecr_public::find(op.name()).map(Op::EcrPublic),
            Service::Iam => super::iam::find(op.name()).map(Op::Iam),
            Service::Sts => super::sts::find(op.name()).map(Op::Sts),
            Service::Organizations => super::organizations::find(op.name()).map(Op::Organizations),
            Service::EventBridge => super::event_bridge::find(op.name()).map(Op::EventBridge),
            Service::SecretsManager => super::secrets_manager::find(op.name()).map(Op::SecretsManager),
            Service::ServiceQuotas => super::service_quotas::find(op.name()).map(Op::ServiceQuotas),
            Service::Tagging => super::tagging::find(op.name()).map(Op::Tagging),
        };
        assert_eq!(found, (!not_called.contains(&op)).then_some(op), "{op:?}");
    }
}

#[test]
fn an_error_has_the_name_of_its_protocol() {
    let json = Fault::signature(&SigV4Error::UnknownKey, Dialect::Json);
    assert_eq!((json.status.as_u16(), json.code.as_ref()), (400, "UnrecognizedClientException"));
    let query = Fault::signature(&SigV4Error::UnknownKey, Dialect::Query);
    assert_eq!((query.status.as_u16(), query.code.as_ref()), (403, "InvalidClientTokenId"));
    let failure = Fault::rules(Error::internal(std::io::Error::other("disk")), Dialect::Query);
    assert_eq!((failure.status.as_u16(), failure.code.as_ref()), (500, "InternalFailure"));
    assert_eq!(failure.failure.as_deref(), Some("disk"));
    assert!(!failure.message.contains("disk"));
}

#[test]
fn an_exception_has_its_members_next_to_its_message() {
    let error = Error::new(Code::InvalidLayerPart, "no").with(Field::Number("lastValidByteReceived", 7));
    let fault = Fault::rules(error, Dialect::Json);
    assert_eq!(fault.code, "InvalidLayerPartException");
    assert_eq!(fault.extra, [("lastValidByteReceived", 7.into())]);
}

#[test]
fn a_server_error_has_the_protocol_of_its_request() {
    use aws::query::Format;

    use crate::error::Style;
    let kind = |style: Style| {
        let response = style.no_room("id-1");
        let kind = response.headers().get(http::header::CONTENT_TYPE).unwrap().to_str().unwrap().to_owned();
        (response.status().as_u16(), style.panicked("id-1").status().as_u16(), kind)
    };
    assert_eq!(kind(Style::Data), (503, 500, "application/json".to_owned()));
    assert_eq!(kind(Style::Json), (503, 500, "application/x-amz-json-1.1".to_owned()));
    assert_eq!(kind(Style::Query(Service::Sts, Format::Xml)), (503, 500, "text/xml".to_owned()));
}
