//! The size of a compiled policy in memory, so a cache of policies can limit its real size. A compiled policy has many
//! small pieces, each with its own allocation, so it is many times larger than its text.

use std::mem::size_of;

use crate::arn::ArnPattern;
use crate::comparison::Comparison;
use crate::condition::Condition;
use crate::pattern::{Glob, Piece};
use crate::policy::{Actions, Policy, Statement};
use crate::principal::Principal;
use crate::resource::ResourcePattern;
use crate::template::{Template, Token, Variable};

/// The overhead of an allocation, and its minimum size.
const ALLOCATION: usize = 16;

fn allocated(bytes: usize) -> usize {
    if bytes == 0 { 0 } else { bytes.next_multiple_of(ALLOCATION) + ALLOCATION }
}

fn list<T>(items: &[T], weight: impl Fn(&T) -> usize) -> usize {
    allocated(size_of_val(items)) + items.iter().map(weight).sum::<usize>()
}

impl Policy {
    /// The approximate size in memory, in bytes.
    pub fn weight(&self) -> usize {
        size_of::<Self>() + list(&self.statements, statement)
    }
}

fn statement(statement: &Statement) -> usize {
    let (Actions::These(actions) | Actions::AllBut(actions)) = &statement.actions;
    let principals = statement.principals.as_ref().map_or(0, |them| list(them.entries(), principal));
    let written = [&statement.written.actions, &statement.written.resources];
    statement.sid.as_ref().map_or(0, |sid| allocated(sid.len()))
        + principals
        + list(actions, glob)
        + list(statement.resources.patterns(), resource)
        + list(&statement.conditions, condition)
        + written.into_iter().map(|texts| list(texts, |text| allocated(text.len()))).sum::<usize>()
}

fn principal(principal: &Principal) -> usize {
    match principal {
        Principal::Account(text)
        | Principal::Named(text)
        | Principal::Federated(text)
        | Principal::Service(text) => allocated(text.len()),
        Principal::Everyone | Principal::CanonicalUser => 0,
    }
}

fn condition(condition: &Condition) -> usize {
    allocated(condition.key.len()) + list(&condition.wanted, comparison)
}

fn comparison(comparison: &Comparison) -> usize {
    match comparison {
        Comparison::Text(text) | Comparison::TextIgnoringCase(text) | Comparison::Truth(text) => {
            template(text)
        }
        Comparison::Like(pattern) => glob(pattern),
        Comparison::Arn(ArnPattern::Fields(fields)) => list(fields, glob),
        Comparison::Binary(text) => allocated(text.len()),
        Comparison::Arn(ArnPattern::Any)
        | Comparison::Number(..)
        | Comparison::Moment(..)
        | Comparison::Range(_)
        | Comparison::Absent(_) => 0,
    }
}

fn resource(pattern: &ResourcePattern) -> usize {
    list(pattern.segments(), |segment| glob(segment.glob()))
}

fn glob(pattern: &Glob) -> usize {
    match pattern {
        Glob::Text(text) | Glob::Beginning(text) => allocated(text.len()),
        Glob::Parts(parts) => list(parts, |part| list(part, piece)),
    }
}

fn piece(piece: &Piece) -> usize {
    match piece {
        Piece::Literal(text) => allocated(text.len()),
        Piece::Variable(of_request) => variable(of_request),
        Piece::One => 0,
    }
}

fn template(template: &Template) -> usize {
    match template {
        Template::Literal(text) => allocated(text.len()),
        Template::Pieces(tokens) => list(tokens, |token| match token {
            Token::Text(text) => allocated(text.len()),
            Token::Variable(of_request) => variable(of_request),
            Token::Star | Token::Question => 0,
        }),
    }
}

fn variable(variable: &Variable) -> usize {
    allocated(variable.key.len()) + variable.default().map_or(0, |text| allocated(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_includes_the_small_pieces() {
        let weight = |resources: usize, resource: &str| {
            let list = vec![format!("\"{resource}\""); resources].join(",");
            let text = format!(
                r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":[{list}]}}}}"#
            );
            (Policy::parse(&text).unwrap().weight(), text.len())
        };
        let (one, _) = weight(1, "arn:a:b:c:d:e");
        let (many, text) = weight(101, "arn:a:b:c:d:e");
        let each = (many - one) / 100;
        let segments = 6 * (size_of::<crate::resource::Segment>() + 2 * ALLOCATION);
        assert!((segments..segments + 200).contains(&each), "{each}");
        assert!(many > 10 * text, "it is far more than its text: {many} for {text}");
        let (stars, _) = weight(101, "arn:*a*b?c:d:e:f:g");
        assert!(stars > many);
    }
}
