//! Documents on AWS's pages, in `acceptance/*.txt`: which are accepted for a use, and which are refused with which
//! text.
//!
//! `use:` and `source:` apply until the next one. A document is in a line `accepted: …` or `refused TEXT: …`, with
//! IAM's text. ECR has one text for all refusals, so for its policies the text is only the reason here.

use std::fmt::Write as _;
use std::path::Path;

use policy::{Policy, Use};

/// IAM's text for a document; none if it accepts it.
fn refusal(document: &str, policy_use: Use) -> Option<String> {
    let checked = Policy::parse(document).and_then(|policy| policy.check(policy_use));
    checked.err().map(|error| error.iam_message())
}

fn use_of(word: &str) -> Use {
    match word {
        "identity" => Use::Identity,
        "session" => Use::Session,
        "trust" => Use::RoleTrust,
        "repository" => Use::Repository,
        "registry" => Use::Registry,
        other => panic!("{other:?} is no use"),
    }
}

#[test]
fn documents_are_accepted_or_refused_as_their_sources_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/acceptance");
    let mut wrong = String::new();
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let (mut policy_use, mut source) = (None, None);
        for (number, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let place = format!("{}:{}", path.display(), number + 1);
            // A document begins with a brace, and a text can contain colons.
            let at = line.find(": {").or_else(|| line.find(": ")).unwrap_or_else(|| panic!("{place}"));
            let (name, value) = (&line[..at], &line[at + 2..]);
            let expected = match name {
                "use" => {
                    policy_use = Some(use_of(value));
                    continue;
                }
                "source" => {
                    source = Some(value);
                    continue;
                }
                "accepted" => None,
                other => Some(other.strip_prefix("refused ").unwrap_or_else(|| panic!("{place}: {other}"))),
            };
            count += 1;
            let found = refusal(value, policy_use.unwrap());
            if found.as_deref() != expected {
                let source = source.unwrap();
                let _ = writeln!(wrong, "{place}: expected {expected:?}, not {found:?}\n  {source}");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count >= 50, "only {count} documents were read");
}
