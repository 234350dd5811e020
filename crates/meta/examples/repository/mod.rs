//! The repository that measurements create.

use meta::{CreateRepository, Micros, Mutability, OperationId, RegistryKey};

/// A repository with the usual settings.
pub(crate) fn repository(registry: RegistryKey, id: i64, name: String) -> CreateRepository {
    CreateRepository {
        registry,
        id,
        op: OperationId(format!("create {id}").into()),
        name,
        at: Micros(id),
        mutability: Mutability::Mutable,
        filters: Vec::new(),
        scan_on_push: false,
        encryption_type: "AES256".into(),
        kms_key: None,
        tags: Vec::new(),
        policy: None,
        lifecycle_policy: None,
        limit: i64::MAX,
    }
}
