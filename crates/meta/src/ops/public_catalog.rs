//! The catalog data of public repositories: what the gallery shows about a repository.

use oci::digest::Digest;

use crate::{
    CreateRepository, CreateRepositoryRefusal, Never, RepositoryGone, RepositoryKey, RepositoryRow,
    StoreError, Tx,
    ops::{
        operation,
        repository::{Hold, hold},
    },
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// The catalog data of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogData {
    pub description: Option<String>,
    pub architectures: Vec<String>,
    pub operating_systems: Vec<String>,
    pub about_text: Option<String>,
    pub usage_text: Option<String>,
    /// The digest of the logo.
    pub logo: Option<Digest>,
}

/// A logo with its digest.
#[derive(Clone, Debug)]
pub struct Logo {
    pub bytes: Vec<u8>,
    pub digest: Digest,
}

impl CatalogData {
    fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Self {
            description: row.take()?,
            architectures: read_list(&row.take::<String>()?)?,
            operating_systems: read_list(&row.take::<String>()?)?,
            about_text: row.take()?,
            usage_text: row.take()?,
            logo: row.take()?,
        })
    }
}

fn read_list(json: &str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(json).map_err(|_| StoreError::Corrupt("catalog data"))
}

fn write_list(list: &[String]) -> Result<String, StoreError> {
    serde_json::to_string(list).map_err(|_| StoreError::Bug("a list cannot be written as JSON"))
}

async fn put(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    data: &CatalogData,
    logo: Option<&Logo>,
) -> Result<(), StoreError> {
    // A request without a logo keeps the logo: DescribeRepositories gives only its URL, so a client cannot repeat it.
    let upsert = "INSERT INTO repository_catalog_data (registry, repository, description, architectures, \
            operating_systems, about_text, usage_text, logo, logo_digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
        ON CONFLICT (registry, repository) DO UPDATE SET description = excluded.description, \
            architectures = excluded.architectures, operating_systems = excluded.operating_systems, \
            about_text = excluded.about_text, usage_text = excluded.usage_text, \
            logo = COALESCE(excluded.logo, repository_catalog_data.logo), \
            logo_digest = COALESCE(excluded.logo_digest, repository_catalog_data.logo_digest)";
    let (architectures, systems) = (write_list(&data.architectures)?, write_list(&data.operating_systems)?);
    let (bytes, digest) = (logo.map(|logo| logo.bytes.clone()), logo.map(|logo| logo.digest));
    let RepositoryKey { registry, id } = repository;
    let values = params![
        registry,
        id,
        data.description,
        architectures,
        systems,
        data.about_text,
        data.usage_text,
        bytes,
        digest
    ];
    tx.execute(upsert, &values).await.map(|_| ())
}

async fn get(tx: &mut Tx<'_>, repository: RepositoryKey) -> Result<Option<CatalogData>, StoreError> {
    let select = "SELECT description, architectures, operating_systems, about_text, usage_text, logo_digest \
                  FROM repository_catalog_data WHERE registry = ?1 AND repository = ?2";
    let row = tx.row(select, &params![repository.registry, repository.id]).await?;
    row.map(|mut row| CatalogData::read(&mut row)).transpose()
}

/// Creates a public repository with its catalog data.
#[derive(Clone, Debug)]
pub struct CreatePublicRepository {
    pub repository: CreateRepository,
    pub catalog: Option<CatalogData>,
    pub logo: Option<Logo>,
}

impl CreatePublicRepository {
    fn key(&self) -> RepositoryKey {
        RepositoryKey { registry: self.repository.registry, id: self.repository.id }
    }
}

operation!(CreatePublicRepository: Durable [Repository(op.key())] -> RepositoryRow, CreateRepositoryRefusal, |op, tx| {
    let row = match op.repository.run(tx).await? {
        Ok(row) => row,
        Err(exists) => return Ok(Err(exists)),
    };
    if let Some(catalog) = &op.catalog {
        put(tx, row.key, catalog, op.logo.as_ref()).await?;
    }
    Ok(Ok(row))
});

/// Replaces the catalog data of a repository; returns what is stored. Without a logo, the stored logo stays.
#[derive(Clone, Debug)]
pub struct PutCatalogData {
    pub repository: RepositoryKey,
    pub catalog: CatalogData,
    pub logo: Option<Logo>,
}

operation!(PutCatalogData: Durable [] -> CatalogData, RepositoryGone, |op, tx| {
    if hold(tx, op.repository, Hold::Change).await?.is_none() {
        return Ok(Err(RepositoryGone));
    }
    put(tx, op.repository, &op.catalog, op.logo.as_ref()).await?;
    Ok(Ok(get(tx, op.repository).await?.unwrap_or_default()))
});

/// Reads the catalog data of a repository.
#[derive(Clone, Debug)]
pub struct GetCatalogData {
    pub repository: RepositoryKey,
}

operation!(GetCatalogData: Point -> Option<CatalogData>, Never, |op, tx| {
    Ok(Ok(get(tx, op.repository).await?))
});

/// Reads the logo of a repository.
#[derive(Clone, Debug)]
pub struct GetLogo {
    pub repository: RepositoryKey,
}

operation!(GetLogo: Point -> Option<Vec<u8>>, Never, |op, tx| {
    let select = "SELECT logo FROM repository_catalog_data WHERE registry = ?1 AND repository = ?2 AND logo IS NOT NULL";
    Ok(Ok(tx.value(select, &params![op.repository.registry, op.repository.id]).await?))
});
