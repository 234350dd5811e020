//! What sessions inherit in a role chain: tags and the source identity.

use std::sync::Arc;

use access::context::Caller;
use access::error::{AwsCode, Code};
use aws::sts::{AssumeRoleRequest, SessionParameters};

use crate::credentials::{
    ALL, assume, assumes, federates, make_role, open_role, refusal, role_arn, role_request, session, trusts,
};
use crate::world::{ACCOUNT, World, ctx};

fn pairs(tags: &[(&str, &str)]) -> Vec<(String, String)> {
    tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn tagged(role: &str, tags: &[(&str, &str)], transitive: &[&str]) -> AssumeRoleRequest {
    AssumeRoleRequest {
        session: SessionParameters { tags: pairs(tags), ..SessionParameters::default() },
        transitive_tag_keys: transitive.iter().map(|key| (*key).to_owned()).collect(),
        ..assumes(role)
    }
}

fn identified(role: &str, identity: &str) -> AssumeRoleRequest {
    AssumeRoleRequest { source_identity: Some(identity.to_owned()), ..assumes(role) }
}

fn tags_of(caller: &Caller) -> Vec<(String, String)> {
    let mut tags = caller.session.as_ref().unwrap().tags.clone();
    tags.sort();
    tags
}

/// A role that its account trusts only for these actions, under a condition.
async fn trusting(world: &World, name: &str, actions: &str, condition: &str) {
    let more = if condition.is_empty() { String::new() } else { format!(r#","Condition":{condition}"#) };
    make_role(world, role_request(name, &trusts(ACCOUNT, actions, &more)), ALL).await;
}

/// A denial of an action.
fn denied(caller: &Caller, action: &str, role: &str) -> (Code, String) {
    let (arn, role) = (&caller.arn, role_arn(role));
    let message = format!("User: {arn} is not authorized to perform: {action} on resource: {role}");
    (Code::AccessDenied, message)
}

fn invalid(message: &str) -> (Code, String) {
    (Code::Aws(AwsCode::InvalidParameterValue), message.to_owned())
}

#[tokio::test]
async fn only_transitive_tags_are_inherited() {
    let world = World::new().await;
    for role in ["one", "two", "three"] {
        open_role(&world, role).await;
    }
    let (all, team) = ([("Team", "red"), ("cost", "7")], [("Team", "red")]);
    let one = session(&world, &world.admin, tagged("one", &all, &["team"])).await;
    assert_eq!(tags_of(&one), pairs(&all));
    let two = session(&world, &one, tagged("two", &[("stage", "x")], &[])).await;
    assert_eq!(tags_of(&two), pairs(&[("Team", "red"), ("stage", "x")]));
    let three = session(&world, &two, assumes("three")).await;
    assert_eq!(tags_of(&three), pairs(&team), "transitive for good");
    let conflict = invalid(
        "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the \
         calling session.",
    );
    for tag in [("Team", "blue"), ("team", "blue"), ("TEAM", "red")] {
        assert_eq!(refusal(assume(&world, &one, tagged("two", &[tag], &[])).await), conflict, "{tag:?}");
    }
    let replaced = session(&world, &one, tagged("two", &[("cost", "8")], &[])).await;
    assert_eq!(tags_of(&replaced), pairs(&[("Team", "red"), ("cost", "8")]), "one that does not go along");
}

#[tokio::test]
async fn invalid_tags_are_refused() {
    let world = World::new().await;
    open_role(&world, "r").await;
    let refused = async |request: AssumeRoleRequest| refusal(assume(&world, &world.admin, request).await);
    let duplicate = invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.");
    assert_eq!(refused(tagged("r", &[("a", "1"), ("A", "2")], &[])).await, duplicate);
    let missing = invalid("The specified transitive tag key must be included in the requested tags.");
    assert_eq!(refused(tagged("r", &[("a", "1")], &["b"])).await, missing);
    assert_eq!(refused(tagged("r", &[], &["b"])).await, missing);
    let reserved = invalid("Tag keys cannot begin with aws:.");
    for key in ["aws:a", "AWS:a"] {
        assert_eq!(refused(tagged("r", &[(key, "1")], &[])).await, reserved);
    }
    let mut federated = federates("f", ALL);
    for (tags, expected) in
        [(pairs(&[("a", "1"), ("A", "2")]), &duplicate), (pairs(&[("aws:a", "1")]), &reserved)]
    {
        federated.session.tags = tags;
        let refused = world.rules.identity.get_federation_token(&ctx(&world.admin), federated.clone()).await;
        assert_eq!(&refusal(refused), expected);
    }
}

#[tokio::test]
async fn new_and_inherited_tags_need_permission_to_tag_sessions() {
    let world = World::new().await;
    open_role(&world, "first").await;
    trusting(&world, "untagged", r#""sts:AssumeRole""#, "").await;
    let admin = &world.admin;
    assert!(assume(&world, admin, assumes("untagged")).await.is_ok());
    let refused = refusal(assume(&world, admin, tagged("untagged", &[("a", "1")], &[])).await);
    assert_eq!(refused, denied(admin, "sts:TagSession", "untagged"));
    let plain = session(&world, admin, tagged("first", &[("a", "1")], &[])).await;
    assert!(assume(&world, &plain, assumes("untagged")).await.is_ok(), "nothing comes along");
    let transitive = session(&world, admin, tagged("first", &[("a", "1")], &["a"])).await;
    let refused = refusal(assume(&world, &transitive, assumes("untagged")).await);
    assert_eq!(refused, denied(&transitive, "sts:TagSession", "untagged"));
    let user = world.user("u", r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}"#).await;
    let refused = refusal(assume(&world, &user, tagged("first", &[("a", "1")], &[])).await);
    assert_eq!(refused, denied(&user, "sts:TagSession", "first"), "its own policies must agree");
}

#[tokio::test]
async fn a_role_gets_inherited_session_tags() {
    let world = World::new().await;
    open_role(&world, "first").await;
    let both = r#"["sts:AssumeRole","sts:TagSession"]"#;
    trusting(&world, "red", both, r#"{"StringEquals":{"aws:RequestTag/team":"red"}}"#).await;
    trusting(&world, "goes", both, r#"{"ForAllValues:StringEquals":{"sts:TransitiveTagKeys":["team"]},"Null":{"sts:TransitiveTagKeys":"false"}}"#).await;
    trusting(&world, "only", both, r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["stage"]}}"#).await;
    let admin = &world.admin;
    let red = session(&world, admin, tagged("first", &[("team", "red")], &["team"])).await;
    let blue = session(&world, admin, tagged("first", &[("team", "blue")], &["team"])).await;
    assert!(assume(&world, &red, assumes("red")).await.is_ok());
    assert_eq!(refusal(assume(&world, &blue, assumes("red")).await), denied(&blue, "sts:AssumeRole", "red"));
    assert!(assume(&world, &red, assumes("goes")).await.is_ok());
    let more = tagged("goes", &[("x", "1")], &["x"]);
    assert_eq!(refusal(assume(&world, &red, more).await), denied(&red, "sts:AssumeRole", "goes"));
    let none = tagged("goes", &[("team", "red")], &[]);
    assert_eq!(refusal(assume(&world, admin, none).await), denied(admin, "sts:AssumeRole", "goes"));
    assert!(assume(&world, admin, tagged("only", &[("stage", "x")], &[])).await.is_ok());
    let with_team = tagged("only", &[("stage", "x")], &[]);
    assert_eq!(refusal(assume(&world, &red, with_team).await), denied(&red, "sts:AssumeRole", "only"));
}

fn identity_of(caller: &Arc<Caller>) -> Option<&str> {
    caller.session.as_ref().unwrap().source_identity.as_deref()
}

#[tokio::test]
async fn a_source_identity_is_inherited_in_a_role_chain() {
    let world = World::new().await;
    for role in ["one", "two", "three"] {
        open_role(&world, role).await;
    }
    let one = session(&world, &world.admin, identified("one", "ann")).await;
    let two = session(&world, &one, assumes("two")).await;
    let three = session(&world, &two, identified("three", "ann")).await;
    assert_eq!([identity_of(&one), identity_of(&two), identity_of(&three)], [Some("ann"); 3]);
    let refused = refusal(assume(&world, &two, identified("three", "bob")).await);
    assert_eq!(refused, denied(&two, "sts:SetSourceIdentity", "three"), "it cannot be changed");
    let plain = session(&world, &world.admin, assumes("one")).await;
    assert_eq!(identity_of(&plain), None);
    let late = session(&world, &plain, identified("two", "bob")).await;
    assert_eq!(identity_of(&late), Some("bob"), "it may be set later");
}

#[tokio::test]
async fn a_source_identity_needs_permission_in_each_role() {
    let world = World::new().await;
    open_role(&world, "first").await;
    trusting(&world, "plain", r#""sts:AssumeRole""#, "").await;
    let both = r#"["sts:AssumeRole","sts:SetSourceIdentity"]"#;
    trusting(&world, "anns", both, r#"{"StringEquals":{"sts:SourceIdentity":"ann"}}"#).await;
    let admin = &world.admin;
    let refused = refusal(assume(&world, admin, identified("plain", "ann")).await);
    assert_eq!(refused, denied(admin, "sts:SetSourceIdentity", "plain"));
    let (ann, bob) = (
        session(&world, admin, identified("first", "ann")).await,
        session(&world, admin, identified("first", "bob")).await,
    );
    let refused = refusal(assume(&world, &ann, assumes("plain")).await);
    assert_eq!(refused, denied(&ann, "sts:SetSourceIdentity", "plain"));
    assert!(assume(&world, &ann, assumes("anns")).await.is_ok());
    assert_eq!(refusal(assume(&world, &bob, assumes("anns")).await), denied(&bob, "sts:AssumeRole", "anns"));
    assert_eq!(
        refusal(assume(&world, admin, assumes("anns")).await),
        denied(admin, "sts:AssumeRole", "anns")
    );
}
