//! Tags and the source identity that sessions inherit decide about images.

use aws::sts::{AssumeRoleRequest, SessionParameters};

use crate::credentials::{assumes, make_role, role_request, session, trusts};
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

#[tokio::test]
async fn what_a_session_does_is_decided_by_its_identity_and_tags() {
    let world = World::new().await;
    let app = world.create("app").await;
    let rights = r#"{"Effect":"Allow","Action":"ecr:ListImages","Resource":"*","Condition":{"StringEquals":
        {"aws:SourceIdentity":"ann","aws:PrincipalTag/team":"red"}}}"#;
    let all = r#"["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]"#;
    make_role(&world, role_request("r", &trusts(ACCOUNT, all, "")), rights).await;
    let may = async |identity: &str, team: &str| {
        let request = AssumeRoleRequest {
            source_identity: Some(identity.to_owned()),
            ..tagged("r", &[("team", team)], &[])
        };
        let caller = session(&world, &world.admin, request).await;
        world.rules.registry.list_tags(&ctx(&caller), &app, None, None).await.is_ok()
    };
    assert_eq!(
        [may("ann", "red").await, may("bob", "red").await, may("ann", "blue").await],
        [true, false, false]
    );
}
