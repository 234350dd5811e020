//! In the crate registry, one file names the blob store: its methods take the permits that open the bytes of layers.

const CRATE: &str = "crates/registry/src/";
const OWNER: &str = "crates/registry/src/layer/bytes.rs";

/// What a file names of the crate `blob`. `shown` is its path in the workspace.
pub(super) fn problems(shown: &str, text: &str) -> Vec<String> {
    let is_test = shown.ends_with("/tests.rs");
    if !shown.starts_with(CRATE) || shown == OWNER || is_test {
        return Vec::new();
    }
    let names = |line: &&str| line.contains("::blob::") || line.contains("use blob");
    let lines = text.lines().filter(names);
    lines
        .map(|line| format!("{shown} names the blob store, which only {OWNER} may: {}", line.trim()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_beside_the_owner_that_names_the_blob_store_is_named() {
        let code = "use ::blob::Store;\nfn x(store: ::blob::Store) {}\n";
        assert_eq!(problems("crates/registry/src/layer/download.rs", code).len(), 2);
        assert_eq!(problems("crates/registry/src/layer/bytes.rs", code).len(), 0);
        assert_eq!(problems("crates/registry/src/reconcile/driver/tests.rs", code).len(), 0);
        assert_eq!(problems("crates/wharf/src/node.rs", code).len(), 0);
    }
}
