//! Moves a repository to the registry of another account of the deployment.

use std::time::Duration;

use access::Access;
use access::context::{Ctx, RepositoryRef};
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::permit::Permit;
use access::store::{FindStoredBytes, MoveRepository, MoveRepositoryRefusal, RefusedExt as _, RepositoryRow};

use super::new_place;
use crate::registry_settings::registry_of;

/// How many images a repository may have that is moved: all its rows are written again in one transaction.
const MOST_IMAGES: u64 = 10_000;
/// How many rows they may have with their tags, history and layers.
const MOST_ROWS: i64 = 500_000;

/// Moves a repository. The other account decides about all that it brings.
pub(crate) async fn move_to(
    access: &Access,
    ctx: &Ctx,
    permit: &Permit<ecr::WharfMoveRepository>,
    (old, new): (&RepositoryRef, &RepositoryRef),
    redirect: Duration,
) -> Result<RepositoryRow> {
    let (destination, decided) = new_place::decide(access, ctx, permit, new).await?;
    let bytes = permit.read(|repository| FindStoredBytes { repository }).await?;
    let _held = access.hold_storage_of_move((old, new), bytes).await?;
    let registry = registry_of(access, ctx, &destination).await?.ok_or_else(|| {
        let why = format!("names no account of this deployment: {}", new.account_id);
        Error::invalid_parameter("newRegistryId", &why)
    })?;
    let moved = permit.write(|repository| MoveRepository {
        repository,
        registry,
        account_id: new.account_id.clone(),
        name: new.name.to_string(),
        redirect_until: ctx.at().plus(redirect),
        decided,
        images_limit: MOST_IMAGES,
        rows_limit: MOST_ROWS,
        limit: access.quotas().repositories_per_registry.limit(),
        at: ctx.at(),
    });
    moved.await.or_refused(|refusal| refused(access, permit, new, refusal))
}

fn refused(
    access: &Access,
    permit: &Permit<ecr::WharfMoveRepository>,
    new: &RepositoryRef,
    refusal: MoveRepositoryRefusal,
) -> Error {
    match refusal {
        MoveRepositoryRefusal::NotFound => permit.repository_not_found(),
        MoveRepositoryRefusal::SettingsChanged => new_place::settings_changed(),
        MoveRepositoryRefusal::NameTaken => Error::new(
            Code::RepositoryAlreadyExists,
            format!(
                "The repository with name '{}' already exists in the registry with id '{}'",
                new.name, new.account_id
            ),
        ),
        MoveRepositoryRefusal::Limit => access.quotas().repositories_per_registry.exceeded(),
        MoveRepositoryRefusal::TooManyImages => too_much(&format!("{MOST_IMAGES} images")),
        MoveRepositoryRefusal::TooManyRows => {
            too_much(&format!("{MOST_ROWS} tags, earlier tags, layers of images and other entries"))
        }
    }
}

fn too_much(most: &str) -> Error {
    let message = format!(
        "The repository has more than {most}, which is the most that moves to another account. Copy it with `wharf export` and `wharf import`"
    );
    Error::new(Code::LimitExceeded, message)
}
