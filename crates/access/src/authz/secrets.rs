//! The secrets that requests name: by name, by ARN, or by ARN without the six random characters. The gate finds a secret in
//! its own account and Region, and decides with the secret's resource policy.

use aws::service::Service;
use meta::{FindSecret, ListIamTags, Micros, Secret};

use super::documents::stored;
use super::resources::{Found, HasArn};
use super::{Gate, Named, keys};
use crate::error::Result;
use crate::op::Effect;
use crate::permit::sealed::Sealed;
use crate::permit::{Of, OnAccount, Permit};
use aws::ids::AccountId;

/// The random characters at the end of an ARN, after a hyphen.
const RANDOM: usize = 6;

impl Sealed for Secret {}

impl HasArn for Secret {
    fn arn(&self, _account_id: &AccountId) -> String {
        self.arn.clone()
    }

    fn id(&self) -> &str {
        &self.arn
    }
}

impl Gate {
    /// The ARN of a secret, with or without its random characters.
    pub fn secret_arn(&self, name: &str) -> String {
        let partition = self.region.partition();
        format!("arn:{partition}:secretsmanager:{}:{}:secret:{name}", self.region, self.account_id)
    }

    /// The secret that a request names.
    pub async fn find_secret(&self, id: &str, at: Micros) -> Result<Option<Found<Secret>>> {
        let Some(of_arn) = id.strip_prefix(&self.secret_arn("")) else {
            return self.secret_named(id, at).await;
        };
        // The whole ARN comes first: the name of another secret can end as the random characters of this one do.
        if let Some((name, _)) = of_arn.rsplit_once('-').filter(|(_, random)| random.len() == RANDOM)
            && let Some(found) = self.secret_named(name, at).await?
            && found.arn == id
        {
            return Ok(Some(found));
        }
        self.secret_named(of_arn, at).await
    }

    async fn secret_named(&self, name: &str, at: Micros) -> Result<Option<Found<Secret>>> {
        let (account_id, region) = (self.account_id.clone(), self.region.clone());
        let find = FindSecret { account_id, region, name: name.to_owned(), at };
        Ok(self.read(find).await?.map(Found::new))
    }

    /// Decides on an operation on a secret. Without one, the decision is on what the request names, and there is no permit.
    pub async fn permit_secret<E: Effect<On = OnAccount>>(
        &self,
        found: Option<&Found<Secret>>,
        id: &str,
        mut keys: policy::Context,
    ) -> Result<Option<Permit<Of<E>>>> {
        let shown = if id.starts_with("arn:") { id.to_owned() } else { self.secret_arn(id) };
        let arn = found.map_or(shown.as_str(), |found| found.arn.as_str());
        let mut policy: Option<Named> = None;
        if let Some(found) = found {
            let tags = self.read(ListIamTags { owner: found.arn.clone() }).await?;
            keys::add_resource_tags(&mut keys, Service::SecretsManager, &tags);
            if let Some(text) = &found.policy {
                policy = Some((policy::SourceName::new("secret policy"), stored("secret policy", text)?));
            }
        }
        self.decide_with((E::OP, arn), &shown, &self.context_of(E::OP, keys), policy.as_ref())?;
        Ok(found.map(|_| self.permit_of(arn, arn)))
    }
}
