//! The trace of one run of background work. Its spans are held until it is known whether the run did something.

use std::sync::{Mutex, PoisonError};

use crate::request::{Request, Tracer};
use crate::span::{Finished, Kind, Open};

/// Finished spans of a run. A trace has a bounded number of them.
#[derive(Debug, Default)]
pub(crate) struct Held(Mutex<Vec<Finished>>);

impl Held {
    pub(crate) fn put(&self, span: Finished) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(span);
    }

    pub(crate) fn take(&self) -> Vec<Finished> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The trace of one run; empty if it is not traced. Nothing of it is sent if it is dropped.
#[derive(Debug)]
pub struct Run(Option<(Request, Open)>);

impl Tracer {
    /// Begins the trace of a run of background work, if it is traced. No client decides about it.
    pub fn run(&self, name: &'static str) -> Run {
        Run(self.begin_held().map(|request| {
            let root = request.span(name, Kind::Internal);
            (request, root)
        }))
    }
}

impl Run {
    /// The trace, for the steps of the run.
    pub fn request(&self) -> Option<Request> {
        self.0.as_ref().map(|(request, _)| request.clone())
    }

    /// Ends the run, and sends its spans. `end` gives its span the attributes.
    pub fn send(self, end: impl FnOnce(&mut Open)) {
        let Some((request, mut root)) = self.0 else { return };
        end(&mut root);
        drop(root);
        request.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dropped, Sampling, begin, within};

    const ALL: Sampling = Sampling { ratio: 1.0, follows_clients: true };

    async fn run(tracer: &Tracer, steps: usize) -> Run {
        let run = tracer.run("sweep-objects");
        let work = async {
            for _ in 0..steps {
                drop(begin("step", Kind::Internal));
            }
        };
        within(run.request(), work).await;
        run
    }

    #[tokio::test]
    async fn a_run_is_sent_whole_or_not_at_all() {
        let (tracer, mut queue) = Tracer::new(ALL);
        drop(run(&tracer, 200).await);
        assert!(queue.rest(10).is_empty(), "it did nothing");
        assert_eq!(tracer.counts().unwrap().dropped(Dropped::Request), 0, "none of its spans was missed");
        let did = run(&tracer, 2).await;
        assert!(queue.rest(10).is_empty(), "it is not known yet whether it did something");
        did.send(|root| root.number("wharf.done", 1));
        let spans = queue.rest(10);
        let root = spans.iter().find(|span| span.name == "sweep-objects").unwrap();
        assert_eq!((spans.len(), root.parent, root.attributes.len()), (3, 0, 1));
        assert_eq!(spans.iter().filter(|span| span.parent == root.id && span.trace == root.trace).count(), 2);
    }

    #[tokio::test]
    async fn a_run_has_a_bounded_number_of_spans() {
        let (tracer, mut queue) = Tracer::new(ALL);
        run(&tracer, 200).await.send(|_| ());
        assert_eq!(queue.rest(300).len(), 128);
        assert_eq!(tracer.counts().unwrap().dropped(Dropped::Request), 201 - 128);
    }

    #[tokio::test]
    async fn a_run_is_sampled_as_requests_are() {
        let (tracer, mut queue) = Tracer::new(Sampling { ratio: 0.0, follows_clients: true });
        for tracer in [tracer, Tracer::default()] {
            let run = run(&tracer, 1).await;
            assert!(run.request().is_none());
            run.send(|_| ());
        }
        assert!(queue.rest(10).is_empty());
    }
}
