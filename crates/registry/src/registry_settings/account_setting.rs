//! The account's settings in a Region.

use access::Access;
use access::context::Ctx;
use access::error::{Error, Result};
use access::op::ecr;
use access::permit::Permit;
use access::store::{
    CREATE_ON_PUSH, GetAccountSetting, LAST_WRITER, LIFECYCLE_EXTENSIONS, PutAccountSetting,
    REPLICATE_LIFECYCLE, REPLICATE_POLICIES, REPLICATE_REFERRERS, REPLICATE_SETTINGS, REPLICATE_TAGS,
    RegistryKey, RepositoryKey, SPARSE_IMAGES, StoreResultExt as _,
};

use super::own_registry;

pub(super) const SCOPE: &str = "REGISTRY_POLICY_SCOPE";
pub(crate) const BLOB_MOUNTING: &str = "BLOB_MOUNTING";

/// The settings with their values; the first value is the default. New registries have scope V2 (ECR User Guide,
/// "Private registry permissions"). Mounts are enabled by default, as the specification says; ECR disables them by
/// default. The last nine are settings of Wharf only.
const SETTINGS: [(&str, &[&str]); 12] = [
    ("BASIC_SCAN_TYPE_VERSION", &["AWS_NATIVE", "CLAIR"]),
    (SCOPE, &["V2", "V1"]),
    (BLOB_MOUNTING, &["ENABLED", "DISABLED"]),
    (SPARSE_IMAGES, &["DISABLED", "ENABLED"]),
    (LIFECYCLE_EXTENSIONS, &["DISABLED", "ENABLED"]),
    (CREATE_ON_PUSH, &["DISABLED", "ENABLED"]),
    (LAST_WRITER, &["DISABLED", "ENABLED"]),
    (REPLICATE_SETTINGS, &["DISABLED", "ENABLED"]),
    (REPLICATE_POLICIES, &["DISABLED", "ENABLED"]),
    (REPLICATE_LIFECYCLE, &["DISABLED", "ENABLED"]),
    (REPLICATE_TAGS, &["DISABLED", "ENABLED"]),
    (REPLICATE_REFERRERS, &["DISABLED", "ENABLED"]),
];

/// Reads a setting of a registry. None: it was never set.
pub(crate) fn of_registry(registry: RegistryKey, name: &str) -> GetAccountSetting {
    GetAccountSetting { registry, name: name.to_owned() }
}

/// The same for the registry of a repository.
pub(crate) fn of_repository(name: &str) -> impl FnOnce(RepositoryKey) -> GetAccountSetting {
    move |repository| of_registry(repository.registry, name)
}

/// Whether the value switches something on that is off by default.
pub(crate) fn is_enabled(value: Option<&str>) -> bool {
    value == Some("ENABLED")
}

/// The value of a setting, or its default if it was never set.
pub(crate) async fn get(permit: &Permit<ecr::GetAccountSetting>, name: &str) -> Result<String> {
    let default = *values_of(name)?.first().unwrap_or(&"");
    let value = match permit.registry() {
        Some(registry) => permit.read(|_| of_registry(registry.key, name)).await?,
        None => None,
    };
    Ok(value.unwrap_or_else(|| default.to_owned()))
}

/// Changes a setting. It applies from the next request on.
pub(crate) async fn put(
    access: &Access,
    ctx: &Ctx,
    permit: &Permit<ecr::PutAccountSetting>,
    (name, value): (String, String),
) -> Result<()> {
    let values = values_of(&name)?;
    if !values.contains(&value.as_str()) {
        let rule = format!("Member must satisfy enum value set: [{}]", values.join(", "));
        return Err(Error::invalid_parameter("value", &rule));
    }
    let registry = own_registry(access, ctx, permit).await?;
    permit.write(|_| PutAccountSetting { registry, name, value }).await.or_store_error()
}

fn values_of(name: &str) -> Result<&'static [&'static str]> {
    let known = SETTINGS.iter().find(|(known, _)| *known == name);
    known.map(|(_, values)| *values).ok_or_else(|| {
        let names: Vec<&str> = SETTINGS.iter().map(|(name, _)| *name).collect();
        Error::invalid_parameter(
            "name",
            &format!("Member must satisfy enum value set: [{}]", names.join(", ")),
        )
    })
}
