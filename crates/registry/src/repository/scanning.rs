//! Whether the images of a repository are to be scanned when they are pushed. There is no scanner: the setting is kept and
//! shown.

use access::error::Result;
use access::op::ecr;
use access::permit::Permit;
use access::store::{PutImageScanning, RefusedExt as _, RepositoryRow};

/// Changes the setting.
pub(crate) async fn put(
    permit: &Permit<ecr::PutImageScanningConfiguration>,
    scan_on_push: bool,
) -> Result<RepositoryRow> {
    let at = permit.decided_at();
    let put = permit.write(|repository| PutImageScanning { repository, scan_on_push, at });
    put.await.or_refused(|_gone| permit.repository_not_found())
}
