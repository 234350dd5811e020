//! Create on push: a push to a name without a repository creates it, if a repository creation template for
//! `CREATE_ON_PUSH` matches the name, or if the registry's setting `WHARF_CREATE_ON_PUSH` is `ENABLED`.

use access::authz::{Gate, Permits};
use access::context::{Ctx, RepositoryRef};
use access::error::{Code, Result};
use access::store::{FindCreation, Target};

use crate::Registry;
use crate::registry_settings::account_setting::is_enabled;

impl Registry {
    /// The permits of a request that pushes. A caller that may not push learns neither whether the repository exists nor
    /// whether it would be created.
    pub(crate) async fn permits_to_push<P: Permits>(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        target: Target,
    ) -> Result<P> {
        let gate = self.access.gate(ctx, repository, target.clone()).await?;
        match gate.permits::<P>() {
            Err(error) if error.code == Code::RepositoryNotFound => {
                let error = self.refuse_push_to_old_name::<P>(ctx, repository, &gate, error).await?;
                if !self.create_on_push(ctx, repository, &gate).await? {
                    return Err(error);
                }
                self.access.gate(ctx, repository, target).await?.permits::<P>()
            }
            permits => permits,
        }
    }

    /// Creates the repository, if the registry creates repositories on push.
    async fn create_on_push(&self, ctx: &Ctx, repository: &RepositoryRef, gate: &Gate) -> Result<bool> {
        let Some(registry) = gate.registry() else { return Ok(false) };
        let name = repository.name.to_string();
        let creation = gate.read(FindCreation { registry, name, applied_for: "CREATE_ON_PUSH" }).await?;
        let is_enabled = is_enabled(creation.create_on_push.as_deref());
        let template = creation.template.map(|row| row.template);
        if template.is_none() && !is_enabled {
            return Ok(false);
        }
        self.create_from_template(ctx, (repository, gate), template).await?;
        Ok(true)
    }
}
