//! The format of `~/.aws/config` and `~/.aws/credentials` (AWS SDKs and Tools Reference Guide, "Using shared config and
//! credentials files").

use std::collections::HashMap;

/// Settings by section.
#[derive(Default)]
pub(super) struct Ini(HashMap<String, HashMap<String, String>>);

impl Ini {
    pub(super) fn parse(text: &str) -> Self {
        let mut sections = HashMap::<String, HashMap<String, String>>::new();
        let mut section = String::new();
        for line in text.lines() {
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
                continue;
            }
            if let Some(rest) = trimmed.strip_prefix('[') {
                let name = rest.split(']').next().unwrap_or_default();
                section = name.split_whitespace().collect::<Vec<_>>().join(" ");
                continue;
            }
            // An indented line belongs to the setting above it (`s3 =` and the next lines). None of these is read here.
            if line.starts_with([' ', '\t']) {
                continue;
            }
            if let Some((name, value)) = trimmed.split_once('=') {
                // A comment after a value begins with a space.
                let value =
                    [" #", " ;"].iter().fold(value, |value, mark| value.split(mark).next().unwrap_or(value));
                let settings = sections.entry(section.clone()).or_default();
                settings.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
            }
        }
        Self(sections)
    }

    pub(super) fn get(&self, section: &str, name: &str) -> Option<&str> {
        self.0.get(section)?.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(super) fn has(&self, section: &str) -> bool {
        self.0.contains_key(section)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_found_by_section() {
        let ini = Ini::parse(
            "# top\n[default]\nregion=eu-west-1\ns3 =\n  region = no\n; c\n[ profile  ci ]\nRegion = us-west-2 # why\n\
             aws_secret_access_key = a=b/c+d#e\nempty =\n",
        );
        assert_eq!(ini.get("default", "region"), Some("eu-west-1"));
        assert_eq!(ini.get("profile ci", "region"), Some("us-west-2"));
        assert_eq!(ini.get("profile ci", "aws_secret_access_key"), Some("a=b/c+d#e"));
        assert_eq!(ini.get("profile ci", "empty"), None);
        assert!(ini.has("default") && !ini.has("ci"));
    }
}
