//! One row, requested by a caller of every class of its own account, and anonymously.

use super::policies;
use super::report::Report;
use super::stage::Stage;
use super::table::{Expected, Need, Row};
use super::wire::{Ask, Identity};

/// The end of AWS's text, by the kind of policy that does not allow.
pub(super) fn reason(class: &str, action: &str) -> String {
    let silent = match class {
        "explicit deny" => return "with an explicit deny in an identity-based policy".to_owned(),
        "explicit deny of the resource" => {
            return "with an explicit deny in a resource-based policy".to_owned();
        }
        "boundary" => "permissions boundary",
        "session policy" => "session policy",
        "without" => "identity-based policy",
        _ => "resource-based policy",
    };
    format!("because no {silent} allows the {action} action")
}

/// The answer to a caller without a permission.
pub(super) fn refusal(row: &Row, need: &Need, who: &Identity, kind: &str) -> Expected {
    if let Some(status) = need.otherwise {
        return Expected::Status(status);
    }
    let (action, resource) = (&need.actions[0], need.shown.as_ref().unwrap_or(&need.resource));
    let sentence =
        format!("User: {} is not authorized to perform: {action} on resource: {resource}", who.arn);
    let text = if row.tells_reason { format!("{sentence} {}", reason(kind, action)) } else { sentence };
    let (status, code) = row.ask.denial();
    Expected::Text(status, code, text)
}

/// Requests the row in every class except those of other accounts.
pub(super) async fn check(stage: &Stage, row: &Row, report: &mut Report) {
    stage.prepare(&row.before).await;
    let asked = Row { ask: stage.begun(&Stage::fresh(&row.ask), &stage.admin).await, ..row.clone() };
    let before = stage.seen(&row.watched).await;
    without_credentials(stage, &asked, report).await;
    for need in &row.needs {
        lacking(stage, &asked, need, report).await;
    }
    if row.needs.is_empty() {
        unforbidden(stage, &asked, report).await;
    }
    of_what_is_not_there(stage, &asked, report).await;
    super::cross::of_its_own(stage, &asked, report).await;
    let after = stage.seen(&row.watched).await;
    let changed = before.iter().zip(&after).find(|(one, other)| one != other);
    let changed = changed.map(|(one, other)| format!("first {one}\n             then  {other}"));
    report.note(&row.name, "refused", "everything as it was".to_owned(), changed);
    permitted(stage, row, report).await;
}

/// Anonymous, with a deactivated access key, and with an expired session.
async fn without_credentials(stage: &Stage, row: &Row, report: &mut Report) {
    let [anonymous, disabled, expired] = refused_credentials(&row.ask);
    let mut cases = vec![
        ("anonymous", None, anonymous),
        ("disabled key", Some(&stage.disabled), disabled.clone()),
        ("expired session", Some(&stage.expired), expired),
    ];
    if !row.ask.is_data() {
        // The docker password of a disabled key is already such a session.
        cases.push(("session of a disabled key", Some(&stage.disabled_session), disabled));
    }
    for (class, who, expected) in cases {
        let answer = stage.ask(&row.ask, who).await;
        report.compare((&row.name, class), &row.ask, &answer, &expected);
        if row.ask.is_data() && class != "disabled key" {
            let challenge = answer.headers.get("www-authenticate").is_none();
            let got = challenge.then(|| format!("{answer:?}"));
            report.note(&row.name, class, "a challenge".to_owned(), got);
        }
    }
}

fn refused_credentials(ask: &Ask) -> [Expected; 3] {
    let text = |status, code, text: &str| Expected::Text(status, code, text.to_owned());
    let missing = "Missing Authentication Token";
    let invalid = "The security token included in the request is invalid.";
    let over = "The security token included in the request is expired";
    match ask {
        Ask::Json { .. } => [
            text(400, "MissingAuthenticationTokenException", missing),
            text(400, "UnrecognizedClientException", invalid),
            text(400, "ExpiredTokenException", over),
        ],
        Ask::Form { .. } => [
            text(403, "MissingAuthenticationToken", missing),
            text(403, "InvalidClientTokenId", invalid),
            text(403, "ExpiredToken", over),
        ],
        Ask::Data { .. } => [
            Expected::Status(401),
            text(401, "DENIED", invalid),
            text(401, "DENIED", "Your authorization token has expired. Reauthenticate and try again."),
        ],
    }
}

/// Callers with all permissions except one that the request needs.
async fn lacking(stage: &Stage, row: &Row, need: &Need, report: &mut Report) {
    stage.let_user("without", policies::everything_but(need)).await;
    stage.let_user("denied", policies::denying(need)).await;
    stage.bound(policies::everything_but(need)).await;
    let session = session(stage, row, policies::everything_but(need)).await;
    let cases = [
        ("without", &stage.without),
        ("explicit deny", &stage.denied),
        ("boundary", &stage.bounded),
        ("session policy", &session),
    ];
    for (class, who) in cases {
        let expected = match (&row.by_session, class) {
            (Some(expected), "session policy") => expected.clone(),
            _ => refusal(row, need, who, class),
        };
        let answer = stage.ask(&row.ask, Some(who)).await;
        report.compare((&row.name, class), &row.ask, &answer, &expected);
    }
}

/// A caller without permission learns the same about existing and missing things. Only the first permission is tested:
/// a caller with it may see its resource.
async fn of_what_is_not_there(stage: &Stage, row: &Row, report: &mut Report) {
    let (Some(absent), Some(need)) = (row.absent(), row.needs.first()) else { return };
    let Some(missing) = absent.needs.first().filter(|missing| missing.resource != need.resource) else {
        return;
    };
    stage.let_user("without", policies::everything_but(missing)).await;
    let answer = stage.ask(&absent.ask, Some(&stage.without)).await;
    let expected = refusal(&absent, missing, &stage.without, "without");
    report.compare((&row.name, "without, of what is not there"), &absent.ask, &answer, &expected);
}

/// Callers that are denied everything, for an operation that needs no permission.
async fn unforbidden(stage: &Stage, row: &Row, report: &mut Report) {
    let nothing = policies::nothing_but_denials;
    stage.let_user("denied", nothing()).await;
    stage.let_user("without", policies::something_else()).await;
    stage.bound(nothing()).await;
    let session = session(stage, row, policies::everything()).await;
    let cases = [
        ("without", &stage.without),
        ("explicit deny", &stage.denied),
        ("boundary", &stage.bounded),
        ("session policy", &session),
    ];
    for (class, who) in cases {
        let expected = match (&row.by_session, class) {
            (Some(expected), "session policy") => expected,
            _ => &row.allowed,
        };
        let answer = stage.ask(&row.ask, Some(who)).await;
        report.compare((&row.name, class), &row.ask, &answer, expected);
    }
}

async fn session(stage: &Stage, row: &Row, policy: String) -> Identity {
    let mut session = stage.session_within(policy).await;
    if row.ask.is_data() {
        session.password = stage.password_of(&session).await;
    }
    session
}

/// The caller with exactly the needed permissions.
async fn permitted(stage: &Stage, row: &Row, report: &mut Report) {
    let choices = row.needs.iter().map(|need| need.actions.len()).max().unwrap_or(1);
    for choice in 0..choices {
        stage.prepare(&row.before).await;
        stage.let_user("with", policies::everything()).await;
        let ask = stage.begun(&Stage::fresh(&row.ask), &stage.with).await;
        if !row.needs.is_empty() {
            stage.let_user("with", policies::exactly(&row.needs, choice)).await;
        }
        let answer = stage.ask(&ask, Some(&stage.with)).await;
        report.compare((&row.name, "with"), &ask, &answer, &row.allowed);
    }
}
