//! The operations of the Resource Groups Tagging API. Tags are changed by the operation of the service that has the
//! resource, with its permission too.

use std::collections::BTreeMap;

use access::answers::{Answers as _, read_json};
use access::context::Ctx;
use access::error::Code;
use access::op::{Op, TaggingOp};
use aws::arn::Arn;
use aws::dialect::Dialect;
use aws::ecr::{Tag, TagResourceRequest, UntagResourceRequest};
use aws::ids::Region;
use aws::json;
use aws::shape::{Answered, Request};
use aws::tagging::{
    FailureInfo, GetResourcesInput, GetTagKeysInput, GetTagValuesInput, TagResourcesInput,
    TagResourcesOutput, UntagResourcesInput, UntagResourcesOutput,
};
use http::StatusCode;
use identity::Identity;
use identity::tagging::TagChange;

use super::dispatch::{FromJson, rules, run_json, written_json};
use super::fault::Fault;
use super::offload;
use super::signed::Signed;
use crate::serve::App;

/// The operation with this name.
pub(super) fn find(name: &str) -> Option<TaggingOp> {
    TaggingOp::ALL.iter().copied().find(|op| Op::Tagging(*op).name() == name)
}

/// Runs an operation.
pub(super) async fn run(app: &App, operation: TaggingOp, signed: Signed) -> Result<Vec<u8>, Fault> {
    let read: FromJson<Identity> = match operation {
        TaggingOp::GetResources => read_json::<GetResourcesInput, Identity>,
        TaggingOp::GetTagKeys => read_json::<GetTagKeysInput, Identity>,
        TaggingOp::GetTagValues => read_json::<GetTagValuesInput, Identity>,
        TaggingOp::TagResources => {
            let TagResourcesInput { resource_arn_list, tags } = decode(&signed).await?;
            let failed_resources_map = change(app, &signed, resource_arn_list, TagChange::Set(tags)).await?;
            return written_json(&Answered::<TagResourcesInput>(TagResourcesOutput { failed_resources_map }));
        }
        TaggingOp::UntagResources => {
            let UntagResourcesInput { resource_arn_list, tag_keys } = decode(&signed).await?;
            let failed_resources_map =
                change(app, &signed, resource_arn_list, TagChange::Remove(tag_keys)).await?;
            return written_json(&Answered::<UntagResourcesInput>(UntagResourcesOutput {
                failed_resources_map,
            }));
        }
    };
    run_json(&*app.identity, (operation.into(), Some(read)), Fault::from, signed).await
}

async fn decode<T: Request + Send + 'static>(signed: &Signed) -> Result<T, Fault> {
    let body = signed.body.clone();
    Ok(offload::by_size(body.len(), move || json::decode::<T>(&body)).await.map_err(rules)??)
}

/// Changes the tags of each resource, and returns why some were not changed.
async fn change(
    app: &App,
    signed: &Signed,
    arns: Vec<String>,
    change: TagChange,
) -> Result<BTreeMap<String, FailureInfo>, Fault> {
    let Signed { ctx, region, .. } = signed;
    app.identity.may_change_tags(ctx, &change).await.map_err(rules)?;
    let mut failed = BTreeMap::new();
    for arn in arns {
        if let Err(fault) = change_one(app, ctx, region, &arn, change.clone()).await {
            failed.insert(arn, failure(fault));
        }
    }
    Ok(failed)
}

fn failure(fault: Fault) -> FailureInfo {
    if let Some(cause) = &fault.failure {
        tracing::warn!(cause, "tags of a resource were not changed");
    }
    FailureInfo {
        status_code: i32::from(fault.status.as_u16()),
        error_code: fault.code.into_owned(),
        error_message: fault.message,
    }
}

fn invalid(message: &'static str) -> Fault {
    Fault::new(StatusCode::BAD_REQUEST, "InvalidParameterException", message)
}

async fn change_one(
    app: &App,
    ctx: &Ctx,
    region: &Region,
    text: &str,
    change: TagChange,
) -> Result<(), Fault> {
    let arn: Arn = text.parse().map_err(|_| invalid("The ARN is not valid."))?;
    if arn.account_id().as_ref() != Some(&ctx.caller.account_id) {
        return Err(invalid("The resource is not in your account."));
    }
    match arn.service.as_str() {
        "ecr" => change_repository(app, ctx, region, text, change).await,
        "iam" => {
            let changed = app.identity.change_tags(ctx, &arn, change).await;
            changed.map_err(|error| match error.code {
                Code::InvalidParameter => rules(error),
                _ => Fault::rules(error, Dialect::Query),
            })
        }
        _ => Err(invalid("Resources of this service cannot have tags here.")),
    }
}

async fn change_repository(
    app: &App,
    ctx: &Ctx,
    region: &Region,
    arn: &str,
    change: TagChange,
) -> Result<(), Fault> {
    let resource_arn = arn.to_owned();
    let registry = app.registry_of(&ctx.caller.account_id, region).await.map_err(rules)?;
    let changed = match change {
        TagChange::Set(tags) => {
            let tags = tags.into_iter().map(|(key, value)| Tag { key, value }).collect();
            let input = TagResourceRequest { resource_arn, tags };
            input.validate()?;
            registry.answer(ctx, region, input).await.map(|_| ())
        }
        TagChange::Remove(tag_keys) => {
            let input = UntagResourceRequest { resource_arn, tag_keys };
            input.validate()?;
            registry.answer(ctx, region, input).await.map(|_| ())
        }
    };
    changed.map_err(rules)
}
