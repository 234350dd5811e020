//! What a denial shows: the resource as the request names it, and no data of the store.

use std::sync::Arc;

use access::context::Caller;
use access::error::{Code, Result};
use aws::iam::{
    CreateGroupRequest, CreateInstanceProfileRequest, CreateRoleRequest, CreateUserRequest, GetGroupRequest,
    GetInstanceProfileRequest, GetRoleRequest, GetUserRequest, UpdateUserRequest,
};

use crate::world::{ACCOUNT, World, ctx};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
const PATH: &str = "/hidden/";

/// Creates a user, a group, a role and an instance profile with the same name under a path.
async fn create_each(world: &World, name: &str) {
    let (identity, at) = (&world.rules.identity, ctx(&world.admin));
    let (name, path) = (name.to_owned(), Some(PATH.to_owned()));
    let user = CreateUserRequest { user_name: name.clone(), path: path.clone(), ..Default::default() };
    identity.create_user(&at, user).await.unwrap();
    identity
        .create_group(&at, CreateGroupRequest { group_name: name.clone(), path: path.clone() })
        .await
        .unwrap();
    let role = CreateRoleRequest {
        role_name: name.clone(),
        path: path.clone(),
        assume_role_policy_document: TRUST.to_owned(),
        ..Default::default()
    };
    identity.create_role(&at, role).await.unwrap();
    let profile = CreateInstanceProfileRequest { instance_profile_name: name, path, ..Default::default() };
    identity.create_instance_profile(&at, profile).await.unwrap();
}

fn denial<T>(result: Result<T>) -> String {
    let Err(error) = result else { panic!("it was not denied") };
    assert_eq!(error.code, Code::AccessDenied, "{}", error.message);
    error.message.into_owned()
}

/// The denials of a read of each kind of resource.
async fn denials(world: &World, caller: &Arc<Caller>, name: &str) -> [String; 4] {
    let (identity, at, name) = (&world.rules.identity, ctx(caller), name.to_owned());
    let user = GetUserRequest { user_name: Some(name.clone()) };
    let group = GetGroupRequest { group_name: name.clone(), ..Default::default() };
    let profile = GetInstanceProfileRequest { instance_profile_name: name.clone() };
    [
        denial(identity.get_user(&at, user).await),
        denial(identity.get_group(&at, group).await),
        denial(identity.get_role(&at, GetRoleRequest { role_name: name }).await),
        denial(identity.get_instance_profile(&at, profile).await),
    ]
}

#[tokio::test]
async fn a_denial_hides_existence_path_and_spelling() {
    let world = World::new().await;
    create_each(&world, "Known").await;
    let nobody = world.user("nobody", r#"{"Effect":"Deny","Action":"iam:*","Resource":"*"}"#).await;
    let missing = denials(&world, &nobody, "kNOWM").await;
    let existing = denials(&world, &nobody, "kNOWN").await;
    for ((kind, missing), existing) in
        ["user", "group", "role", "instance-profile"].into_iter().zip(missing).zip(existing)
    {
        assert_eq!(existing, missing.replace("kNOWM", "kNOWN"), "{kind}");
        assert!(
            existing.contains(&format!("on resource: arn:aws:iam::{ACCOUNT}:{kind}/kNOWN ")),
            "{existing}"
        );
    }
}

#[tokio::test]
async fn a_denied_rename_does_not_show_the_path() {
    let world = World::new().await;
    create_each(&world, "known").await;
    let only_this = format!(
        r#"{{"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::{ACCOUNT}:user{PATH}known"}}"#
    );
    let renamer = world.user("renamer", &only_this).await;
    let rename = UpdateUserRequest {
        user_name: "known".to_owned(),
        new_user_name: Some("other".to_owned()),
        ..Default::default()
    };
    let message = denial(world.rules.identity.update_user(&ctx(&renamer), rename).await);
    assert!(message.contains(&format!("on resource: arn:aws:iam::{ACCOUNT}:user/other ")), "{message}");
}
