//! Amazon ECR's operations. Each runs on the database with the registry that its request names.

use access::op::{EcrOp, Op};
use registry::Registry;

use super::dispatch::{answer_json, operations, read_json, rules};
use super::fault::Fault;
use super::signed::Signed;
use crate::serve::App;

aws::ecr_operations! { operations EcrOp ecr Registry FromJson read_json }

/// Runs an operation.
pub(super) async fn run(app: &App, op: EcrOp, signed: Signed) -> Result<Vec<u8>, Fault> {
    let (asked, signed) = read_json((Op::Ecr(op), reader(op)), Fault::from, signed).await?;
    let registry =
        app.registry_of_request(&signed.ctx, &signed.region, asked.registry()).await.map_err(rules)?;
    answer_json(&**registry, asked, signed).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_a_registry_by_members_of_its_shape() {
        let named = |op: EcrOp, body: &str| {
            let asked = reader(op).unwrap()(body.as_bytes()).unwrap();
            asked.registry().map(str::to_owned)
        };
        let arn = "arn:aws:ecr:us-east-1:111122223333:repository/a";
        let tagged = format!(r#"{{"resourceArn":"{arn}","tags":[{{"Key":"a","Value":"b"}}]}}"#);
        assert_eq!(named(EcrOp::TagResource, &tagged).as_deref(), Some(arn));
        let list = r#"{"repositoryName":"abc","registryId":"1111222\u00323333"}"#;
        assert_eq!(named(EcrOp::ListImages, list).as_deref(), Some("111122223333"));
        // The last one counts, as for the operation itself.
        let twice = r#"{"repositoryName":"abc","registryId":"111122223333","registryId":"444455556666"}"#;
        assert_eq!(named(EcrOp::ListImages, twice).as_deref(), Some("444455556666"));
        // This operation knows nothing of the other member.
        let create = format!(r#"{{"repositoryName":"abc","resourceArn":"{arn}"}}"#);
        assert_eq!(named(EcrOp::CreateRepository, &create), None);
        assert_eq!(named(EcrOp::ListImages, r#"{"repositoryName":"abc","registryId":null}"#), None);
    }
}
