//! Work that must end once it has begun, although hyper drops a request's future with its connection.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use futures::FutureExt as _;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

/// Runs in the task that polls it, so a body and the work that reads it need no task switch for each part. If it is
/// dropped before its end, the rest runs in a task of its own. A panic is its output.
pub(crate) struct Finishing<T: Send + 'static> {
    future: Option<Pin<Box<dyn Future<Output = thread::Result<T>> + Send>>>,
    tasks: TaskTracker,
}

impl<T: Send + 'static> Finishing<T> {
    /// `tasks` is where the rest runs.
    pub(crate) fn new(tasks: &TaskTracker, future: impl Future<Output = T> + Send + 'static) -> Self {
        let future = AssertUnwindSafe(future).catch_unwind();
        Self { future: Some(Box::pin(future)), tasks: tasks.clone() }
    }
}

impl<T: Send + 'static> Future for Finishing<T> {
    type Output = thread::Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.future else { return Poll::Pending };
        let output = std::task::ready!(future.as_mut().poll(cx));
        self.future = None;
        Poll::Ready(output)
    }
}

impl<T: Send + 'static> Drop for Finishing<T> {
    fn drop(&mut self) {
        // Without a runtime the process is about to end.
        if let (Some(future), Ok(runtime)) = (self.future.take(), Handle::try_current()) {
            self.tasks.spawn_on(future, &runtime);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::{Finishing, TaskTracker};

    fn work(done: &Arc<AtomicU32>) -> impl Future<Output = ()> + Send + 'static {
        let done = Arc::clone(done);
        async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            done.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn dropped_work_is_finished_and_waited_for() {
        let (tasks, done) = (TaskTracker::new(), Arc::new(AtomicU32::new(0)));
        let begun = Finishing::new(&tasks, work(&done));
        assert!(tokio::time::timeout(Duration::from_millis(500), begun).await.is_err());
        drop(Finishing::new(&tasks, work(&done)));
        Finishing::new(&tasks, work(&done)).await.unwrap();
        tasks.close();
        tasks.wait().await;
        assert_eq!(done.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_panic_is_the_output() {
        let outcome = Finishing::new(&TaskTracker::new(), async { panic!("expected by this test") }).await;
        assert!(outcome.is_err());
    }
}
