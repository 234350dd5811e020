//! The shapes of Amazon ECR Public's API, and the names of its operations. Requests are read and checked like ECR's:
//! see [`crate::ecr::decode`].

mod pattern;
#[expect(missing_docs, reason = "the names are the API's own")]
mod shapes;

pub use shapes::*;

/// Whether the API has an operation with this name.
pub fn is_operation(name: &str) -> bool {
    OPERATIONS.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecr::decode;

    #[test]
    fn the_names_are_sorted_as_the_search_needs() {
        assert!(OPERATIONS.is_sorted());
        assert!(OPERATIONS.iter().all(|name| is_operation(name)));
        assert!(!is_operation("PutLifecyclePolicy"));
    }

    #[test]
    fn requests_have_the_rules_of_their_own_model() {
        let read = |name: &str| {
            let body = format!(r#"{{"repositoryName":"{name}","catalogData":{{"description":"d"}}}}"#);
            decode::<CreateRepositoryRequest>(body.as_bytes()).map(|request| request.repository_name)
        };
        assert_eq!(read("team/app").as_deref(), Ok("team/app"));
        assert!(read("a__b").unwrap_err().message.contains("regular expression"));
        assert!(read(&"a".repeat(206)).unwrap_err().message.contains("less than or equal to 205"));
    }
}
