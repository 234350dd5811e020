//! GetRepositoryCatalogData, PutRepositoryCatalogData, and the logo that they name by its URL.

use access::context::{Ctx, RepositoryRef};
use access::error::{Code, Error, Result};
use access::op::{ecr, ecr_public};
use access::store::{CatalogData, GetCatalogData, GetLogo, Logo, PutCatalogData, RefusedExt as _, Target};
use aws::ecr_public::{
    GetRepositoryCatalogDataRequest, GetRepositoryCatalogDataResponse, PutRepositoryCatalogDataRequest,
    PutRepositoryCatalogDataResponse, RepositoryCatalogData, RepositoryCatalogDataInput,
};
use aws::ids::Region;
use oci::digest::{Algorithm, Digest};

use crate::Registry;
use crate::ecr::repository_of;

/// The start of the paths of logos. The alias and the name of the repository follow.
pub const LOGO_PREFIX: &str = "/wharf/logos/";

/// Catalog data of a request, with the logo.
pub(super) struct NewCatalog {
    pub(super) data: CatalogData,
    pub(super) logo: Option<Logo>,
}

impl From<RepositoryCatalogDataInput> for NewCatalog {
    fn from(input: RepositoryCatalogDataInput) -> Self {
        let bytes = Some(input.logo_image_blob).filter(|bytes| !bytes.is_empty());
        let logo = bytes.map(|bytes| Logo { digest: Digest::of(Algorithm::Sha256, &bytes), bytes });
        let data = CatalogData {
            description: input.description,
            architectures: input.architectures,
            operating_systems: input.operating_systems,
            about_text: input.about_text,
            usage_text: input.usage_text,
            logo: logo.as_ref().map(|logo| logo.digest),
        };
        Self { data, logo }
    }
}

/// Catalog data in the API's shape.
pub(super) fn shape(data: CatalogData, logo_url: &str) -> RepositoryCatalogData {
    RepositoryCatalogData {
        description: data.description,
        architectures: data.architectures,
        operating_systems: data.operating_systems,
        // The digest makes the URL of another logo another one.
        logo_url: data.logo.map(|digest| format!("{logo_url}?digest={digest}")),
        about_text: data.about_text,
        usage_text: data.usage_text,
        marketplace_certified: Some(false),
    }
}

impl Registry {
    /// The catalog data; empty if none was ever put, as for a repository that is created without it.
    pub async fn get_repository_catalog_data(
        &self,
        ctx: &Ctx,
        public: &Region,
        input: GetRepositoryCatalogDataRequest,
    ) -> Result<GetRepositoryCatalogDataResponse> {
        let registry_id = self.registry_id(input.registry_id).await?;
        let repository = repository_of(ctx, public, registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr_public::GetRepositoryCatalogData>()?;
        let data = permit.read(|repository| GetCatalogData { repository }).await?.unwrap_or_default();
        let catalog_data = shape(data, &self.logo_url_of(&repository).await?);
        Ok(GetRepositoryCatalogDataResponse { catalog_data: Some(catalog_data) })
    }

    /// Replaces the catalog data. Without a logo in the request, the stored one stays.
    pub async fn put_repository_catalog_data(
        &self,
        ctx: &Ctx,
        public: &Region,
        input: PutRepositoryCatalogDataRequest,
    ) -> Result<PutRepositoryCatalogDataResponse> {
        let registry_id = self.registry_id(input.registry_id).await?;
        let repository = repository_of(ctx, public, registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr_public::PutRepositoryCatalogData>()?;
        let NewCatalog { data: catalog, logo } = input.catalog_data.into();
        let put = permit.write(|repository| PutCatalogData { repository, catalog, logo });
        let data = put.await.or_refused(|_gone| permit.repository_not_found())?;
        let catalog_data = shape(data, &self.logo_url_of(&repository).await?);
        Ok(PutRepositoryCatalogDataResponse { catalog_data: Some(catalog_data) })
    }

    /// The bytes of a repository's logo, for everyone who can pull its images.
    pub async fn logo(&self, ctx: &Ctx, repository: &RepositoryRef) -> Result<Vec<u8>> {
        let gate = self.access.gate(ctx, repository, Target::None).await?;
        let permit = gate.permit::<ecr::BatchGetImage>()?;
        let logo = permit.read(|repository| GetLogo { repository }).await?;
        logo.ok_or_else(|| {
            Error::new(Code::RepositoryCatalogDataNotFound, "The repository has no logo in its catalog data.")
        })
    }

    async fn logo_url_of(&self, repository: &RepositoryRef) -> Result<String> {
        let alias = self.access.alias_of(&repository.account_id).await?.unwrap_or_default();
        Ok(self.logo_url(&alias, repository.name.as_str()))
    }

    pub(super) fn logo_url(&self, alias: &str, name: &str) -> String {
        format!("{}{LOGO_PREFIX}{alias}/{name}", self.access.settings.address.endpoint())
    }
}
