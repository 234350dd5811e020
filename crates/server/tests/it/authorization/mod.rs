//! The authorization matrix, over HTTP: each operation of each API, and each route of the data plane, requested by a
//! caller of every class. `table` defines the rows; `classes` and `cross` define the callers. `services` has the rows of
//! work without a request, and `replication` those of its decisions.

mod anonymous;
mod classes;
mod coverage;
mod cross;
mod data_plane;
mod ecr;
mod ecr_public;
mod event_bridge;
mod grants;
mod iam;
mod nameless;
mod organizations;
mod policies;
mod replication;
mod report;
mod secrets_manager;
mod service_quotas;
mod services;
mod stage;
mod sts;
mod table;
mod tagging;
mod uploads;
mod web_identity;
mod wire;

use report::Report;
use stage::Stage;
use table::Row;
use wire::Ask;

use crate::logs::Lines;

/// Requests each row in each class, and fails with all answers that differ from the table.
async fn ask(stage: &Stage, rows: Vec<Row>, watched: Vec<Ask>, least: usize) {
    let mut report = Report::default();
    for row in rows {
        let row = Row { watched: watched.clone(), ..row };
        classes::check(stage, &row, &mut report).await;
        cross::let_in(stage, &row, &mut report).await;
        grants::within_the_account(stage, &row, &mut report).await;
    }
    report.finish(least);
}

#[tokio::test]
async fn secrets_managers_operations() {
    let stage = Stage::start().await;
    stage.build(&secrets_manager::state()).await;
    let rows = secrets_manager::rows(&stage).await;
    ask(&stage, rows, secrets_manager::watched(), 100).await;
}

#[tokio::test]
async fn every_operation_is_covered() {
    let stage = Stage::start().await;
    let mut rows = ecr::rows();
    rows.extend(ecr_public::rows());
    rows.extend(data_plane::rows());
    rows.extend(sts::rows(&stage));
    stage.build(&iam::state()).await;
    rows.extend(iam::rows(&stage).await);
    rows.extend(organizations::rows(&stage).await);
    let stage = Stage::start().await;
    stage.build(&event_bridge::state()).await;
    rows.extend(event_bridge::rows(&stage).await);
    stage.build(&secrets_manager::state()).await;
    rows.extend(secrets_manager::rows(&stage).await);
    rows.extend(service_quotas::rows());
    rows.extend(tagging::rows());
    coverage::check(&rows);
    coverage::check_routes(&data_plane::rows());
}

#[tokio::test]
async fn ecrs_operations() {
    let stage = Stage::start().await;
    stage.build(&ecr::state()).await;
    ask(&stage, ecr::rows(), ecr::watched(), 560).await;
}

#[tokio::test]
async fn ecr_publics_operations() {
    let stage = public_stage().await;
    ask(&stage, ecr_public::rows(), ecr_public::watched(), 300).await;
}

/// A stage with a public repository and its image.
async fn public_stage() -> Stage {
    let stage = Stage::start().await;
    stage.build(&ecr_public::state()).await;
    stage.push_public_config().await;
    stage.build(&ecr_public::image()).await;
    stage
}

#[tokio::test]
async fn anonymous_callers_only_pull_from_public_repositories() {
    let stage = public_stage().await;
    stage.build(&ecr::state()).await;
    let mut rows = data_plane::rows();
    let mut report = Report::default();
    anonymous::passwords_are_for_one_kind(&stage, &rows, &mut report).await;
    anonymous::only_pulls(&stage, &mut report).await;
    rows.extend(ecr::rows());
    rows.extend(ecr_public::rows());
    rows.extend(organizations::rows(&stage).await);
    stage.build(&event_bridge::state()).await;
    rows.extend(event_bridge::rows(&stage).await);
    anonymous::refused_everywhere(&stage, &rows, &mut report).await;
    report.finish(200);
}

#[tokio::test]
async fn registry_policies_decide_about_replication() {
    let stage = Stage::start().await;
    stage.build(&ecr::state()).await;
    let mut report = Report::default();
    replication::check(&stage, &mut report).await;
    report.finish(13);
}

#[tokio::test]
async fn no_resource_policy_grants_a_login() {
    let stage = Stage::start().await;
    stage.build(&ecr::state()).await;
    let mut report = Report::default();
    grants::no_login(&stage, &mut report).await;
    report.finish(4);
}

#[tokio::test]
async fn the_routes_of_the_data_plane() {
    let log = Lines::of_this_process();
    let stage = Stage::start().await;
    stage.build(&ecr::state()).await;
    data_plane::no_other_method_is_answered(&stage).await;
    ask(&stage, data_plane::rows(), ecr::watched(), 580).await;
    coverage::check_decisions(&log.text());
}

#[tokio::test]
async fn stss_operations() {
    let stage = Stage::start().await;
    stage.build(&iam::state()).await;
    ask(&stage, sts::rows(&stage), iam::watched(), 150).await;
}

#[tokio::test]
async fn a_role_for_the_token_of_an_identity_provider() {
    let mut report = Report::default();
    web_identity::check(&mut report).await;
    report.finish(17);
}

#[tokio::test]
async fn iams_operations() {
    let stage = Stage::start().await;
    stage.build(&iam::state()).await;
    let rows = iam::rows(&stage).await;
    ask(&stage, rows, iam::watched(), 1_650).await;
}

#[tokio::test]
async fn requests_without_a_user_name_are_about_the_caller() {
    let stage = Stage::start().await;
    let mut report = Report::default();
    nameless::check(&stage, &mut report).await;
    report.finish(22);
}

#[tokio::test]
async fn organizations_operations() {
    let stage = Stage::start().await;
    let rows = organizations::rows(&stage).await;
    ask(&stage, rows, organizations::watched(), 280).await;
}

#[tokio::test]
async fn event_bridges_operations() {
    let stage = Stage::start().await;
    stage.build(&event_bridge::state()).await;
    let rows = event_bridge::rows(&stage).await;
    ask(&stage, rows, event_bridge::watched(), 300).await;
}

#[tokio::test]
async fn service_quotas_operations() {
    let stage = Stage::start().await;
    ask(&stage, service_quotas::rows(), Vec::new(), 60).await;
}

#[tokio::test]
async fn tagging_apis_operations() {
    let stage = Stage::start().await;
    stage.build(&tagging::state()).await;
    ask(&stage, tagging::rows(), tagging::watched(), 70).await;
}
