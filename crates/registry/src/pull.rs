//! When an image was last pulled: ECR's `lastRecordedPullTime`. ECR refreshes it within a day; Wharf within the
//! hour, so that a busy tag costs one small write an hour and a pull never waits for it.

use std::time::Duration;

use meta::{ImageRow, Micros, RecordPull, RepositoryKey};

use crate::Registry;
use access::context::Ctx;

/// A pull that comes sooner after the recorded one is not worth a write.
const COARSENESS: Duration = Duration::from_hours(1);

impl Registry {
    /// Notes a pull of an image, behind the answer.
    pub(crate) fn record_pull(&self, ctx: &Ctx, repository: RepositoryKey, image: &ImageRow) {
        let at = ctx.at();
        let recent = |then: Micros| i128::from(at.0 - then.0) < COARSENESS.as_micros().cast_signed();
        if image.last_pulled_at.is_some_and(recent) {
            return;
        }
        // Pulls that come before the first one's write is seen.
        let key = (repository, image.id);
        if self.pulls.get(&key).is_some_and(recent) {
            return;
        }
        self.pulls.insert(key, at);
        let meta = self.access.meta.clone();
        tokio::spawn(async move {
            if let Err(error) = meta.write(RecordPull { repository, id: key.1, at }).await {
                tracing::warn!(?error, "the time of a pull was not recorded");
            }
        });
    }
}
