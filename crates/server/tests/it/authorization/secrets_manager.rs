//! The rows of Secrets Manager's API (Service Authorization Reference, "AWS Secrets Manager").

use access::op::{Op, SecretsManagerOp};
use serde_json::{Value, json};

use super::stage::Stage;
use super::table::{Cross, Expected, Need, Row};
use super::wire::{Ask, secrets};

const NOTHING: Expected = Expected::Code(400, "ResourceNotFoundException");
const NAME: &str = "ecr-pullthroughcache/target";

fn step(op: SecretsManagerOp, input: &Value) -> Ask {
    secrets(Op::SecretsManager(op).name(), input)
}

fn secret(name: &str) -> Value {
    json!({"Name": name, "SecretString": r#"{"username":"u","accessToken":"t"}"#})
}

/// What is read to check that nothing changed.
pub(super) fn watched() -> Vec<Ask> {
    vec![
        step(SecretsManagerOp::ListSecrets, &json!({"IncludePlannedDeletion": true})),
        step(SecretsManagerOp::DescribeSecret, &json!({"SecretId": NAME})),
        step(SecretsManagerOp::GetSecretValue, &json!({"SecretId": NAME})),
        step(SecretsManagerOp::GetResourcePolicy, &json!({"SecretId": NAME})),
    ]
}

pub(super) fn state() -> Vec<Ask> {
    vec![step(SecretsManagerOp::CreateSecret, &secret(NAME))]
}

/// All rows. The ARN of the secret has random characters.
pub(super) async fn rows(stage: &Stage) -> Vec<Row> {
    let named = json!({"SecretId": NAME});
    let answer = stage.ask(&step(SecretsManagerOp::DescribeSecret, &named), Some(&stage.admin)).await;
    let answer: Value = serde_json::from_str(&answer.body).unwrap();
    let arn = answer["ARN"].as_str().unwrap().to_owned();
    // A refusal tells nothing of the random characters.
    let shown = arn[..arn.len() - 7].to_owned();
    let with = |more: Value| {
        let mut input = named.clone();
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    // An operation on a secret of the account: another account has none with that name.
    let on = |op: SecretsManagerOp, input: &Value| {
        let op = Op::SecretsManager(op);
        let need = Need::new(op.action(), arn.clone()).shown_as(&shown);
        Row::of(op, secrets(op.name(), input), Cross::OwnAccount(NOTHING)).needing(need)
    };
    let new = "ecr-pullthroughcache/target-new";
    let forced = json!({"SecretId": new, "ForceDeleteWithoutRecovery": true});
    let create = Op::SecretsManager(SecretsManagerOp::CreateSecret);
    let list = Op::SecretsManager(SecretsManagerOp::ListSecrets);
    let restore = step(SecretsManagerOp::RestoreSecret, &named);
    let policy = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Deny", "Principal": "*", "Action": "secretsmanager:CancelRotateSecret", "Resource": "*",
    }});
    let policy = with(json!({"ResourcePolicy": policy.to_string()}));
    let new_arn = arn.rsplit_once(":secret:").map(|(before, _)| format!("{before}:secret:{new}")).unwrap();
    vec![
        Row::of(create, secrets(create.name(), &secret(new)), Cross::OwnAccount(Expected::Success))
            .needs(create.action(), new_arn)
            .after([step(SecretsManagerOp::DeleteSecret, &forced)]),
        Row::of(list, secrets(list.name(), &json!({})), Cross::OwnAccount(Expected::Success))
            .needs(list.action(), "*"),
        on(SecretsManagerOp::DescribeSecret, &named),
        on(SecretsManagerOp::GetSecretValue, &named),
        on(SecretsManagerOp::PutSecretValue, &with(json!({"SecretString": "{}"}))),
        on(SecretsManagerOp::UpdateSecret, &with(json!({"Description": "d"}))),
        on(SecretsManagerOp::PutResourcePolicy, &policy),
        on(SecretsManagerOp::GetResourcePolicy, &named),
        on(SecretsManagerOp::DeleteResourcePolicy, &named),
        on(SecretsManagerOp::TagResource, &with(json!({"Tags": [{"Key": "team", "Value": "a"}]}))),
        on(SecretsManagerOp::UntagResource, &with(json!({"TagKeys": ["team"]}))),
        on(SecretsManagerOp::DeleteSecret, &named).after([restore]),
        on(SecretsManagerOp::RestoreSecret, &named),
    ]
}
