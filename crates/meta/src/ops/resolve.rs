//! Resolve: the single read of a data-plane request. One statement returns the registry, the repository, what the path
//! names in it, and the versions of everything that decides about the caller.

use std::sync::Arc;

use aws::ids::{AccessKeyId, AccountId, Region};

use crate::{
    Never, StoreError,
    ops::{
        blob::{BlobRow, blob_columns},
        image::{ImageRow, image_columns},
        operation,
        registry::{Registry, registry_columns},
        repository::{RepositoryRow, repository_columns},
        target::{Found, Target},
        upload::{UploadRow, upload_columns},
    },
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// The caller, as its token names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CallerRef {
    /// Unique ID of the principal whose policies decide.
    pub unique_id: String,
    /// The long-term key that must still be active; None for a role's session, which does not depend on keys.
    pub access_key_id: Option<AccessKeyId>,
}

/// What is true of the caller now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerState {
    /// The version of the principal; cached policies and callers are used only at exactly this version.
    pub version: i64,
    /// IAM path, as it is now: users can be renamed.
    pub path: String,
    /// Name, as it is now.
    pub name: String,
    /// `ACTIVE`, unless the principal's account was closed.
    pub account_status: String,
    /// Whether its account is in the organization.
    pub in_organization: bool,
    /// The units that its account is in, from the root on, each followed by a slash; empty in the root.
    pub unit_path: String,
    /// Whether the access key exists, belongs to the principal and is active; true if none was given.
    pub access_key_active: bool,
}

impl CallerState {
    pub(crate) const COLUMNS: usize = 7;

    pub(crate) fn read(row: &mut Row, needs_no_key: bool) -> Result<Self, StoreError> {
        Ok(Self {
            version: row.take()?,
            path: row.take()?,
            name: row.take()?,
            account_status: row.take()?,
            in_organization: row.take()?,
            unit_path: row.take()?,
            access_key_active: row.take::<Option<bool>>()?.unwrap_or(needs_no_key),
        })
    }

    /// Whether the principal, its account and its access key are active.
    pub fn is_active(&self) -> bool {
        self.access_key_active && self.account_status == "ACTIVE"
    }
}

/// Reads everything that the decision on a data-plane request needs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Resolve {
    /// The registry's account.
    pub account_id: AccountId,
    /// The registry's region.
    pub region: Region,
    /// The repository's name.
    pub repository: Option<String>,
    /// What is named in it.
    pub target: Target,
    /// Who asks.
    pub caller: Option<CallerRef>,
}

/// The result, all from the same time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    pub basis: Arc<Basis>,
    /// What the request names in the repository; None if it names nothing, or the repository does not have it.
    pub found: Option<Arc<Found>>,
}

/// What decides about a request, whatever it names in the repository. A closed account has no registries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Basis {
    /// Whether the registry's account exists and is not closed.
    pub account_is_open: bool,
    /// Whether the registry's account is in the organization, even if there is no registry yet.
    pub account_in_organization: bool,
    /// The units that the registry's account is in, as in [`CallerState`].
    pub account_unit_path: String,
    pub registry: Option<Registry>,
    pub repository: Option<Arc<RepositoryRow>>,
    /// The caller; None if none was given or the principal does not exist.
    pub caller: Option<CallerState>,
}

impl Resolved {
    /// The image, for a tag or a digest.
    pub fn image(&self) -> Option<&ImageRow> {
        match self.found.as_deref()? {
            Found::Image(image) => Some(image),
            Found::Blob(_) | Found::Upload(_) => None,
        }
    }

    pub fn blob(&self) -> Option<&BlobRow> {
        match self.found.as_deref()? {
            Found::Blob(blob) => Some(blob),
            Found::Image(_) | Found::Upload(_) => None,
        }
    }

    pub fn upload(&self) -> Option<&UploadRow> {
        match self.found.as_deref()? {
            Found::Upload(upload) => Some(upload),
            Found::Image(_) | Found::Blob(_) => None,
        }
    }
}

/// The statement for one kind of target: its columns and its joins on `repository r` and parameter `?6`.
macro_rules! resolve {
    ($columns:expr, $joins:expr) => {
        concat!(
            "SELECT a.in_organization, a.unit_path, ",
            registry_columns!(),
            ", ",
            repository_columns!(),
            ", c.version, c.path, c.name, ca.status, ca.in_organization, ca.unit_path, k.active",
            $columns,
            " FROM (SELECT 1 AS one) always \
             LEFT JOIN account a ON a.account_id = ?1 AND a.status = 'ACTIVE' \
             LEFT JOIN registry g ON g.account = a.key AND g.region = ?2 \
             LEFT JOIN repository r ON r.registry = g.key AND r.name = ?3 AND r.deleted_at IS NULL \
             LEFT JOIN principal c ON c.unique_id = ?4 \
             LEFT JOIN account ca ON ca.key = c.account \
             LEFT JOIN access_key k ON k.id = ?5 AND k.owner = c.unique_id",
            $joins
        )
    };
}

impl Target {
    fn statement(&self) -> &'static str {
        match self {
            Self::None => resolve!("", ""),
            Self::Tag(_) => resolve!(
                concat!(", ", image_columns!()),
                " LEFT JOIN tag t ON t.registry = r.registry AND t.repository = r.id AND t.name = ?6 \
                  LEFT JOIN image i ON i.registry = t.registry AND i.repository = t.repository AND i.id = t.image"
            ),
            Self::Digest(_) => resolve!(
                concat!(", ", image_columns!()),
                " LEFT JOIN image i ON i.registry = r.registry AND i.repository = r.id AND i.digest = ?6"
            ),
            Self::Blob(_) => resolve!(
                concat!(", ", blob_columns!()),
                " LEFT JOIN blob_link l ON l.registry = r.registry AND l.repository = r.id AND l.digest = ?6 \
                  LEFT JOIN object o ON o.id = l.object"
            ),
            Self::Upload(_) => resolve!(
                concat!(", ", upload_columns!()),
                " LEFT JOIN upload u ON u.registry = r.registry AND u.repository = r.id AND u.id = ?6"
            ),
        }
    }
}

operation!(Resolve: Point -> Resolved, Never, |op, tx| {
    let unique_id = op.caller.as_ref().map(|caller| caller.unique_id.as_str());
    let access_key = op.caller.as_ref().and_then(|caller| caller.access_key_id.as_ref());
    let mut values = params![op.account_id, op.region, op.repository, unique_id, access_key].to_vec();
    values.extend(op.target.param());
    let mut row = tx.row(op.target.statement(), &values).await?.ok_or(StoreError::Bug("no row from one row"))?;
    let in_organization = row.take::<Option<bool>>()?;
    let mut basis = Basis {
        account_is_open: in_organization.is_some(),
        account_in_organization: in_organization.unwrap_or(false),
        account_unit_path: row.take::<Option<String>>()?.unwrap_or_default(),
        registry: row.take_joined(Registry::COLUMNS, Registry::read)?,
        repository: row.take_joined(RepositoryRow::COLUMNS, RepositoryRow::read)?.map(Arc::new),
        caller: None,
    };
    basis.caller = row.take_joined(CallerState::COLUMNS, |row| CallerState::read(row, access_key.is_none()))?;
    let found = op.target.read(&mut row)?.map(Arc::new);
    Ok(Ok(Resolved { basis: Arc::new(basis), found }))
});
