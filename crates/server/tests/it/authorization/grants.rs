//! What resource policies grant and deny: those of a repository, of a registry, and of a role.

use serde_json::{Value, json};

use super::classes::refusal;
use super::cross::{STS, grantable};
use super::policies;
use super::report::Report;
use super::stage::Stage;
use super::table::{ACCOUNT, Cross, Expected, Need, Row, repository};
use super::wire::{Ask, ecr, ecr_public, iam};

/// One row, requested by users of its own account that the resource policy mentions: a user that it names needs no
/// policy of its own, a user of a named account does, and a user that it denies is refused regardless of its own
/// policies.
pub(super) async fn within_the_account(stage: &Stage, row: &Row, report: &mut Report) {
    let Some(first) = row.needs.first() else { return };
    if !matches!(row.cross, Cross::Repository | Cross::Registry | Cross::Trust) {
        return;
    }
    let exactly = |known: &Need| vec![known.actions[0].clone()];
    stage.prepare(&row.before).await;
    stage.let_user("with", policies::everything()).await;
    let ask = stage.begun(&Stage::fresh(&row.ask), &stage.with).await;
    stage.let_user("with", policies::something_else()).await;
    stage.grant(ACCOUNT, row, exactly).await;
    let answer = stage.ask(&ask, Some(&stage.with)).await;
    let expected = refusal(row, first, &stage.with, "without");
    report.compare((&row.name, "without, but its account is named"), &ask, &answer, &expected);
    stage.grant(&stage.with.arn, row, exactly).await;
    let answer = stage.ask(&ask, Some(&stage.with)).await;
    report.compare((&row.name, "without, but named"), &ask, &answer, &row.allowed);
    stage.prepare(&row.before).await;
    stage.let_user("denied", policies::everything()).await;
    let asked = stage.begun(&Stage::fresh(&row.ask), &stage.admin).await;
    for need in &row.needs {
        stage.keep_out(&stage.denied.arn, row, need).await;
        let answer = stage.ask(&asked, Some(&stage.denied)).await;
        let class = "explicit deny of the resource";
        let expected = refusal(row, need, &stage.denied, class);
        report.compare((&row.name, class), &asked, &answer, &expected);
        stage.revoke(row).await;
    }
}

/// ECR User Guide, "Private repository policies": the permission to log in must come from an identity policy.
pub(super) async fn no_login(stage: &Stage, report: &mut Report) {
    let row = Row::new("GetAuthorizationToken", ecr("GetAuthorizationToken", &json!({})), Cross::Registry);
    let need = Need::new("ecr:GetAuthorizationToken", "*");
    stage.let_user("with", policies::something_else()).await;
    let all = policies::of_resource(&stage.with.arn, &["ecr:*"]);
    let registry = policies::of_registry(&all, &repository("*"));
    let steps = [
        ecr("SetRepositoryPolicy", &json!({"repositoryName": "team/target", "policyText": all})),
        ecr("PutRegistryPolicy", &json!({"policyText": registry})),
        ecr("PutRegistryPolicy", &json!({"policyText": policies::of_registry(&all, "*")})),
    ];
    for step in steps {
        stage.build(&[step]).await;
        let answer = stage.ask(&row.ask, Some(&stage.with)).await;
        let expected = refusal(&row, &need, &stage.with, "without");
        report.compare((&row.name, "without, but named"), &row.ask, &answer, &expected);
    }
    // The policies do have an effect.
    let list = ecr("ListImages", &json!({"repositoryName": "team/target"}));
    let answer = stage.ask(&list, Some(&stage.with)).await;
    report.compare(("ListImages", "without, but named"), &list, &answer, &Expected::Success);
}

impl Stage {
    /// Allows a principal `actions` on each resource that the row needs.
    pub(super) async fn grant(&self, principal: &str, row: &Row, actions: impl Fn(&Need) -> Vec<String>) {
        let of = |need: &Need| {
            let on_it = row.needs.iter().filter(|other| other.resource == need.resource);
            let mut granted: Vec<String> = on_it.flat_map(&actions).collect();
            granted.sort_unstable();
            granted.dedup();
            put(row, need, &policies::of_resource(principal, &granted))
        };
        self.build(&row.needs.iter().map(of).collect::<Vec<_>>()).await;
    }

    /// Allows a principal everything on the resource of `need`, except what it needs.
    async fn keep_out(&self, principal: &str, row: &Row, need: &Need) {
        let all = grantable(row);
        self.build(&[put(row, need, &policies::of_resource_but(principal, &all, &need.actions))]).await;
    }

    /// Removes the policies.
    pub(super) async fn revoke(&self, row: &Row) {
        let step = |need: &Need| match row.cross {
            Cross::Registry => ecr("DeleteRegistryPolicy", &json!({})),
            Cross::Trust => trust("target", &policies::of_resource(ACCOUNT, &STS)),
            _ => of_repository(need, "DeleteRepositoryPolicy", &json!({"repositoryName": name_of(need)})),
        };
        self.prepare(&row.needs.iter().map(step).collect::<Vec<_>>()).await;
    }
}

/// Sets a policy on the resource of `need`.
fn put(row: &Row, need: &Need, policy: &str) -> Ask {
    match row.cross {
        Cross::Registry => {
            let policy = policies::of_registry(policy, &need.resource);
            ecr("PutRegistryPolicy", &json!({"policyText": policy}))
        }
        Cross::Trust => trust("target", policy),
        _ => {
            let input = json!({"repositoryName": name_of(need), "policyText": policy, "force": true});
            of_repository(need, "SetRepositoryPolicy", &input)
        }
    }
}

/// An operation of the API that the repository of `need` belongs to.
fn of_repository(need: &Need, operation: &str, input: &Value) -> Ask {
    let is_public = need.resource.starts_with("arn:aws:ecr-public:");
    if is_public { ecr_public(operation, input) } else { ecr(operation, input) }
}

fn name_of(need: &Need) -> &str {
    need.resource.split_once("repository/").unwrap().1
}

/// Sets a role's trust policy.
pub(super) fn trust(role: &str, policy: &str) -> Ask {
    iam("UpdateAssumeRolePolicy", &[("RoleName", role), ("PolicyDocument", policy)])
}
