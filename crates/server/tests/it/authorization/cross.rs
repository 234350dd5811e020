//! One row, requested from another account: by its administrator, whom that account allows everything, and by a user
//! whom it allows nothing.

use access::op::Op;

use super::classes::refusal;
use super::policies;
use super::report::Report;
use super::stage::Stage;
use super::table::{ACCOUNT, Cross, Expected, Need, OTHER, Row};

pub(super) const STS: [&str; 4] =
    ["sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:SetSourceIdentity", "sts:TagSession"];

/// Requests about the caller's own account, and requests for the management account only: the other account is refused,
/// or gets an answer about itself and nothing about this account.
pub(super) async fn of_its_own(stage: &Stage, row: &Row, report: &mut Report) {
    let (elsewhere, is_own) = match &row.cross {
        Cross::OwnAccount(elsewhere) => (elsewhere, true),
        Cross::NamedArn(elsewhere) | Cross::Management(elsewhere) => (elsewhere, false),
        Cross::Repository | Cross::Registry | Cross::Trust => return,
    };
    let expected = match row.needs.first() {
        None => row.allowed.clone(),
        Some(need) => {
            let own = |text: &String| if is_own { text.replace(ACCOUNT, OTHER) } else { text.clone() };
            let (resource, shown) = (own(&need.resource), need.shown.as_ref().map(own));
            refusal(row, &Need { resource, shown, ..need.clone() }, &stage.stranger, "without")
        }
    };
    let answer = stage.ask(&row.ask, Some(&stage.stranger)).await;
    report.compare((&row.name, "other account, without"), &row.ask, &answer, &expected);
    let answer = stage.ask(&row.ask, Some(&stage.other)).await;
    report.compare((&row.name, "other account, with"), &row.ask, &answer, elsewhere);
    let tells = answer.status < 300 && tells_of_this_account(&answer.body);
    let got = tells.then(|| answer.body.clone());
    report.note(&row.name, "other account, with", "nothing of this account".to_owned(), got);
}

/// Whether a text contains an ARN of one of the targets.
fn tells_of_this_account(text: &str) -> bool {
    text.match_indices(ACCOUNT)
        .any(|(at, _)| text[at..].chars().take(60).collect::<String>().contains("target"))
}

/// Requests that name this account: its policies decide whether the other account is allowed.
pub(super) async fn let_in(stage: &Stage, row: &Row, report: &mut Report) {
    if !matches!(row.cross, Cross::Repository | Cross::Registry | Cross::Trust) {
        return;
    }
    stage.prepare(&row.before).await;
    let named = |row: &Row| row.ask.naming_registry();
    let asked = Row { ask: stage.begun(&Stage::fresh(&named(row)), &stage.admin).await, ..row.clone() };
    for need in &row.needs {
        let expected = refusal(&asked, need, &stage.other, "other account");
        stage.grant(&stage.other.arn, row, |known| all_but(row, known, need)).await;
        let answer = stage.ask(&asked.ask, Some(&stage.other)).await;
        report.compare((&row.name, "other account, without"), &asked.ask, &answer, &expected);
    }
    if let Cross::Trust = row.cross {
        // Within the account the same holds: the role must trust the user for everything that the user's own policy
        // allows.
        for need in &row.needs {
            stage.grant(ACCOUNT, row, |known| all_but(row, known, need)).await;
            stage.let_user("with", policies::exactly(&row.needs, 0)).await;
            let answer = stage.ask(&asked.ask, Some(&stage.with)).await;
            let expected = refusal(&asked, need, &stage.with, "without");
            report.compare((&row.name, "without trust"), &asked.ask, &answer, &expected);
        }
    }
    if let Some(need) = row.needs.first() {
        // The caller's own account must also allow what the resource allows.
        stage.grant(&stage.stranger.arn, row, |known| vec![known.actions[0].clone()]).await;
        let answer = stage.ask(&asked.ask, Some(&stage.stranger)).await;
        let expected = refusal(&asked, need, &stage.stranger, "without");
        report.compare((&row.name, "other account, only named"), &asked.ask, &answer, &expected);
    }
    stage.revoke(row).await;
    if let (Some(absent), Some(need)) = (asked.absent(), row.needs.first())
        && let Some(missing) = absent.needs.first()
        && missing.resource != need.resource
    {
        let answer = stage.ask(&absent.ask, Some(&stage.other)).await;
        let expected = refusal(&absent, missing, &stage.other, "other account");
        let class = "other account, of what is not there";
        report.compare((&row.name, class), &absent.ask, &answer, &expected);
    }
    stage.prepare(&row.before).await;
    stage.grant(&stage.other.arn, row, |_| grantable(row)).await;
    let ask = stage.begun(&Stage::fresh(&named(row)), &stage.other).await;
    stage.grant(&stage.other.arn, row, |known| vec![known.actions[0].clone()]).await;
    let answer = stage.ask(&ask, Some(&stage.other)).await;
    report.compare((&row.name, "other account, with"), &ask, &answer, &row.allowed);
    stage.revoke(row).await;
}

/// Every action that a resource policy can grant, except the needed one on the resource of `need`.
fn all_but(row: &Row, known: &Need, need: &Need) -> Vec<String> {
    let mut actions = grantable(row);
    actions.retain(|action| known.resource != need.resource || !need.actions.contains(action));
    actions
}

/// The actions that the policy of a row's resource can have: a role's trust policy has only actions of STS.
pub(super) fn grantable(row: &Row) -> Vec<String> {
    if let Cross::Trust = row.cross {
        return STS.iter().map(|action| (*action).to_owned()).collect();
    }
    let own = row.needs.iter().flat_map(|need| &need.actions).next();
    let is_public = own.is_some_and(|action| action.starts_with("ecr-public:"));
    ecr_actions(if is_public { "ecr-public:" } else { "ecr:" })
}

fn ecr_actions(prefix: &str) -> Vec<String> {
    let actions = Op::all().map(|op| op.action().to_owned());
    let mut actions: Vec<_> = actions.filter(|action| action.starts_with(prefix)).collect();
    actions.sort_unstable();
    actions.dedup();
    actions
}

/// The answer of Organizations to every member except the management account.
pub(super) fn members_may_not() -> Expected {
    let text = "You don't have permissions to access this resource.".to_owned();
    Expected::Text(400, "AccessDeniedException", text)
}
