//! How a registry has its images scanned, and the scans of images.

use crate::{
    ImageId, Micros, Never, RegistryKey, RepositoryKey, StoreError,
    ops::{
        operation,
        repository::{Hold, hold},
    },
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// The scanning configuration of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanningConfiguration {
    /// `BASIC` or `ENHANCED`.
    pub scan_type: String,
    /// JSON.
    pub rules: String,
}

/// Reads the configuration of a registry.
#[derive(Clone, Debug)]
pub struct GetScanningConfiguration {
    pub registry: RegistryKey,
}

operation!(GetScanningConfiguration: Point -> Option<ScanningConfiguration>, Never, |op, tx| {
    let select = "SELECT scan_type, rules FROM scanning_configuration WHERE registry = ?1";
    let Some(mut row) = tx.row(select, &params![op.registry]).await? else { return Ok(Ok(None)) };
    Ok(Ok(Some(ScanningConfiguration { scan_type: row.take()?, rules: row.take()? })))
});

/// Writes the configuration of a registry.
#[derive(Clone, Debug)]
pub struct PutScanningConfiguration {
    pub registry: RegistryKey,
    pub configuration: ScanningConfiguration,
}

operation!(PutScanningConfiguration: Durable [] -> (), Never, |op, tx| {
    let upsert = "INSERT INTO scanning_configuration (registry, scan_type, rules) VALUES (?1, ?2, ?3) \
        ON CONFLICT (registry) DO UPDATE SET scan_type = excluded.scan_type, rules = excluded.rules";
    tx.execute(upsert, &params![op.registry, op.configuration.scan_type, op.configuration.rules]).await?;
    Ok(Ok(()))
});

/// The last scan of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageScanRow {
    /// ECR's status, such as `FAILED`.
    pub status: String,
    pub description: Option<String>,
    pub started_at: Micros,
}

impl ImageScanRow {
    fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Self { status: row.take()?, description: row.take()?, started_at: row.take()? })
    }
}

const SELECT: &str = "SELECT status, description, started_at FROM image_scan \
    WHERE registry = ?1 AND repository = ?2 AND image = ?3";

/// Records a scan that a request asked for.
#[derive(Clone, Debug)]
pub struct StartImageScan {
    pub repository: RepositoryKey,
    pub image: ImageId,
    pub scan: ImageScanRow,
    /// A scan that began after this time is the only one for now.
    pub only_one_after: Micros,
}

/// Why a scan was not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartImageScanRefusal {
    /// The image does not exist.
    Gone,
    /// The image was scanned a short time ago.
    Limit,
}

operation!(StartImageScan: Durable [] -> (), StartImageScanRefusal, |op, tx| {
    let RepositoryKey { registry, id } = op.repository;
    let image = "SELECT 1 FROM image WHERE registry = ?1 AND repository = ?2 AND id = ?3";
    if hold(tx, op.repository, Hold::Change).await?.is_none()
        || tx.value::<i64>(image, &params![registry, id, op.image]).await?.is_none()
    {
        return Ok(Err(StartImageScanRefusal::Gone));
    }
    let last = tx.row(SELECT, &params![registry, id, op.image]).await?;
    if let Some(last) = last.map(|mut row| ImageScanRow::read(&mut row)).transpose()? {
        if last == op.scan {
            // An earlier run of this operation.
            return Ok(Ok(()));
        }
        if last.started_at > op.only_one_after {
            return Ok(Err(StartImageScanRefusal::Limit));
        }
    }
    let upsert = "INSERT INTO image_scan (registry, repository, image, status, description, started_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (registry, repository, image) DO UPDATE \
        SET status = excluded.status, description = excluded.description, started_at = excluded.started_at";
    let scan = &op.scan;
    tx.execute(upsert, &params![registry, id, op.image, scan.status, scan.description, scan.started_at]).await?;
    Ok(Ok(()))
});

/// Finds the last scan of an image.
#[derive(Clone, Debug)]
pub struct FindImageScan {
    pub repository: RepositoryKey,
    pub image: ImageId,
}

operation!(FindImageScan: Point -> Option<ImageScanRow>, Never, |op, tx| {
    let row = tx.row(SELECT, &params![op.repository.registry, op.repository.id, op.image]).await?;
    Ok(Ok(row.map(|mut row| ImageScanRow::read(&mut row)).transpose()?))
});
