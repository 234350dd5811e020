//! Settings of repositories that are replicated with their images, if the registry asks for it: tag mutability, scanning,
//! policies and resource tags. Each has the time of its last change, and the destination keeps what was changed later
//! there. A destination in another account or of a peer takes only what it asks for, too.

use access::authz::Permit;
use access::context::{Ctx, RepositoryRef, micros};
use access::error::{Error, Result};
use access::op::ecr;
use access::peer::PeerRequest;
use access::store::{
    ArrivedSetting, EndSettingsReplication, FindRepositorySettings, LIFECYCLE_EXTENSIONS, ListDueSettings,
    Mutability, PutReplicatedSettings, RefusedExt as _, RepositorySettings, Setting, SettingKind,
    SettingValue, SettingsEnd, SettingsItem, StoreResultExt as _, Target,
};
use aws::ids::AccountId;
use jiff::Timestamp;
use policy::{Document, PolicyError, Use};

use super::{Authority, Route, failure_code, is_ruled, retry};
use crate::Registry;
use crate::lifecycle_policy::parsed;
use crate::policy_text::{CheckedPolicy, refused, shown};
use crate::registry_settings::account_setting::{is_enabled, of_repository};

/// Repositories whose settings go to a destination in one pass.
const REPOSITORIES: usize = 50;
/// The limits of the API for exclusion filters.
const MOST_FILTERS: usize = 5;
const LONGEST_FILTER: usize = 128;

/// The destination, in another account or another deployment, does not take a setting: its own setting is not enabled.
const NOT_ACCEPTED: &str = "SettingsNotAccepted";

/// The kind of policies that are replicated.
const KIND: &str = "repository";

/// Where settings come from.
#[derive(Clone, Copy)]
pub(super) enum Origin<'a> {
    /// An account of this deployment.
    Account(&'a AccountId),
    /// A peer. It acts as an account here, but it is another deployment: also that account has to agree.
    Peer(&'a PeerRequest),
}

impl Origin<'_> {
    fn is(self, account: &AccountId) -> bool {
        matches!(self, Self::Account(from) if from == account)
    }

    /// The text of a policy with the IDs that accounts have in this deployment.
    fn policy_here(self, text: String) -> Result<String> {
        let Self::Peer(asked) = self else { return Ok(text) };
        let invalid = |error: PolicyError| refused(KIND, &error.to_string());
        let mut document = Document::parse(&text).map_err(invalid)?;
        let here = |theirs: &str| asked.account_here(theirs).map(ToString::to_string);
        document.translate_accounts(here).map_err(invalid)?;
        Ok(document.to_json())
    }
}

/// The settings of a repository that are due for a destination.
pub(super) async fn due(
    permit: &Permit<Authority>,
    destination: i64,
    now: Timestamp,
) -> Result<Vec<SettingsItem>> {
    permit.read(|()| ListDueSettings { destination, now: micros(now), limit: REPOSITORIES }).await
}

/// The settings of a repository as they are sent: principals of policies by ARN. None: there is nothing to send, or no rule
/// for it any more.
pub(super) async fn read(
    permit: &Permit<Authority>,
    item: &SettingsItem,
) -> Result<Option<RepositorySettings>> {
    let repository = item.source;
    if !is_ruled(permit, (repository, item.destination), false).await? {
        return Ok(None);
    }
    let Some(mut found) = permit.read(|()| FindRepositorySettings { repository }).await? else {
        return Ok(None);
    };
    for setting in found.settings.iter_mut().filter(|setting| setting.kind == SettingKind::Policy) {
        if let Some(document) = &setting.value {
            setting.value = Some(shown(permit, document).await?);
        }
    }
    Ok(Some(found).filter(|found| !found.settings.is_empty()))
}

/// Ends an item. `refused` are the codes of the settings that the destination did not take.
pub(super) async fn end(
    permit: &Permit<Authority>,
    item: SettingsItem,
    outcome: Result<Vec<String>>,
    now: Timestamp,
) -> Result<()> {
    let at = micros(now);
    let (repository, destination) = (item.source, item.destination);
    let end = match outcome {
        Ok(refused) => match refused.into_iter().next() {
            None => SettingsEnd::Complete,
            Some(code) => {
                tracing::warn!(
                    ?repository,
                    destination,
                    code,
                    "the settings of a repository are not replicated"
                );
                SettingsEnd::Failed { code, retry_at: retry::refused_at(item.attempts, item.queued_at, at) }
            }
        },
        Err(error) if retry::is_transient(&error) => {
            tracing::warn!(?repository, destination, %error, "the settings of a repository are sent again");
            SettingsEnd::Retry(retry::again_at(item.attempts, at))
        }
        Err(error) => {
            tracing::warn!(?repository, destination, %error, "the settings of a repository are not replicated");
            let retry_at = retry::refused_at(item.attempts, item.queued_at, at);
            SettingsEnd::Failed { code: failure_code(&error), retry_at }
        }
    };
    permit.write(|()| EndSettingsReplication { item, end }).await.or_store_error()
}

impl Registry {
    /// Replicates the settings that are due for a destination in this deployment; returns how many repositories had some.
    pub(super) async fn replicate_settings(
        &self,
        permit: &Permit<Authority>,
        route: &Route,
        now: Timestamp,
    ) -> Result<usize> {
        let items = due(permit, route.destination.id, now).await?;
        let count = items.len();
        for item in items {
            let outcome = self.replicate_settings_of(permit, route, &item).await;
            end(permit, item, outcome, now).await?;
        }
        Ok(count)
    }

    async fn replicate_settings_of(
        &self,
        permit: &Permit<Authority>,
        route: &Route,
        item: &SettingsItem,
    ) -> Result<Vec<String>> {
        let Some(RepositorySettings { name, settings }) = read(permit, item).await? else {
            return Ok(Vec::new());
        };
        let (ctx, to) = (route.request()?, route.repository(name.as_str())?);
        let origin = Origin::Account(&route.destination.source_account_id);
        self.apply_settings(&ctx, origin, &to, settings).await
    }

    /// Applies settings that have arrived. Returns a code for each that was not taken.
    pub(super) async fn apply_settings(
        &self,
        ctx: &Ctx,
        origin: Origin<'_>,
        to: &RepositoryRef,
        settings: Vec<Setting>,
    ) -> Result<Vec<String>> {
        let gate = self.access.gate(ctx, to, Target::None).await?;
        let permit: Permit<ecr::ReplicateImage> =
            self.permit_or_create(ctx, (to, &gate), "REPLICATION").await?;
        let (mut arrived, mut refused) = (Vec::new(), Vec::new());
        for setting in settings {
            let (kind, changed_at) = (setting.kind, setting.changed_at);
            if !origin.is(&to.account_id) {
                let option = permit.read(of_repository(kind.option())).await?;
                if !is_enabled(option.as_deref()) {
                    refused.push(NOT_ACCEPTED.to_owned());
                    continue;
                }
            }
            match checked(&permit, origin, setting).await {
                Ok(value) => arrived.push(ArrivedSetting { changed_at, value }),
                Err(error) if retry::is_transient(&error) => return Err(error),
                Err(error) => {
                    tracing::info!(repository = %to.arn(), ?kind, %error, "a replicated setting is not valid here");
                    refused.push(not_valid(kind).to_owned());
                }
            }
        }
        if !arrived.is_empty() {
            let put = |repository| PutReplicatedSettings { repository, settings: arrived, at: ctx.at() };
            permit.write(put).await.or_refused(|_gone| permit.repository_not_found())?;
        }
        Ok(refused)
    }
}

/// The code of a setting that is not valid at the destination: a policy that names a principal which does not exist there,
/// for example.
const fn not_valid(kind: SettingKind) -> &'static str {
    match kind {
        SettingKind::Policy => "InvalidRepositoryPolicy",
        SettingKind::LifecyclePolicy => "InvalidLifecyclePolicy",
        SettingKind::Tags => "InvalidTags",
        SettingKind::TagMutability | SettingKind::Scanning => "InvalidSetting",
    }
}

/// Reads the value of a setting, by the rules of the operation that sets it.
async fn checked(
    permit: &Permit<ecr::ReplicateImage>,
    origin: Origin<'_>,
    setting: Setting,
) -> Result<SettingValue> {
    let invalid = || Error::invalid_parameter("setting", "its value is not valid");
    let kind = setting.kind;
    let text = match (kind, setting.value) {
        (SettingKind::Policy, None) => return Ok(SettingValue::Policy(None)),
        (SettingKind::LifecyclePolicy, None) => return Ok(SettingValue::LifecyclePolicy(None)),
        (_, value) => value.ok_or_else(invalid)?,
    };
    match kind {
        SettingKind::Policy => {
            let text = origin.policy_here(text)?;
            let policy = CheckedPolicy::new(permit, &text, (Use::Repository, KIND)).await?;
            Ok(SettingValue::Policy(Some(policy.stored())))
        }
        SettingKind::LifecyclePolicy => {
            let extensions = permit.read(of_repository(LIFECYCLE_EXTENSIONS)).await?;
            let policy = parsed(&text, extensions.as_deref())?;
            Ok(SettingValue::LifecyclePolicy(Some(policy.text().to_owned())))
        }
        SettingKind::Scanning => {
            serde_json::from_str(&text).map(SettingValue::Scanning).map_err(|_| invalid())
        }
        SettingKind::TagMutability => {
            let (name, filters) =
                serde_json::from_str::<(String, Vec<String>)>(&text).map_err(|_| invalid())?;
            let mutability: Mutability = name.parse().map_err(|_| invalid())?;
            let needs_filters = match mutability {
                Mutability::Mutable | Mutability::Immutable => false,
                Mutability::MutableWithExclusion | Mutability::ImmutableWithExclusion => true,
            };
            let are_filters = filters.len() <= MOST_FILTERS && filters.iter().all(|filter| is_filter(filter));
            if !are_filters || filters.is_empty() == needs_filters {
                return Err(invalid());
            }
            Ok(SettingValue::TagMutability(mutability, filters))
        }
        SettingKind::Tags => {
            let tags: Vec<(String, String)> = serde_json::from_str(&text).map_err(|_| invalid())?;
            let pairs = tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            aws::tag::check(pairs).map_err(|_| invalid())?;
            Ok(SettingValue::Tags(tags))
        }
    }
}

/// Whether the API accepts a text as an exclusion filter (`ImageTagMutabilityExclusionFilterValue`).
fn is_filter(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"._*-".contains(&byte);
    (1..=LONGEST_FILTER).contains(&text.len()) && text.bytes().all(is_part)
}
