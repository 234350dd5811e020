//! Only `outbound` opens connections, and only commands call servers without its rules. This does not apply to tests,
//! and not to crates outside of the server.

use std::path::Path;

/// Words that open a connection or resolve a name.
const OPENS: [&str; 8] = [
    "TcpStream::connect",
    "UdpSocket",
    "lookup_host",
    "ToSocketAddrs",
    "to_socket_addrs",
    "hyper::client",
    "hyper_util::client",
    "client::conn::http",
];
/// Sockets that can listen or connect: a file that uses one may not connect.
const SOCKETS: [&str; 2] = ["TcpSocket", "socket2"];
/// The clients without rules, and the only place that may use them.
const UNRULED: [&str; 2] = ["Client::of_operator", "Client::of_own_server"];
const OF_COMMANDS: &str = "crates/wharf/src/aws_client/";

/// Whether a file does something that only `outbound` may do. `shown` is its path in the workspace.
pub(super) fn problems(shown: &str, text: &str) -> Vec<String> {
    let is_free =
        ["crates/outbound/", "crates/testkit/", "crates/xtask/"].iter().any(|free| shown.starts_with(free));
    let name = Path::new(shown).file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let is_test = shown.contains("/tests/") || name == "tests" || name.ends_with("_tests");
    if is_free || is_test {
        return Vec::new();
    }
    // Tests are at the end of a file.
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let connects = SOCKETS.iter().filter(|_| code.contains(".connect("));
    let opens = OPENS.iter().chain(connects).filter(|word| code.contains(**word)).map(|word| {
        format!("{shown} names {word}: connections to other servers are opened by the crate outbound alone")
    });
    let unruled = UNRULED.iter().filter(|word| code.contains(**word) && !shown.starts_with(OF_COMMANDS));
    let unruled = unruled
        .map(|word| format!("{shown} names {word}: what is not a command calls others by Client::guarded"));
    opens.chain(unruled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_opened_elsewhere_is_reported() {
        let code = "use tokio::net::TcpStream;\nlet stream = TcpStream::connect(address).await?;\n";
        assert_eq!(problems("crates/registry/src/webhook.rs", code).len(), 1);
        assert!(problems("crates/outbound/src/dialler.rs", code).is_empty());
        assert!(problems("crates/server/tests/it/limits.rs", code).is_empty());
        let listens = "let socket = TcpSocket::new_v4()?; socket.bind(address)?;";
        assert!(problems("crates/server/src/listen.rs", listens).is_empty());
        let connects = format!("{listens} socket.connect(address).await?;");
        assert_eq!(problems("crates/server/src/listen.rs", &connects).len(), 1);
        let test = format!("fn x() {{}}\n#[cfg(test)]\nmod tests {{ {code} }}");
        assert!(problems("crates/registry/src/webhook.rs", &test).is_empty());
    }

    #[test]
    fn only_commands_call_without_rules() {
        let code = "let client = Client::of_operator(roots)?;";
        assert_eq!(problems("crates/oidc/src/fetch.rs", code).len(), 1);
        assert_eq!(problems("crates/wharf/src/node.rs", code).len(), 1);
        assert!(problems("crates/wharf/src/aws_client/wiring.rs", code).is_empty());
    }
}
