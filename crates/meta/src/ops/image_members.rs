//! What a manifest refers to, as rows.

use oci::digest::Digest;

use crate::{
    ImageId, RepositoryKey, StoreError, Tx,
    tx::{chunks, list, push_list},
    value::params,
};

/// Writes a row for each reference of a manifest. What such a row names cannot be deleted.
pub(crate) async fn insert_members(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    id: ImageId,
    blobs: &[Digest],
    children: &[Digest],
) -> Result<(), StoreError> {
    for (table, digests) in [("image_blob", blobs), ("image_child", children)] {
        for chunk in chunks(digests) {
            let rows: Vec<String> =
                (0..chunk.len().next_power_of_two()).map(|at| format!("(?1, ?2, ?3, ?{})", at + 4)).collect();
            let sql = format!(
                "INSERT INTO {table} (registry, repository, image, digest) VALUES {} ON CONFLICT DO NOTHING",
                rows.join(", ")
            );
            let mut values = params![repository.registry, repository.id, id].to_vec();
            push_list(&mut values, chunk);
            tx.execute(&sql, &values).await?;
        }
    }
    Ok(())
}

/// The size of the largest child that is there.
pub(crate) async fn largest_child(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    children: &[Digest],
) -> Result<u64, StoreError> {
    let mut largest = 0;
    for chunk in chunks(children) {
        let sql = format!(
            "SELECT COALESCE(MAX(image_size), 0) FROM image \
             WHERE registry = ?1 AND repository = ?2 AND digest IN ({})",
            list(3, chunk.len())
        );
        let mut values = params![repository.registry, repository.id].to_vec();
        push_list(&mut values, chunk);
        largest = largest.max(tx.value(&sql, &values).await?.unwrap_or_default());
    }
    Ok(largest)
}
