//! Organizations at the gate: who may manage, the text of denials, and the permissions of closed and removed accounts.

use std::sync::Arc;

use access::context::{Caller, CallerKind};
use access::error::{AwsCode, Code, Error};
use aws::iam::{DeleteAccessKeyRequest, ListAccessKeysRequest};
use aws::ids::AccountId;
use aws::organizations::{
    CloseAccountRequest, CreateAccountRequest, DescribeAccountRequest, DescribeOrganizationRequest,
    ListAccountsRequest, ListTagsForResourceRequest, RemoveAccountFromOrganizationRequest, Tag,
    TagResourceRequest,
};
use aws::sts::GetCallerIdentityRequest;
use identity::organizations::NewAccount;
use jiff::Timestamp;

use crate::world::{ACCOUNT, World, code, ctx};

const MEMBER: &str = "444455556666";

fn create(email: &str, id: &str) -> CreateAccountRequest {
    CreateAccountRequest {
        email: email.to_owned(),
        account_name: "new".to_owned(),
        wharf_account_id: Some(id.to_owned()),
        ..CreateAccountRequest::default()
    }
}

fn refused<T>(result: Result<T, Error>) -> String {
    result.err().expect("it was not refused").message.into_owned()
}

fn describe(id: &str) -> DescribeAccountRequest {
    DescribeAccountRequest { account_id: id.to_owned() }
}

/// The root of an account, with a key that the operator created.
pub(crate) async fn root(world: &World, account: &str) -> Arc<Caller> {
    let id: AccountId = account.parse().unwrap();
    let (key, _) = world.rules.identity.make_root_key(&id, Timestamp::now()).await.unwrap();
    Arc::new(Caller::with_key(id, account.to_owned(), CallerKind::Root, key))
}

#[tokio::test]
async fn each_account_is_an_arn_that_policies_can_name() {
    let world = World::new().await;
    let rules = &world.rules;
    rules.identity.create_account(&ctx(&world.admin), create("a@example.org", MEMBER)).await.unwrap();
    let organization = rules
        .identity
        .describe_organization(&ctx(&world.admin), DescribeOrganizationRequest::default())
        .await;
    let organization = organization.unwrap().organization;
    let arn = format!("arn:aws:organizations::{ACCOUNT}:account/{}/{MEMBER}", organization.id);
    let statement =
        format!(r#"{{"Effect":"Allow","Action":"organizations:DescribeAccount","Resource":"{arn}"}}"#);
    let reader = world.user("reader", &statement).await;
    let shown = rules.identity.describe_account(&ctx(&reader), describe(MEMBER)).await.unwrap().account;
    assert_eq!(shown.arn, arn);

    let own = format!("arn:aws:organizations::{ACCOUNT}:account/{}/{ACCOUNT}", organization.id);
    let message = refused(rules.identity.describe_account(&ctx(&reader), describe(ACCOUNT)).await);
    let expected = format!(
        "User: arn:aws:iam::{ACCOUNT}:user/reader is not authorized to perform: organizations:DescribeAccount \
         on resource: {own} because no identity-based policy allows the organizations:DescribeAccount action"
    );
    assert_eq!(message, expected);
    // Only a caller with permission learns whether an account exists.
    assert_eq!(
        code(rules.identity.describe_account(&ctx(&reader), describe("999999999999")).await),
        Code::AccessDenied
    );
    let missing = rules.identity.describe_account(&ctx(&world.admin), describe("999999999999")).await;
    assert_eq!(code(missing), Code::Aws(AwsCode::AccountNotFound));
}

#[tokio::test]
async fn creating_an_account_with_tags_needs_both_permissions() {
    let world = World::new().await;
    let only_create =
        world.user("maker", r#"{"Effect":"Allow","Action":"organizations:CreateAccount","Resource":"*"}"#);
    let only_create = only_create.await;
    let tags = vec![Tag { key: "team".to_owned(), value: "a".to_owned() }];
    let tagged = CreateAccountRequest { tags: tags.clone(), ..create("a@example.org", MEMBER) };
    let message = refused(world.rules.identity.create_account(&ctx(&only_create), tagged.clone()).await);
    assert!(message.contains("organizations:TagResource"), "{message}");
    let missing = world.rules.identity.describe_account(&ctx(&world.admin), describe(MEMBER)).await;
    assert_eq!(code(missing), Code::Aws(AwsCode::AccountNotFound), "nothing was made");

    let of_team = r#"{"Effect":"Allow","Action":"organizations:*","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/team":"a"}}}"#;
    let of_team = world.user("team", of_team).await;
    world.rules.identity.create_account(&ctx(&of_team), tagged).await.unwrap();
    let list = ListTagsForResourceRequest { resource_id: MEMBER.to_owned(), next_token: None };
    let kept = world.rules.identity.list_tags_of_node(&ctx(&world.admin), list).await.unwrap();
    assert_eq!(kept.tags, tags);
    let other = vec![Tag { key: "team".to_owned(), value: "b".to_owned() }];
    let other = TagResourceRequest { resource_id: MEMBER.to_owned(), tags: other };
    assert_eq!(code(world.rules.identity.tag_node(&ctx(&of_team), other).await), Code::AccessDenied);
}

#[tokio::test]
async fn the_root_of_a_member_cannot_manage() {
    let world = World::new().await;
    world.rules.identity.create_account(&ctx(&world.admin), create("a@example.org", MEMBER)).await.unwrap();
    let root = root(&world, MEMBER).await;
    assert_eq!(
        refused(world.rules.identity.list_accounts(&ctx(&root), ListAccountsRequest::default()).await),
        "You don't have permissions to access this resource."
    );
    let close = CloseAccountRequest { account_id: ACCOUNT.to_owned() };
    let request = ctx(&root);
    assert_eq!(code(world.rules.identity.close_account(&request, close).await), Code::AccessDenied);
    let decided = request.decisions.take();
    assert_eq!(decided.iter().map(|one| one.allowed).collect::<Vec<_>>(), [false], "{decided:?}");
    let close = CloseAccountRequest { account_id: MEMBER.to_owned() };
    assert_eq!(code(world.rules.identity.close_account(&ctx(&root), close).await), Code::AccessDenied);
}

#[tokio::test]
async fn an_earlier_creation_time_does_not_change_the_manager() {
    let world = World::new().await;
    let management = world.rules.access.management_account().await.unwrap();
    assert_eq!(management.as_str(), ACCOUNT);
    let asked =
        NewAccount { name: "old".to_owned(), id: Some(MEMBER.parse().unwrap()), ..NewAccount::default() };
    world.rules.identity.add_account(&management, asked, Timestamp::UNIX_EPOCH).await.unwrap();
    // Another process with the same store, which has read nothing yet.
    let again = world.another().await;
    assert_eq!(again.access.management_account().await.unwrap(), management);
}

#[tokio::test]
async fn a_root_lists_and_deletes_its_own_keys() {
    let world = World::new().await;
    let rules = &world.rules;
    let (first, second) = (root(&world, ACCOUNT).await, root(&world, ACCOUNT).await);
    let identity =
        rules.identity.get_caller_identity(&ctx(&first), GetCallerIdentityRequest::default()).await;
    assert_eq!(identity.unwrap().arn, format!("arn:aws:iam::{ACCOUNT}:root"));
    let context = ctx(&first);
    let list = || rules.identity.list_access_keys(&context, ListAccessKeysRequest::default());
    assert_eq!(list().await.unwrap().access_key_metadata.len(), 2);
    let delete = DeleteAccessKeyRequest { user_name: None, access_key_id: second.access_key_id.to_string() };
    rules.identity.delete_access_key(&ctx(&first), delete).await.unwrap();
    assert_eq!(list().await.unwrap().access_key_metadata.len(), 1);
    let gone = rules.identity.get_caller_identity(&ctx(&second), GetCallerIdentityRequest::default()).await;
    assert_eq!(code(gone), Code::InvalidToken);
}

#[tokio::test]
async fn a_deny_by_account_tags_applies() {
    let world = World::new().await;
    let tags = vec![Tag { key: "protected".to_owned(), value: "yes".to_owned() }];
    let tagged = CreateAccountRequest { tags, ..create("a@example.org", MEMBER) };
    world.rules.identity.create_account(&ctx(&world.admin), tagged).await.unwrap();
    let other = create("b@example.org", "777788889999");
    world.rules.identity.create_account(&ctx(&world.admin), other).await.unwrap();
    let closer = r#"{"Effect":"Allow","Action":"organizations:*","Resource":"*"},{"Effect":"Deny","Action":"organizations:CloseAccount","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/protected":"yes"}}}"#;
    let closer = world.user("closer", closer).await;
    let close = |id: &str| CloseAccountRequest { account_id: id.to_owned() };
    let refused = world.rules.identity.close_account(&ctx(&closer), close(MEMBER)).await;
    assert_eq!(code(refused), Code::AccessDenied);
    world.rules.identity.close_account(&ctx(&closer), close("777788889999")).await.unwrap();
}

#[tokio::test]
async fn the_operator_still_sees_accounts_that_left() {
    let world = World::new().await;
    let rules = &world.rules;
    rules.identity.create_account(&ctx(&world.admin), create("a@example.org", MEMBER)).await.unwrap();
    let leave = RemoveAccountFromOrganizationRequest { account_id: MEMBER.to_owned() };
    rules.identity.remove_account_from_organization(&ctx(&world.admin), leave).await.unwrap();
    let all = rules.identity.all_accounts().await.unwrap();
    let all: Vec<_> =
        all.iter().map(|account| (account.account_id.as_str(), account.in_organization)).collect();
    assert_eq!(all, [(ACCOUNT, true), (MEMBER, false)]);
    let listed =
        rules.identity.list_accounts(&ctx(&world.admin), ListAccountsRequest::default()).await.unwrap();
    assert_eq!(listed.accounts.len(), 1, "the API shows the organization alone");
    let id: AccountId = MEMBER.parse().unwrap();
    rules.identity.change_account(&id, meta::MemberChange::Close, Timestamp::now()).await.unwrap();
    assert_eq!(rules.identity.all_accounts().await.unwrap()[1].status, "SUSPENDED");
}

#[tokio::test]
async fn tag_keys_that_differ_only_in_case_are_refused() {
    let world = World::new().await;
    let rules = &world.rules;
    rules.identity.create_account(&ctx(&world.admin), create("a@example.org", MEMBER)).await.unwrap();
    let tag = async |by: &Arc<Caller>, tags: &[(&str, &str)]| {
        let tag = |(key, value): &(&str, &str)| Tag { key: (*key).to_owned(), value: (*value).to_owned() };
        let tags = tags.iter().map(tag).collect();
        rules.identity.tag_node(&ctx(by), TagResourceRequest { resource_id: MEMBER.to_owned(), tags }).await
    };
    let twice = "Two tags of an account cannot have keys that differ only in case.";
    tag(&world.admin, &[("Team", "red")]).await.unwrap();
    assert_eq!(refused(tag(&world.admin, &[("team", "blue")]).await), twice);
    assert_eq!(refused(tag(&world.admin, &[("Stage", "a"), ("sTAGE", "b")]).await), twice);
    tag(&world.admin, &[("Team", "blue")]).await.unwrap();

    // A denial of one value applies to each of two tags.
    let statement = r#"{"Effect":"Allow","Action":"organizations:*","Resource":"*"},
        {"Effect":"Deny","Action":"organizations:TagResource","Resource":"*",
         "Condition":{"StringEquals":{"aws:RequestTag/stage":"live"}}}"#;
    let tagger = world.user("tagger", statement).await;
    assert_eq!(code(tag(&tagger, &[("Stage", "live")]).await), Code::AccessDenied);
    tag(&tagger, &[("Stage", "test")]).await.unwrap();
}
