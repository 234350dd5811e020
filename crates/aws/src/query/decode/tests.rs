//! Constraints of requests, and the error texts.

use super::*;
use crate::shape::Pattern;
use crate::shape::pattern::is_name;

const NAME: Rule = Rule::Text {
    min: 1,
    max: 3,
    pattern: Some(Pattern { text: r"[\w+=,.@-]+", is_quoted: true, matches: is_name }),
};
const KEY: Rule = Rule::text(1, 128);
const TAG: Rule = Rule::Structure {
    name: "Tag",
    members: &[Member::required("Key", NAME), Member::required("Value", Rule::text(0, 256))],
};
const MEMBERS: &[Member] = &[
    Member::optional("UserName", NAME),
    Member::optional("Tags", Rule::List { of: &TAG, min: 0, max: 2 }),
    Member::optional("MaxItems", Rule::Integer { min: 1, max: 1000 }),
    Member::optional("TagKeys", Rule::List { of: &KEY, min: 0, max: 50 }),
    Member::optional("OnlyAttached", Rule::Flag),
    Member::optional("Status", Rule::Choice(&["Active", "Inactive"])),
    Member::optional("Token", Rule::text(4, 20_000)).sensitive(),
];
const REQUIRED: &[Member] = &[
    Member::required("UserName", NAME),
    Member::required("Tags", Rule::List { of: &TAG, min: 0, max: 2 }),
    Member::required("TagKeys", Rule::List { of: &KEY, min: 0, max: 50 }),
];

/// The members that are present, or the error text.
fn read<'f>(form: &'f Form, described: &'static [Member]) -> Result<Vec<(&'static str, Tree<'f>)>, String> {
    let values = present(form, "", described);
    let mut found = Violations::default();
    check(&values, described, &mut found);
    found.none().map(|()| values).map_err(|invalid| invalid.message)
}

fn refused(body: &str) -> String {
    read(&form(body), MEMBERS).unwrap_err()
}

fn form(body: &str) -> Form {
    Form::parse(body.as_bytes()).unwrap()
}

#[test]
fn a_violation_has_iams_text() {
    for (body, message) in [
        (
            "UserName=a%2Fb",
            r"1 validation error detected: Value 'a/b' at 'userName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+",
        ),
        (
            "UserName=",
            "1 validation error detected: Value '' at 'userName' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
        (
            "Status=Expired",
            "1 validation error detected: Value 'Expired' at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]",
        ),
        (
            "OnlyAttached=yes",
            "1 validation error detected: Value 'yes' at 'onlyAttached' failed to satisfy constraint: Member must be true or false",
        ),
        (
            "Tags.member.1.Key=k",
            "1 validation error detected: Value null at 'tags.1.member.value' failed to satisfy constraint: Member must not be null",
        ),
    ] {
        assert_eq!(refused(body), message);
    }
}

#[test]
fn every_violation_is_listed_with_its_value() {
    let body = "UserName=a+b+&Tags.member.1.Key=%21&Tags.member.1.Value=v&MaxItems=0&TagKeys.member.1=%21&TagKeys.member.2=";
    assert_eq!(
        refused(body),
        "5 validation errors detected: Value 'a b ' at 'userName' failed to satisfy constraint: Member must have \
         length less than or equal to 3; Value 'a b ' at 'userName' failed to satisfy constraint: Member must satisfy \
         regular expression pattern: [\\w+=,.@-]+; Value '!' at 'tags.1.member.key' failed to satisfy constraint: \
         Member must satisfy regular expression pattern: [\\w+=,.@-]+; Value '0' at 'maxItems' failed to satisfy \
         constraint: Member must have value greater than or equal to 1; Value '[!, ]' at 'tagKeys' failed to satisfy \
         constraint: Member must satisfy constraint: [Member must have length less than or equal to 128, Member must \
         have length greater than or equal to 1]"
    );
}

#[test]
fn an_element_of_a_list_has_no_nul() {
    assert_eq!(
        refused("TagKeys.member.1=a%00"),
        "1 validation error detected: Value '[a\0]' at 'tagKeys' failed to satisfy constraint: Member must satisfy \
         constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal \
         to 1, Member must satisfy regular expression pattern: [^\\u0000]*]"
    );
}

#[test]
fn a_list_that_is_too_long_is_shown() {
    let tags: Vec<_> = (1..=3).map(|n| format!("Tags.member.{n}.Key=k{n}&Tags.member.{n}.Value=v")).collect();
    assert_eq!(
        refused(&tags.join("&")),
        "1 validation error detected: Value '[Tag(key=k1, value=v), Tag(key=k2, value=v), Tag(key=k3, value=v)]' at \
         'tags' failed to satisfy constraint: Member must have length less than or equal to 2"
    );
}

#[test]
fn a_required_list_can_be_empty_but_not_missing() {
    let null = |member: &str| {
        format!("Value null at '{member}' failed to satisfy constraint: Member must not be null")
    };
    let missing = [null("userName"), null("tags"), null("tagKeys")].join("; ");
    let refused = read(&form(""), REQUIRED).unwrap_err();
    assert_eq!(refused, format!("3 validation errors detected: {missing}"));
    let form = form("UserName=a&Tags=&TagKeys.member.1=b");
    let values = read(&form, REQUIRED).unwrap();
    let empty = ("Tags", Tree::List(Vec::new()));
    assert_eq!(values.get(1), Some(&empty));
}

#[test]
fn parameters_that_no_member_has_are_skipped() {
    let form = form(
        "UserName=a&Stranger.member.1=x&Tags.member.1.Key=k&Tags.member.1.Value=&Tags.member.1.Colour=x",
    );
    let tag = Tree::Structure(vec![("Key", text("k")), ("Value", text(""))]);
    assert_eq!(read(&form, MEMBERS), Ok(vec![("UserName", text("a")), ("Tags", Tree::List(vec![tag]))]));
}

#[test]
fn a_secret_is_in_no_error_text() {
    assert_eq!(
        refused("Token=abc"),
        "1 validation error detected: Value at 'token' failed to satisfy constraint: Member must have length greater \
         than or equal to 4"
    );
}

#[test]
fn numbers_are_whole_numbers() {
    let text = "The value 'x' of MaxItems is not a whole number.";
    assert_eq!(refused("MaxItems=x&UserName="), text);
    for bad in ["MaxItems=0", "MaxItems=1001", "MaxItems=", "MaxItems=1.5"] {
        assert!(!refused(bad).is_empty(), "{bad}");
    }
    let form = form("MaxItems=5");
    assert_eq!(read(&form, MEMBERS), Ok(vec![("MaxItems", Tree::Number(5.into()))]));
}

#[test]
fn an_error_text_has_a_maximum_length() {
    let many: Vec<_> = (1..=300)
        .map(|n| format!("Tags.member.{n}.Key={}&Tags.member.{n}.Value=", "!".repeat(1_000)))
        .collect();
    let message = refused(&many.join("&"));
    assert!(message.starts_with("601 validation errors detected: Value '[Tag(key=!!!"), "{message:.80}");
    assert!(message.len() < 30_000, "{}", message.len());
}

#[test]
fn lists_are_in_the_order_of_their_numbers() {
    let form = form(
        "TagKeys.member.10=j&TagKeys.member.2=b&TagKeys.member.1=a&TagKeys.member.02=x&Tags.member.2.Key=k2&Tags.member.1.Key=k1&Tags.member.1.Value=v%201",
    );
    let tags = vec![
        Tree::Structure(vec![("Key", text("k1")), ("Value", text("v 1"))]),
        Tree::Structure(vec![("Key", text("k2"))]),
    ];
    let keys = vec![text("a"), text("b"), text("j")];
    assert_eq!(present(&form, "", MEMBERS), [("Tags", Tree::List(tags)), ("TagKeys", Tree::List(keys))]);
}
