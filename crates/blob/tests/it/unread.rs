//! Chunks that are left for the kernel to send.

use std::io::Write as _;

use blob::{Content, unread_part};
use futures::StreamExt as _;

const LEN: u64 = 3 << 20;

async fn chunks(len: u64, allow: bool) -> Vec<bytes::Bytes> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&vec![7; LEN as usize]).unwrap();
    let mut stream = Content::File { file, start: 0, len }.into_stream();
    assert_eq!(allow && stream.allow_unread(), allow && cfg!(target_os = "linux") && len > 512 * 1024);
    let mut chunks = Vec::new();
    while let Some(chunk) = stream.next().await {
        chunks.push(chunk.unwrap());
        let unread = unread_part(chunks.last().unwrap());
        // The stream is still there, and with it the file.
        assert!(unread.is_none_or(|part| part.file().is_ok()));
    }
    chunks
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn chunks_in_the_page_cache_are_left_unread() {
    let chunks = chunks(LEN, true).await;
    let positions: Vec<_> = chunks.iter().map(|chunk| unread_part(chunk).unwrap().position()).collect();
    let expected: Vec<u64> = (0..6).map(|part| part * 512 * 1024).collect();
    assert_eq!(positions, expected);
}

#[tokio::test]
async fn without_a_kernel_that_sends_them_chunks_are_read() {
    for chunk in chunks(LEN, false).await {
        assert!(unread_part(&chunk).is_none());
        assert!(chunk.iter().all(|byte| *byte == 7));
    }
    // Nobody would keep the file of a single chunk.
    for chunk in chunks(300_000, true).await {
        assert!(unread_part(&chunk).is_none());
    }
}
