//! The constraints of parameters, and the error texts.

use super::*;

fn form(body: &str) -> Form {
    Form::parse(body.as_bytes()).unwrap()
}

/// The parsed value, or the error text.
fn read<T>(body: &str, how: impl Fn(&Form, &mut Violations) -> T) -> Result<T, String> {
    let mut found = Violations::default();
    let value = how(&form(body), &mut found);
    found.none(value).map_err(|invalid| invalid.message)
}

fn fits(rule: &Rule, value: &str) -> bool {
    rule.broken_by(value).is_empty()
}

#[test]
fn a_violation_has_iams_text() {
    for (body, message) in [
        (
            "",
            "1 validation error detected: Value null at 'userName' failed to satisfy constraint: Member must not be null",
        ),
        (
            "UserName=a%2Fb",
            r"1 validation error detected: Value 'a/b' at 'userName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+",
        ),
        (
            "UserName=",
            "1 validation error detected: Value '' at 'userName' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
    ] {
        let refused = read(body, |form, found| form.required("UserName", &NAME_64, found)).unwrap_err();
        assert_eq!(refused, message);
    }
    assert!(!fits(&NAME_64, &"a".repeat(65)));
}

#[test]
fn every_violation_is_listed_with_its_value() {
    let body = "UserName=a+b&Tags.member.1.Key=%21&Tags.member.1.Value=%21&MaxItems=0&TagKeys.member.1=%21&TagKeys.member.2=";
    let refused = read(body, |form, found| {
        form.required("UserName", &Rule { max: 2, ..NAME_64 }, found);
        form.tags("Tags", found);
        form.number("MaxItems", 1, 1000, found);
        form.texts("TagKeys", &text(1, 128), 50, found);
    });
    assert_eq!(
        refused.unwrap_err(),
        "6 validation errors detected: Value 'a b' at 'userName' failed to satisfy constraint: Member must have \
         length less than or equal to 2; Value 'a b' at 'userName' failed to satisfy constraint: Member must satisfy \
         regular expression pattern: [\\w+=,.@-]+; Value '!' at 'tags.1.member.key' failed to satisfy constraint: \
         Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+; Value '!' at \
         'tags.1.member.value' failed to satisfy constraint: Member must satisfy regular expression pattern: \
         [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*; Value '0' at 'maxItems' failed to satisfy constraint: Member must have \
         value greater than or equal to 1; Value '[!, ]' at 'tagKeys' failed to satisfy constraint: Member must \
         satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater \
         than or equal to 1]"
    );
}

#[test]
fn a_list_that_is_too_long_is_shown() {
    let keys: Vec<_> = (1..=4).map(|n| format!("Tags.member.{n}.Key=k{n}&Tags.member.{n}.Value=v")).collect();
    let refused = read(&keys.join("&"), |form, found| {
        check_length("PolicyArns", 3, 2, || "[a, b, c]".to_owned(), found);
        form.tags("Tags", found)
    });
    let text = "1 validation error detected: Value '[a, b, c]' at 'policyArns' failed to satisfy constraint: Member \
                must have length less than or equal to 2";
    assert_eq!(refused.unwrap_err(), text);
    let many: Vec<_> =
        (1..=51).map(|n| format!("Tags.member.{n}.Key=k{n}&Tags.member.{n}.Value=v")).collect();
    let refused = read(&many.join("&"), |form, found| form.tags("Tags", found)).unwrap_err();
    assert!(
        refused.starts_with("1 validation error detected: Value '[Tag(key=k1, value=v), Tag("),
        "{refused}"
    );
    assert!(refused.ends_with(
        "' at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50"
    ));
}

#[test]
fn paths_begin_and_end_with_a_slash() {
    for (path, good) in [
        ("/", true),
        ("/a/", true),
        ("/a/b/", true),
        ("", false),
        ("a/", false),
        ("//", false),
        ("/a", false),
        ("/a b/", false),
    ] {
        assert_eq!(fits(&PATH, path), good, "{path}");
    }
}

#[test]
fn paths_of_policies_have_fewer_characters() {
    for (path, good) in [
        ("/", true),
        ("/a/", true),
        ("/a.b/c,d+e@f=g_h-1/", true),
        ("", false),
        ("//", false),
        ("a/", false),
        ("/a", false),
        ("/a!/", false),
        ("/a//b/", false),
    ] {
        assert_eq!(fits(&POLICY_PATH, path), good, "{path}");
    }
}

#[test]
fn documents_and_descriptions_have_only_latin_1() {
    for (text, document, description) in [
        ("{ é }\r\n\t", true, true),
        ("\u{a0}", true, false),
        ("\u{7f}", true, false),
        ("\u{100}", false, false),
        ("\u{1}", false, false),
    ] {
        assert_eq!(fits(&DOCUMENT, text), document, "{text:?}");
        assert_eq!(fits(&ROLE_DESCRIPTION, text), description, "{text:?}");
    }
}

#[test]
fn tags_are_bounded() {
    let tags = |body: &str| read(body, |form, found| form.tags("Tags", found));
    let good = tags("Tags.member.1.Key=k&Tags.member.1.Value=v%20w");
    assert_eq!(good, Ok(vec![("k".to_owned(), "v w".to_owned())]));
    assert!(tags("Tags.member.1.Value=v").is_err());
    assert!(tags("Tags.member.1.Key=%00&Tags.member.1.Value=").is_err());
    assert_eq!(
        tags("Tags.member.1.Key=k").unwrap_err(),
        "1 validation error detected: Value null at 'tags.1.member.value' failed to satisfy constraint: Member \
         must not be null"
    );
}

#[test]
fn a_required_list_can_be_empty_but_not_missing() {
    let keys =
        |body: &str| read(body, |form, found| form.required_texts("TagKeys", &text(1, 128), 50, found));
    let tags = |body: &str| read(body, |form, found| form.required_tags("Tags", found));
    assert_eq!(keys("TagKeys="), Ok(Vec::new()));
    assert_eq!(tags("Tags="), Ok(Vec::new()));
    assert_eq!(keys("TagKeys.member.1=a"), Ok(vec!["a".to_owned()]));
    let null = |member: &str| {
        format!(
            "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not \
             be null"
        )
    };
    assert_eq!(keys(""), Err(null("tagKeys")));
    assert_eq!(tags(""), Err(null("tags")));
}

#[test]
fn numbers_have_bounds() {
    let number = |body: &str| read(body, |form, found| form.number("MaxItems", 1, 1000, found));
    assert_eq!(number("MaxItems=5"), Ok(Some(5)));
    for bad in ["MaxItems=0", "MaxItems=1001", "MaxItems=x", "MaxItems="] {
        assert!(number(bad).is_err(), "{bad}");
    }
}
