//! Tests of the queue with a sink that blocks or fails.

use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

/// Takes a batch only when the test lets it.
struct Gate {
    open: Receiver<()>,
    taken: Sender<Vec<u8>>,
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open.recv().map_err(|_| io::Error::from(ErrorKind::BrokenPipe))?;
        let _ = self.taken.send(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn gated() -> (Arc<Queue>, Sender<()>, Receiver<Vec<u8>>) {
    let ((opener, open), (taken, batches)) = (channel(), channel());
    (Queue::start(Gate { open, taken }).unwrap(), opener, batches)
}

const SOON: Duration = Duration::from_secs(10);

#[test]
fn a_line_of_a_request_is_written_within_a_second() {
    let (queue, open, batches) = gated();
    open.send(()).unwrap();
    queue.push(LogKind::Access, b"one\n");
    queue.push(LogKind::Access, b"two\n");
    assert_eq!(batches.recv_timeout(Duration::from_secs(1)).unwrap(), b"one\ntwo\n");
}

#[test]
fn what_does_not_fit_is_dropped_and_other_lines_have_room() {
    let (queue, open, batches) = gated();
    let line = vec![b'x'; MAX_BYTES / 8];
    for _ in 0..20 {
        queue.push(LogKind::Access, &line);
    }
    // The writer may have taken some already.
    let dropped = queue.dropped().total();
    assert!((8..=16).contains(&dropped), "{dropped}");
    queue.push(LogKind::Audit, &line);
    queue.push(LogKind::Other, &line);
    assert_eq!(queue.dropped().total(), dropped, "requests leave room for these");
    let began = Instant::now();
    queue.flush(Duration::from_millis(50));
    assert!(began.elapsed() < SOON, "a blocked sink does not hold up the end");
    drop((0..20).map(|_| open.send(())).collect::<Vec<_>>());
    queue.flush(SOON);
    let written: usize = batches.try_iter().map(|batch| batch.len()).sum();
    assert_eq!(written, (22 - usize::try_from(dropped).unwrap()) * line.len());
}

#[test]
fn lines_that_cannot_be_written_are_counted() {
    let (queue, open, _batches) = gated();
    drop(open);
    queue.push(LogKind::Access, b"one\n");
    queue.push(LogKind::Other, b"two\n");
    queue.flush(SOON);
    assert_eq!(queue.dropped().total(), 2);
}
