//! Signatures and the bodies of ECR's API.

use aws::ecr;
use aws::ids::SecretKey;
use aws::json::decode;
use aws::shape::{self, Invalid};
use aws::sigv4::{Payload, Presented, Request};
use jiff::Timestamp;
use std::str::from_utf8;

/// Whatever a request presents, it is not the signature of a secret that it was not made with. Lines are, in order:
/// method, path, query, then `name: value`; what follows an empty line is the body.
pub fn sigv4(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut line = || lines.next().and_then(|line| from_utf8(line).ok());
    let (Some(method), Some(path), Some(query)) = (line(), line(), line()) else { return };
    let mut headers: Vec<(&str, &[u8])> = Vec::new();
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        let Some(at) = line.windows(2).position(|pair| pair == b": ") else { continue };
        let (Some(name), Some(value)) = (line.get(..at), line.get(at + 2..)) else { continue };
        headers.extend(from_utf8(name).ok().map(|name| (name, value)));
    }
    let body = lines.next().unwrap_or_default();
    let request = Request { method, path, query, headers: &headers, payload: Payload::of(body) };
    let Ok(Some(presented)) = Presented::from_request(&request) else { return };
    let secret = SecretKey::new("a secret that no input was signed with");
    let service = presented.scope().service.clone();
    let noon = Timestamp::from_second(1_785_585_600).unwrap_or(Timestamp::UNIX_EPOCH);
    assert!(presented.verify(&request, &secret, service.as_str(), noon).is_err(), "forged");
    let shown = format!("{presented:?}");
    if let Some(token) = presented.session_token().filter(|token| token.len() > 100) {
        assert!(!shown.contains(token), "a session token is shown");
    }
}

macro_rules! read_one {
    (
        operations { $($name:ident: $action:literal on $resource:ident => $request:ident, $method:ident;)* }
        unsigned {}
        permissions { $($permissions:tt)* }
    ) => {
        /// Every operation's body, chosen by the first byte, is read or refused in a sentence of bounded length.
        pub fn ecr_json(data: &[u8]) {
            const READERS: &[fn(&[u8])] = &[$(read::<ecr::$request>,)*];
            let Some((choice, body)) = data.split_first() else { return };
            if let Some(read) = READERS.get(usize::from(*choice) % READERS.len()) {
                read(body);
            }
        }
    };
}

aws::ecr_operations! { read_one }

fn read<T: shape::Request>(body: &[u8]) {
    let read: Result<T, Invalid> = decode(body);
    if let Ok(request) = read {
        assert!(request.validate().is_ok(), "{} was let through its own rules", T::OPERATION);
    }
}
