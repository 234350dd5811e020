//! Tests of the stream with objects whose answers are written here.

use std::collections::VecDeque;
use std::sync::Arc;

use oci::digest::Algorithm;

use super::*;

type Get = (u64, u64, Option<String>);

/// Its answers in their order: each is the number of bytes before the body ends, and whether it stalls then.
#[derive(Clone)]
struct Answers {
    bytes: &'static [u8],
    left: Arc<Mutex<VecDeque<(usize, bool)>>>,
    gets: Arc<Mutex<Vec<Get>>>,
}

impl Answers {
    fn new(bytes: &'static [u8], answers: &[(usize, bool)]) -> Self {
        let left = Arc::new(Mutex::new(answers.iter().copied().collect()));
        Self { bytes, left, gets: Arc::default() }
    }

    async fn open(&self, len: u64) -> S3Stream {
        S3Stream::open(Box::new(self.clone()), 0, len).await.unwrap()
    }

    fn gets(&self) -> Vec<(u64, u64)> {
        self.gets.lock().unwrap().iter().map(|(start, len, _)| (*start, *len)).collect()
    }
}

impl Object for Answers {
    fn get(
        &self,
        start: u64,
        len: u64,
        etag: Option<String>,
    ) -> BoxFuture<'static, Result<Received, OpenError>> {
        self.gets.lock().unwrap().push((start, len, etag));
        let (sent, stalls) = self.left.lock().unwrap().pop_front().unwrap_or((usize::MAX, false));
        let [start, end] = [start, start + len].map(|place| usize::try_from(place).unwrap());
        let body = &self.bytes[start..end.min(start.saturating_add(sent)).min(self.bytes.len())];
        let chunks = futures::stream::iter(body.chunks(3).map(|chunk| Ok(Bytes::from_static(chunk))));
        let chunks = if stalls { chunks.chain(futures::stream::pending()).boxed() } else { chunks.boxed() };
        async move { Ok(Received { etag: Some("version".to_owned()), chunks }) }.boxed()
    }
}

async fn all(mut stream: S3Stream) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(chunk) = stream.next().await {
        all.extend_from_slice(&chunk?);
    }
    Ok(all)
}

#[tokio::test]
async fn chunks_are_limited_and_more_bytes_are_not_sent() {
    let mut stream = Answers::new(b"abcdefghij", &[]).open(8).await;
    stream.limit_chunk(2);
    stream.prepare().await.unwrap();
    let chunks: Vec<_> = stream.map(Result::unwrap).collect().await;
    assert_eq!(chunks, ["ab", "c", "de", "f", "gh"]);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_ends_or_stalls_is_continued() {
    let object = Answers::new(b"abcdefghij", &[(4, false), (0, false), (2, true)]);
    assert_eq!(all(object.open(10).await).await.unwrap(), b"abcdefghij");
    assert_eq!(object.gets(), [(0, 10), (4, 6), (4, 6), (6, 4)]);
    let versions: Vec<_> = object.gets.lock().unwrap().iter().map(|get| get.2.is_some()).collect();
    assert_eq!(versions, [false, true, true, true], "the other GETs are of the same version");
}

#[tokio::test]
async fn too_few_bytes_are_an_error() {
    let object = Answers::new(b"abc", &[]);
    let mut stream = object.open(5).await;
    assert_eq!(stream.next().await.unwrap().unwrap(), "abc");
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    assert!(stream.next().await.is_none());
    assert_eq!(object.gets().len(), 1 + MOST_RESUMED as usize);
}

#[tokio::test]
async fn in_a_narrow_stream_each_chunk_is_a_get() {
    let object = Answers::new(b"abcdefghijklmnopqrst", &[]);
    let mut stream = object.open(20).await;
    assert_eq!((stream.next().await.unwrap().unwrap(), stream.ahead()), ("abc".into(), 17));
    stream.limit_chunk(7);
    stream.set_narrow(true);
    assert_eq!(stream.next().await.unwrap().unwrap(), "defghij");
    assert_eq!(stream.next().await.unwrap().unwrap(), "klmnopq");
    stream.set_narrow(false);
    assert_eq!(all(stream).await.unwrap(), b"rst");
    assert_eq!(object.gets(), [(0, 20), (3, 7), (10, 7), (17, 3)]);
}

#[tokio::test]
async fn other_bytes_than_the_digest_says_are_an_error() {
    for (expected, is_right) in [(&b"abcdefgh"[..], true), (b"other", false)] {
        let mut stream = Answers::new(b"abcdefgh", &[(5, false)]).open(8).await;
        stream.expect(Digest::of(Algorithm::Sha256, expected));
        let result = all(stream).await;
        assert_eq!(result.as_deref().ok(), is_right.then_some(&b"abcdefgh"[..]));
        assert!(is_right || result.unwrap_err().kind() == io::ErrorKind::InvalidData);
    }
}
