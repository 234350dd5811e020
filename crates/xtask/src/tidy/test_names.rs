//! The name of a test says what holds, and is short enough to be read in a list of results.

use std::path::Path;

const MOST_LETTERS: usize = 60;

/// The tests of a Rust or Python file whose names are too long. `shown` is its path in the workspace.
pub(super) fn problems(shown: &str, text: &str) -> Vec<String> {
    let is_python = Path::new(shown).extension().is_some_and(|extension| extension == "py");
    let names: Vec<&str> = if is_python { python_tests(text).collect() } else { rust_tests(text).collect() };
    let long = names.into_iter().filter(|name| name.len() > MOST_LETTERS);
    long.map(|name| {
        format!("{shown}: a test's name has at most {MOST_LETTERS} letters, {name} has {}", name.len())
    })
    .collect()
}

/// The functions after `#[test]` or `#[tokio::test]`.
fn rust_tests(text: &str) -> impl Iterator<Item = &str> {
    let mut is_test = false;
    text.lines().filter_map(move |line| {
        let line = line.trim_start();
        is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        let (before, name) = line.split_once("fn ").filter(|_| is_test)?;
        if before.starts_with("//") || before.starts_with("#[") {
            return None;
        }
        is_test = false;
        Some(identifier(name))
    })
}

/// The functions that pytest collects.
fn python_tests(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let line = line.trim_start();
        let name = line.strip_prefix("async ").unwrap_or(line).strip_prefix("def ")?;
        name.starts_with("test_").then(|| identifier(name))
    })
}

fn identifier(text: &str) -> &str {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_with_a_long_name_is_found() {
        let (long, right) = ("a".repeat(MOST_LETTERS + 1), "a".repeat(MOST_LETTERS));
        for attribute in ["#[test]", "#[tokio::test(start_paused = true)]\n    // why\n    #[cfg(unix)]"] {
            let of = |name: &str| format!("mod tests {{\n    {attribute}\n    async fn {name}() {{}}\n}}");
            assert_eq!(problems("crates/x/src/lib.rs", &of(&long)).len(), 1);
            assert_eq!(problems("crates/x/src/lib.rs", &of(&right)).len(), 0);
        }
        assert_eq!(
            problems("crates/x/src/lib.rs", &format!("#[test]\nfn x() {{}}\nfn {long}() {{}}")).len(),
            0
        );
        let python =
            format!("def test_{long}(wharf):\n    pass\n\nasync def test_{long}():\n    pass\ndef {long}():");
        assert_eq!(problems("tests/e2e/test_x.py", &python).len(), 2);
    }
}
