//! A timer for a deadline that moves forward all the time, such as the end of a client's patience.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that is set again only when it fires too early. Setting a timer can wake the thread that waits for the
/// network, which costs more than reading a part of a body.
#[derive(Default)]
pub(crate) struct Alarm {
    timer: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// Ready at the deadline. The deadline may differ from the one of the last call.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::{Alarm, Instant, Poll};

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_moved_is_kept() {
        let start = Instant::now();
        let mut alarm = Alarm::default();
        let soon = start + Duration::from_secs(1);
        assert!(poll_fn(|cx| Poll::Ready(alarm.poll(cx, soon))).await.is_pending());
        poll_fn(|cx| alarm.poll(cx, start + Duration::from_secs(3))).await;
        assert_eq!(start.elapsed(), Duration::from_secs(3));
        let past = Instant::now() + Duration::from_secs(1);
        assert!(poll_fn(|cx| Poll::Ready(alarm.poll(cx, past + Duration::from_secs(9)))).await.is_pending());
        poll_fn(|cx| alarm.poll(cx, past)).await;
        assert_eq!(start.elapsed(), Duration::from_secs(4));
    }
}
