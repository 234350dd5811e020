//! `WWW-Authenticate`: how a registry wants to be authenticated to (RFC 9110 §11.6.1, distribution's token
//! specification).

/// The maximum number of parameters that are read.
const MOST_PARAMETERS: usize = 16;

/// One challenge of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// User name and password with each request.
    Basic,
    /// A token from a token service.
    Bearer {
        /// The URL of the token service.
        realm: String,
        service: Option<String>,
    },
}

impl Challenge {
    /// The challenge of a header's value; None if it is of another scheme.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let value = value.trim();
        let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
        if scheme.eq_ignore_ascii_case("Basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("Bearer") {
            return None;
        }
        let (mut realm, mut service) = (None, None);
        let mut rest = rest;
        for _ in 0..MOST_PARAMETERS {
            let Some((name, value, more)) = parameter(rest) else { break };
            rest = more;
            let slot = match name.to_ascii_lowercase().as_str() {
                "realm" => &mut realm,
                "service" => &mut service,
                _ => continue,
            };
            // A repeated parameter is ambiguous: two readers could understand it differently.
            if slot.replace(value).is_some() {
                return None;
            }
        }
        Some(Self::Bearer { realm: realm?, service })
    }
}

/// The first `name=value` of a list, and what is after it.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let text = text.trim_start_matches([' ', ',']);
    let (name, rest) = text.split_once('=')?;
    let rest = rest.trim_start();
    let Some(quoted) = rest.strip_prefix('"') else {
        let (value, more) = rest.split_once(',').unwrap_or((rest, ""));
        return Some((name.trim(), value.trim().to_owned(), more));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((name.trim(), value, quoted.get(at + 1..)?)),
            '\\' => value.push(characters.next()?.1),
            character => value.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_of_registries_are_read() {
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) })
        };
        for (value, expected) in [
            (
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#,
                bearer("https://auth.docker.io/token", Some("registry.docker.io")),
            ),
            (r#"bearer  realm=https://a.example/t, service = "x""#, bearer("https://a.example/t", Some("x"))),
            (r#"Bearer realm="https://a.example/\"q""#, bearer("https://a.example/\"q", None)),
            (r#"Basic realm="https://x/","#, Some(Challenge::Basic)),
            ("BASIC", Some(Challenge::Basic)),
        ] {
            assert_eq!(Challenge::parse(value), expected, "{value}");
        }
    }

    #[test]
    fn a_challenge_with_two_realms_is_none() {
        for value in [
            r#"Bearer realm="https://a/",realm="https://b/""#,
            "Bearer",
            r#"Bearer service="x""#,
            r#"Bearer realm="unfinished"#,
            "Negotiate",
            "",
        ] {
            assert_eq!(Challenge::parse(value), None, "{value}");
        }
    }
}
