//! Converts the model's names to Rust's.

/// `imageIds` → `image_ids`, `RepositoryARN` → `repository_arn`.
pub(super) fn snake(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    let mut words = String::new();
    for (at, &character) in characters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| characters.get(at));
        let after = characters.get(at + 1);
        let begins = before.is_some_and(|before| {
            !before.is_ascii_uppercase() || after.is_some_and(char::is_ascii_lowercase)
        });
        if character.is_ascii_uppercase() && begins {
            words.push('_');
        }
        words.push(character.to_ascii_lowercase());
    }
    words
}

/// A field's name. A keyword is written as a raw identifier.
pub(super) fn field(name: &str) -> String {
    let name = snake(name);
    if name == "type" { "r#type".to_owned() } else { name }
}

/// The name of a shape's rule.
pub(super) fn constant(name: &str) -> String {
    snake(name).to_ascii_uppercase()
}

/// `MUTABLE_WITH_EXCLUSION` → `MutableWithExclusion`, `ecr-public` → `EcrPublic`, `KmsError` stays.
pub(super) fn variant(choice: &str) -> String {
    let words = choice.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(capitalised).collect()
}

fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
    let rest = if word.contains(|c: char| c.is_ascii_lowercase()) {
        rest.to_owned()
    } else {
        rest.to_ascii_lowercase()
    };
    first.to_ascii_uppercase() + &rest
}

/// The name that serde's `rename_all = "camelCase"` gives a field.
pub(super) fn camel(field: &str) -> String {
    let pascal = pascal(field);
    let (first, rest) = pascal.split_at_checked(1).unwrap_or((&pascal, ""));
    first.to_ascii_lowercase() + rest
}

/// The name that serde's `rename_all = "PascalCase"` gives a field.
pub(super) fn pascal(field: &str) -> String {
    field.trim_start_matches("r#").split('_').map(capitalised_first).collect()
}

fn capitalised_first(word: &str) -> String {
    let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
    first.to_ascii_uppercase() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_case_of_their_place() {
        assert_eq!(snake("registryId"), "registry_id");
        assert_eq!(snake("ListAWSServices"), "list_aws_services");
        assert_eq!(field("Type"), "r#type");
        assert_eq!(variant("KMS_DSSE"), "KmsDsse");
        assert_eq!(variant("ecr-public"), "EcrPublic");
        assert_eq!(variant("ImageNotFound"), "ImageNotFound");
        assert_eq!(camel("image_size_in_bytes"), "imageSizeInBytes");
        assert_eq!(pascal("r#type"), "Type");
    }
}
