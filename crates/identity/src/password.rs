//! Passwords: the rules of the account, and slow hashes (Argon2id, RFC 9106).

use access::error::{AwsCode, Error, Result};
use access::slots::Slots;
use access::store::PasswordPolicy;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use aws::ids::AccountId;

/// KiB of one hash, and its passes: the first choice of OWASP's "Password Storage Cheat Sheet".
const MEMORY: u32 = 19 * 1_024;
const PASSES: u32 = 2;
/// Requests whose passwords are hashed at the same time, and those of one account. With `MEMORY` this is the memory that
/// passwords take.
const AT_A_TIME: (usize, usize) = (2, 1);
/// Requests whose passwords are hashed or wait for it, and those of one account. More are refused before any work: each of
/// them holds its connection.
const AT_MOST: (usize, usize) = (64, 8);
const SALT_BYTES: usize = 16;
/// The symbols of IAM ("Set an account password policy for IAM users").
const SYMBOLS: &str = "!@#$%^&*()_+-=[]{}|'";
/// The rules of an account that has not set any (the same page).
const DEFAULT_LENGTH: u32 = 8;
const DEFAULT_CLASSES: usize = 3;

/// Hashes passwords, on other threads than connections and few at a time.
pub(crate) struct Hashing {
    turns: Slots,
    places: Slots,
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY, PASSES, 1, None).map_err(|_| failed())?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn failed() -> Error {
    Error::internal(access::seal::SealError::Failed)
}

fn hash(password: &str) -> Result<String> {
    let mut salt = [0_u8; SALT_BYTES];
    aws_lc_rs::rand::fill(&mut salt).map_err(|_| failed())?;
    let hash = argon2()?.hash_password_with_salt(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|_| failed())
}

fn is_of(hash: &str, password: &str) -> bool {
    // The hash says its own parameters.
    Argon2::default().verify_password(password.as_bytes(), hash).is_ok()
}

impl Hashing {
    pub(crate) fn new() -> Self {
        Self { turns: Slots::new(AT_A_TIME.0, AT_A_TIME.1), places: Slots::new(AT_MOST.0, AT_MOST.1) }
    }

    async fn run<T: Send + 'static>(
        &self,
        account: &AccountId,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let too_many =
            || Error::aws(AwsCode::IamLimitExceeded, "Too many passwords are being changed. Try again.");
        let place = self.places.try_take(account).ok_or_else(too_many)?;
        let turn = self.turns.take(account).await.ok_or_else(failed)?;
        // A client that disconnects does not release its turn before its hash ends.
        let done = tokio::task::spawn_blocking(move || {
            let _turn = (place, turn);
            work()
        });
        done.await.map_err(Error::internal)
    }

    /// The hash of a new password that is none of these earlier ones; nothing if it is.
    pub(crate) async fn hash(
        &self,
        account: &AccountId,
        password: String,
        earlier: Vec<String>,
    ) -> Result<Option<String>> {
        self.run(account, move || {
            if earlier.iter().any(|earlier| is_of(earlier, &password)) {
                return Ok(None);
            }
            hash(&password).map(Some)
        })
        .await?
    }

    /// Whether this is the password of a hash.
    pub(crate) async fn is_of(&self, account: &AccountId, hash: String, password: String) -> Result<bool> {
        self.run(account, move || is_of(&hash, &password)).await
    }
}

pub(crate) fn violation(message: impl Into<String>) -> Error {
    Error::aws(AwsCode::PasswordPolicyViolation, message.into())
}

/// Whether a character is of a class.
type Class = fn(char) -> bool;

/// Tests a password by the rules of the account, or by IAM's own if the account has none.
pub(crate) fn check(policy: Option<&PasswordPolicy>, password: &str) -> Result<()> {
    let classes: [(&str, Class); 4] = [
        ("uppercase letter", |c| c.is_ascii_uppercase()),
        ("lowercase letter", |c| c.is_ascii_lowercase()),
        ("number", |c| c.is_ascii_digit()),
        ("symbol", |c| SYMBOLS.contains(c)),
    ];
    let length = policy.map_or(DEFAULT_LENGTH, |policy| policy.minimum_length);
    if u32::try_from(password.chars().count()).is_ok_and(|count| count < length) {
        return Err(violation(format!("Password should have a minimum length of {length}")));
    }
    let missing = classes.iter().filter(|(_, is_in)| !password.chars().any(is_in));
    let missing: Vec<&str> = missing.map(|(name, _)| *name).collect();
    let Some(policy) = policy else {
        if classes.len() - missing.len() < DEFAULT_CLASSES {
            let message = "Password should have at least three of: uppercase letters, lowercase letters, numbers, symbols";
            return Err(violation(message));
        }
        return Ok(());
    };
    let required =
        [policy.require_uppercase, policy.require_lowercase, policy.require_numbers, policy.require_symbols];
    for ((name, _), is_required) in classes.iter().zip(required) {
        if is_required && missing.contains(name) {
            return Err(violation(format!("Password should have at least one {name}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_RULES: PasswordPolicy = PasswordPolicy {
        minimum_length: 6,
        require_symbols: false,
        require_numbers: false,
        require_uppercase: false,
        require_lowercase: false,
        allow_users_to_change: false,
        max_age_days: None,
        reuse_prevention: None,
        hard_expiry: false,
    };

    fn refusal(policy: Option<&PasswordPolicy>, password: &str) -> Option<String> {
        check(policy, password).err().map(|error| error.message.into_owned())
    }

    #[test]
    fn an_account_without_rules_has_those_of_iam() {
        assert_eq!(refusal(None, "Abcdef1").unwrap(), "Password should have a minimum length of 8");
        assert!(refusal(None, "abcdefg1").unwrap().starts_with("Password should have at least three of"));
        assert_eq!(refusal(None, "Abcdefg1"), None);
        assert_eq!(refusal(None, "abcdef1!"), None);
    }

    #[test]
    fn each_rule_of_the_account_is_enforced() {
        assert_eq!(refusal(Some(&NO_RULES), "aaaaaa"), None);
        assert_eq!(refusal(Some(&NO_RULES), "aaaaa").unwrap(), "Password should have a minimum length of 6");
        let rules = [
            (PasswordPolicy { require_uppercase: true, ..NO_RULES }, "uppercase letter", "aaaaaA"),
            (PasswordPolicy { require_lowercase: true, ..NO_RULES }, "lowercase letter", "AAAAAa"),
            (PasswordPolicy { require_numbers: true, ..NO_RULES }, "number", "aaaaa1"),
            (PasswordPolicy { require_symbols: true, ..NO_RULES }, "symbol", "aaaaa'"),
        ];
        for (policy, class, right) in rules {
            let without = if class == "lowercase letter" { "AAAAAA" } else { "aaaaaa" };
            let expected = format!("Password should have at least one {class}");
            assert_eq!(refusal(Some(&policy), without), Some(expected));
            assert_eq!(refusal(Some(&policy), right), None, "{class}");
        }
    }

    fn account(id: &str) -> AccountId {
        id.parse().unwrap()
    }

    #[tokio::test]
    async fn a_hash_is_slow_salted_and_of_one_password() {
        let (hashing, account) = (Hashing::new(), account("111111111111"));
        let hash = async |password: &str, earlier| hashing.hash(&account, password.to_owned(), earlier).await;
        let is_of =
            async |hash: &str, password: &str| hashing.is_of(&account, hash.into(), password.into()).await;
        let one = hash("secret", Vec::new()).await.unwrap().unwrap();
        let other = hash("secret", Vec::new()).await.unwrap().unwrap();
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, other);
        assert!(is_of(&one, "secret").await.unwrap());
        assert!(!is_of(&one, "Secret").await.unwrap());
        let earlier = vec![other, one];
        assert_eq!(hash("secret", earlier.clone()).await.unwrap(), None);
        assert!(hash("another", earlier).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn one_account_never_takes_all_places() {
        let (hashing, busy) = (Hashing::new(), account("111111111111"));
        let places: Vec<_> = (0..AT_MOST.1).map(|_| hashing.places.try_take(&busy).unwrap()).collect();
        let refused = hashing.hash(&busy, "secret".to_owned(), Vec::new()).await.unwrap_err();
        assert_eq!(refused.message, "Too many passwords are being changed. Try again.");
        let other = account("222222222222");
        assert!(hashing.hash(&other, "secret".to_owned(), Vec::new()).await.unwrap().is_some());
        drop(places);
        assert!(hashing.hash(&busy, "secret".to_owned(), Vec::new()).await.unwrap().is_some());
    }
}
