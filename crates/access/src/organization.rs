//! The only organization of a deployment: its IDs, created once.

use std::sync::{Arc, OnceLock};

use aws::ids::AccountId;
use meta::{FirstAccount, GetSetting, PutSettingOnce};
use serde::{Deserialize, Serialize};

use crate::Access;
use crate::authz::Gate;
use crate::effects::authority;
use crate::error::{Code, Error, Result};
use crate::op::Effect;
use crate::permit::{OnAccount, Permit, Store};
use crate::seal::SealError;
use crate::store::StoreResultExt as _;

const SETTING: &str = "organization";
const MANAGEMENT: &str = "management-account";

/// The organization of every account of the deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// `o-` and ten characters (`aws:PrincipalOrgID`).
    pub id: Arc<str>,
    /// `r-` and four characters: the root of the tree of accounts.
    pub root_id: String,
    #[serde(skip)]
    path: OnceLock<Arc<str>>,
}

impl Organization {
    /// The path of an account in these units (`aws:PrincipalOrgPaths`). Accounts in the root have no units.
    pub fn path(&self, unit_path: &str) -> Arc<str> {
        let root = self.path.get_or_init(|| format!("{}/{}/", self.id, self.root_id).into());
        if unit_path.is_empty() { Arc::clone(root) } else { format!("{root}{unit_path}").into() }
    }

    /// A new ID of an organizational unit.
    pub fn new_unit_id(&self) -> Result<String> {
        Ok(format!("ou-{}-{}", self.root_id.trim_start_matches("r-"), random(8)?))
    }

    /// The deployment's organization; created on the first start.
    pub(crate) async fn open(store: &Store) -> Result<Self> {
        let (id, root_id) = (format!("o-{}", random(10)?).into(), format!("r-{}", random(4)?));
        let fresh = Self { id, root_id, path: OnceLock::new() };
        let value = serde_json::to_vec(&fresh).map_err(Error::internal)?;
        let put = PutSettingOnce { name: SETTING.to_owned(), value };
        let permit = Permit::for_opening(authority::RecordOrganization, store);
        let kept = permit.write(|()| put).await.or_store_error()?;
        serde_json::from_slice(&kept).map_err(Error::internal)
    }
}

/// The management account: the first account of the deployment. It is recorded once, so a wrong clock later cannot make
/// another account the first. None before there is an account.
async fn management_account(permit: &Permit<authority::RecordOrganization>) -> Result<Option<AccountId>> {
    let kept = permit.read(|()| GetSetting { name: MANAGEMENT.to_owned() }).await?;
    let kept = if let Some(kept) = kept {
        kept
    } else {
        let Some(first) = permit.read(|()| FirstAccount).await? else { return Ok(None) };
        let put = PutSettingOnce { name: MANAGEMENT.to_owned(), value: first.as_str().as_bytes().to_vec() };
        permit.write(|()| put).await.or_store_error()?
    };
    let text = String::from_utf8(kept).map_err(Error::internal)?;
    text.parse().map(Some).map_err(Error::internal)
}

impl Access {
    /// The management account: the first account of the deployment.
    pub async fn management_account(&self) -> Result<AccountId> {
        if let Some(known) = self.management.get() {
            return Ok(known.clone());
        }
        let permit = Permit::for_service(authority::RecordOrganization, self);
        let found = management_account(&permit).await?.ok_or_else(|| {
            Error::new(
                Code::Unavailable,
                "This deployment has no account yet, so no management account either.",
            )
        })?;
        Ok(self.management.get_or_init(|| found).clone())
    }

    /// Decides on an operation that only the management account may call.
    pub async fn manages<E: Effect<On = OnAccount>>(
        &self,
        gate: &Gate,
        resource: &str,
        keys: policy::Context,
    ) -> Result<Permit<E>> {
        let management = self.management_account().await?;
        gate.permit_if(resource, resource, keys, &|| {
            if gate.caller().account_id == management {
                return Ok(());
            }
            Err(Error::new(Code::AccessDenied, "You don't have permissions to access this resource."))
        })
    }
}

/// Lower-case letters and digits (Organizations API reference, `OrganizationId`).
fn random(count: usize) -> Result<String> {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bytes = vec![0_u8; count];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::internal(SealError::Failed))?;
    let characters = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 31)));
    Ok(characters.copied().map(char::from).collect())
}
