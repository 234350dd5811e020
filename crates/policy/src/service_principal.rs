//! The names of AWS's services as principals, in `services.txt`. A new policy can name only these.
//!
//! Sources: the names in AWS's models of the services' APIs, and the principals that the services' documentation gives
//! for their roles. Stored policies are not checked against the list.

const NAMES: &str = include_str!("services.txt");
/// Principals outside `amazonaws.com`.
const ELSEWHERE: [&str; 3] =
    ["alexa-appkit.amazon.com", "alexa-connectedhome.amazon.com", "alexa-smapi.amazon.com"];

/// Whether a text names a service: `ecs.amazonaws.com`, also with a Region (`ecs.us-east-1.amazonaws.com`), and in
/// China (`ecs.amazonaws.com.cn`).
pub(crate) fn is_known(text: &str) -> bool {
    if ELSEWHERE.contains(&text) {
        return true;
    }
    let name = text.strip_suffix(".amazonaws.com").or_else(|| text.strip_suffix(".amazonaws.com.cn"));
    let Some(name) = name else { return false };
    let is_listed = |name: &str| NAMES.lines().any(|known| known == name);
    is_listed(name)
        || name.rsplit_once('.').is_some_and(|(name, region)| is_region(region) && is_listed(name))
}

/// Whether a text has the form of a Region: `us-east-1`, `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    match parts.split_last() {
        Some((number, words)) => {
            (2..=4).contains(&words.len())
                && words.iter().all(is_word)
                && !number.is_empty()
                && number.bytes().all(|byte| byte.is_ascii_digit())
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_known_by_name_and_region() {
        for name in [
            "ecs-tasks.amazonaws.com",
            "ec2.amazonaws.com",
            "ec2.amazonaws.com.cn",
            "codedeploy.cn-north-1.amazonaws.com.cn",
            "ecs.us-east-1.amazonaws.com",
            "delivery.logs.amazonaws.com",
            "delivery.logs.us-gov-west-1.amazonaws.com",
            "edgelambda.amazonaws.com",
            "replication.ecr.amazonaws.com",
            "pullthroughcache.ecr.amazonaws.com",
            "member.org.stacksets.cloudformation.amazonaws.com",
            "alexa-appkit.amazon.com",
        ] {
            assert!(is_known(name), "{name}");
        }
        for name in [
            "foo",
            "amazonaws.com",
            ".amazonaws.com",
            "us-east-1.amazonaws.com",
            "tagging.amazonaws.com",
            "foo.amazonaws.com",
            "ec2.amazonaws.com.evil",
            "ec2.us.amazonaws.com",
            "EC2.amazonaws.com",
            "*.amazonaws.com",
        ] {
            assert!(!is_known(name), "{name}");
        }
    }

    #[test]
    fn the_list_is_sorted_and_has_no_duplicates() {
        let names: Vec<&str> = NAMES.lines().collect();
        assert!(names.is_sorted() && names.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(
            names
                .iter()
                .all(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.'))
        );
    }
}
