//! IAM's operations at the gate: the principal and the condition keys of the decision.

use std::sync::Arc;

use access::context::{Caller, Session};
use access::error::{AwsCode, Code};
use aws::iam::{
    AddRoleToInstanceProfileRequest, AttachUserPolicyRequest, CreateAccessKeyRequest,
    CreateInstanceProfileRequest, CreateRoleRequest, GetLoginProfileRequest, GetUserRequest,
    ListAccessKeysRequest, ListMFADevicesRequest, ListSSHPublicKeysRequest,
    ListServiceSpecificCredentialsRequest, ListSigningCertificatesRequest, TagUserRequest,
};

use crate::organizations::root;
use crate::world::{ACCOUNT, World, code, ctx};

/// The same caller with a temporary session, as from GetSessionToken.
fn temporary(caller: &Arc<Caller>) -> Arc<Caller> {
    Arc::new(Caller { session: Some(Arc::new(Session::default())), ..Caller::clone(caller) })
}

#[tokio::test]
async fn a_temporary_session_cannot_create_a_long_term_key() {
    let world = World::new().await;
    let root = root(&world, ACCOUNT).await;
    for caller in [temporary(&root), temporary(&world.admin)] {
        let at = ctx(&caller);
        let make = world.rules.identity.create_access_key(&at, CreateAccessKeyRequest::default());
        assert_eq!(code(make.await), Code::InvalidToken, "{}", caller.arn);
        let list = world.rules.identity.list_access_keys(&at, ListAccessKeysRequest::default());
        assert_eq!(code(list.await), Code::InvalidToken, "{}", caller.arn);
        let shown = world.rules.identity.get_user(&at, GetUserRequest::default());
        assert_eq!(code(shown.await), Code::InvalidToken, "{}", caller.arn);
    }
    let shown = world.rules.identity.get_user(&ctx(&root), GetUserRequest::default()).await.unwrap().user;
    assert_eq!(shown.user_name, "root");
    world.rules.identity.create_access_key(&ctx(&root), CreateAccessKeyRequest::default()).await.unwrap();
}

#[tokio::test]
async fn operations_of_a_user_on_itself_use_its_own_tags() {
    let world = World::new().await;
    let unless_frozen = r#"{"Effect":"Allow","Action":"iam:*","Resource":"*"},{"Effect":"Deny","Action":"iam:CreateAccessKey","Resource":"*","Condition":{"StringEquals":{"iam:ResourceTag/state":"frozen"}}}"#;
    let alice = world.user("alice", unless_frozen).await;
    let own = CreateAccessKeyRequest::default();
    world.rules.identity.create_access_key(&ctx(&alice), own.clone()).await.unwrap();
    let tag = TagUserRequest {
        user_name: "alice".to_owned(),
        tags: vec![("state".to_owned(), "frozen".to_owned()).into()],
    };
    world.rules.identity.tag_user(&ctx(&world.admin), tag).await.unwrap();
    assert_eq!(code(world.rules.identity.create_access_key(&ctx(&alice), own).await), Code::AccessDenied);
}

#[tokio::test]
async fn a_user_can_list_its_own_things_without_a_name() {
    let world = World::new().await;
    let own = format!(
        r#"{{"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}"}}"#
    );
    let alice = world.user("alice", &own).await;
    let rules = &world.rules;
    rules.identity.list_mfa_devices(&ctx(&alice), ListMFADevicesRequest::default()).await.unwrap();
    rules.identity.list_ssh_public_keys(&ctx(&alice), ListSSHPublicKeysRequest::default()).await.unwrap();
    rules
        .identity
        .list_signing_certificates(&ctx(&alice), ListSigningCertificatesRequest::default())
        .await
        .unwrap();
    rules
        .identity
        .list_service_specific_credentials(&ctx(&alice), ListServiceSpecificCredentialsRequest::default())
        .await
        .unwrap();
    let other =
        ListMFADevicesRequest { user_name: Some("bob".to_owned()), ..ListMFADevicesRequest::default() };
    assert_eq!(code(rules.identity.list_mfa_devices(&ctx(&alice), other).await), Code::AccessDenied);
    let refused =
        rules.identity.get_login_profile(&ctx(&alice), GetLoginProfileRequest::default()).await.unwrap_err();
    assert_eq!(refused.message, "Login Profile for User alice cannot be found.");
}

#[tokio::test]
async fn an_aws_managed_policy_has_one_arn() {
    let world = World::new().await;
    let no_administrators = r#"{"Effect":"Allow","Action":"iam:*","Resource":"*"},{"Effect":"Deny","Action":"iam:AttachUserPolicy","Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/AdministratorAccess"}}}"#;
    let guarded = world.user("guarded", no_administrators).await;
    for (partition, refusal) in [
        ("aws", Code::AccessDenied),
        ("aws-cn", Code::Aws(AwsCode::NoSuchEntity)),
        ("aws-us-gov", Code::Aws(AwsCode::NoSuchEntity)),
    ] {
        let attach = AttachUserPolicyRequest {
            user_name: "guarded".to_owned(),
            policy_arn: format!("arn:{partition}:iam::aws:policy/AdministratorAccess"),
        };
        let refused = world.rules.identity.attach_user_policy(&ctx(&guarded), attach).await;
        assert_eq!(code(refused), refusal, "{partition}");
    }
    let attach = meta::AttachPolicy {
        owner: guarded.unique_id.clone(),
        arn: "arn:aws-cn:iam::aws:policy/AdministratorAccess".to_owned(),
        limit: 10,
    };
    assert!(world.meta.write(attach).await.is_err(), "nor does the store know one");
}

#[tokio::test]
async fn adding_a_role_to_an_instance_profile_passes_it_to_ec2() {
    let world = World::new().await;
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
    let role = CreateRoleRequest {
        role_name: "node".to_owned(),
        assume_role_policy_document: trust.to_owned(),
        ..CreateRoleRequest::default()
    };
    world.rules.identity.create_role(&ctx(&world.admin), role).await.unwrap();
    let profile = CreateInstanceProfileRequest {
        instance_profile_name: "node".to_owned(),
        ..CreateInstanceProfileRequest::default()
    };
    world.rules.identity.create_instance_profile(&ctx(&world.admin), profile).await.unwrap();
    let passing = |service: &str| {
        format!(
            r#"{{"Effect":"Allow","Action":"iam:AddRoleToInstanceProfile","Resource":"*"}},{{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{{"StringEquals":{{"iam:PassedToService":"{service}"}}}}}}"#
        )
    };
    let add = AddRoleToInstanceProfileRequest {
        instance_profile_name: "node".to_owned(),
        role_name: "node".to_owned(),
    };
    let elsewhere = world.user("elsewhere", &passing("ecs-tasks.amazonaws.com")).await;
    let refused = world.rules.identity.add_role_to_instance_profile(&ctx(&elsewhere), add.clone()).await;
    assert_eq!(code(refused), Code::AccessDenied);
    let here = world.user("here", &passing("ec2.amazonaws.com")).await;
    world.rules.identity.add_role_to_instance_profile(&ctx(&here), add).await.unwrap();
}
