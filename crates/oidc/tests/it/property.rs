//! Any token and any uploaded keys give an answer.

use oidc::{check_trust, issuer_of};
use proptest::prelude::*;
use serde_json::json;

use crate::keys::base64;

proptest! {
    #[test]
    fn any_text_is_accepted_or_refused(text in any::<String>()) {
        let _ = issuer_of(&text);
        let _ = check_trust(Some(&text), None);
        let _ = check_trust(None, Some(&text));
    }

    #[test]
    fn any_three_parts_are_accepted_or_refused(header in any::<Vec<u8>>(), claims in any::<Vec<u8>>()) {
        let token = format!("{}.{}.", base64(&header), base64(&claims));
        prop_assert!(issuer_of(&token).is_err());
        let good = base64(r#"{"alg":"RS256"}"#);
        let _ = issuer_of(&format!("{good}.{}.", base64(&claims)));
    }

    #[test]
    fn any_issuer_is_extracted_from_its_token(issuer in any::<String>()) {
        let token = format!("{}.{}.", base64(r#"{"alg":"RS256"}"#), base64(json!({"iss": issuer}).to_string()));
        prop_assert_eq!(issuer_of(&token).unwrap(), issuer);
    }
}
