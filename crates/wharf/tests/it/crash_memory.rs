//! Large layers use constant memory.

use std::io::{self, Read};

use testkit::{Started, Wharf, sha256};

const MIB: usize = 1024 * 1024;
const LAYER_MIB: usize = 256;

/// The same mebibyte repeated.
struct Repeated<'a> {
    part: &'a [u8],
    position: usize,
}

impl Read for Repeated<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = &self.part[self.position % self.part.len()..];
        let len = rest.len().min(buffer.len()).min(LAYER_MIB * MIB - self.position);
        buffer[..len].copy_from_slice(&rest[..len]);
        self.position += len;
        Ok(len)
    }
}

#[test]
fn a_layer_of_256_mib_needs_constant_memory() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let binary = env!("CARGO_BIN_EXE_wharf").as_ref();
    let Started::Ready(server) = Wharf::start(binary, &data, None).unwrap() else { panic!("no start") };
    let client = server.client().unwrap();
    client.ecr("CreateRepository", r#"{"repositoryName":"large"}"#).unwrap().expect(200).unwrap();
    let part = testkit::noise(MIB, 1);
    let digest = sha256(&part.repeat(LAYER_MIB));
    let length = (LAYER_MIB * MIB) as u64;
    let upload = client.v2("POST", "/v2/large/blobs/uploads/", "", b"").unwrap().expect(202).unwrap();
    let path = format!("{}?digest={digest}", upload.header("location").unwrap());
    let mut body = Repeated { part: &part, position: 0 };
    let pushed = client.v2_stream("PUT", &path, "application/octet-stream", &mut body, length).unwrap();
    assert_eq!(pushed.status, 201);
    let path = format!("/v2/large/blobs/{digest}");
    let mut pulled = client.v2_stream("GET", &path, "", &mut io::empty(), 0).unwrap();
    assert_eq!(pulled.status, 200);
    let mut buffer = vec![0; MIB];
    for at in 0..LAYER_MIB {
        pulled.read_exact(&mut buffer).unwrap();
        assert!(buffer == part, "mebibyte {at}");
    }
    assert_eq!(pulled.read(&mut buffer).unwrap(), 0);
    let peak = server.peak_memory_kib().unwrap();
    println!("{peak} KiB at most");
    assert!(peak < 100 * 1024, "{peak} KiB");
}
