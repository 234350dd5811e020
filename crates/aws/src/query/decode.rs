//! Reads requests of the query protocol: the members' description says which parameters of the form belong to the request
//! (`Name`, `List.member.1`, `Structure.Name`). All other parameters are skipped.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::Form;
use super::violations::Violations;
use crate::shape::{Invalid, Member, Mismatch, Path, Report, Request, Rule, Tree, Violation, check};

/// Reads a request and checks every constraint of its shape, with the texts of IAM and STS. Each violation is reported.
///
/// ```
/// use aws::query::{Form, decode};
/// use aws::sts::GetAccessKeyInfoRequest;
/// let form = Form::parse(b"Action=GetAccessKeyInfo&AccessKeyId=AKIAIOSFODNN7EXAMPLE")?;
/// let request: GetAccessKeyInfoRequest = decode(&form)?;
/// assert_eq!(request.access_key_id, "AKIAIOSFODNN7EXAMPLE");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn decode<T: Request>(form: &Form) -> Result<T, Invalid> {
    let request = T::read(checked(form, T::MEMBERS)?).map_err(|error| unreadable(&error))?;
    request.validate()?;
    Ok(request)
}

/// The part that is the same for each request.
fn checked<'f>(form: &'f Form, members: &'static [Member]) -> Result<Tree<'f>, Invalid> {
    let values = present(form, "", members);
    let mut found = Violations::default();
    check(&values, members, &mut found);
    found.none()?;
    Ok(Tree::Structure(values))
}

fn unreadable(error: &Mismatch) -> Invalid {
    Invalid::serialization(format!("The request cannot be read: {error}"))
}

/// The members that are present. Each is as large as its part of the form at most.
fn present<'f>(form: &'f Form, prefix: &str, members: &'static [Member]) -> Vec<(&'static str, Tree<'f>)> {
    let value = |member: &'static Member| {
        let value = value(form, &format!("{prefix}{}", member.name), &member.rule)?;
        Some((member.name, value))
    };
    members.iter().filter_map(value).collect()
}

fn value<'f>(form: &'f Form, name: &str, rule: &'static Rule) -> Option<Tree<'f>> {
    match rule {
        Rule::Text { .. } | Rule::Choice(_) | Rule::Blob { .. } => form.get(name).map(text),
        Rule::Flag => form.get(name).map(|given| match given {
            given if given.eq_ignore_ascii_case("true") => Tree::Flag(true),
            given if given.eq_ignore_ascii_case("false") => Tree::Flag(false),
            given => text(given),
        }),
        Rule::Integer { .. } => {
            let given = form.get(name)?;
            Some(given.parse::<i64>().map_or_else(|_| text(given), |number| Tree::Number(number.into())))
        }
        Rule::List { of, .. } => {
            let element = |number| value(form, &format!("{name}.member.{number}"), of);
            let elements: Vec<Tree<'f>> = form.numbers(name).into_iter().filter_map(element).collect();
            // SDKs write an empty list as its bare name.
            let is_present = !elements.is_empty() || form.get(name).is_some();
            is_present.then_some(Tree::List(elements))
        }
        // No request of these services has a map.
        Rule::Map { .. } => None,
        Rule::Structure { members: inner, .. } => {
            let prefix = format!("{name}.");
            form.has(&prefix).then(|| Tree::Structure(present(form, &prefix, inner)))
        }
    }
}

fn text(given: &str) -> Tree<'_> {
    Tree::Text(Cow::Borrowed(given))
}

impl Report for Violations {
    const LISTS_ARE_WHOLE: bool = true;

    fn violation(&mut self, violation: Violation<'_>) -> ControlFlow<()> {
        self.add(&violation);
        ControlFlow::Continue(())
    }

    fn wrong_type(&mut self, path: &Path, rule: &'static Rule, value: &Tree<'_>) -> ControlFlow<()> {
        match (rule, value) {
            (Rule::Flag, Tree::Text(given)) => self.add_text(path, given, "Member must be true or false"),
            (_, value) => self.add_malformed(path, value),
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests;
