//! Temporary credentials of a role, in the formats that SDKs read.

use aws::ids::SecretKey;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The credentials from STS. No `Debug`: they contain secrets.
#[derive(Clone)]
pub(crate) struct Temporary {
    pub(crate) access_key_id: String,
    pub(crate) secret: SecretKey,
    pub(crate) session_token: String,
    pub(crate) obtained_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// SDKs request new credentials when this time is left (botocore's advisory time). New ones should exist by then.
const SDK_MARGIN: SignedDuration = SignedDuration::from_mins(15);

impl Temporary {
    /// Whether they can be used.
    pub(crate) fn is_good(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    /// When to get new ones: a little before SDKs ask, but not before three quarters of a short lifetime.
    pub(crate) fn renew_at(&self) -> Timestamp {
        let life = self.expires_at.duration_since(self.obtained_at);
        let margin = (life / 4).min(SDK_MARGIN + SignedDuration::from_mins(5));
        self.expires_at.checked_sub(margin).unwrap_or(self.obtained_at)
    }

    /// The format of a `credential_process` (AWS SDKs and Tools Reference Guide, "Process credential provider").
    pub(crate) fn for_process(&self) -> Value {
        json!({
            "Version": 1,
            "AccessKeyId": self.access_key_id,
            "SecretAccessKey": self.secret.expose(),
            "SessionToken": self.session_token,
            "Expiration": seconds(self.expires_at),
        })
    }

    /// The format of the container credentials endpoint of ECS and EKS.
    pub(crate) fn for_container(&self, role_arn: &str) -> Value {
        json!({
            "RoleArn": role_arn,
            "AccessKeyId": self.access_key_id,
            "SecretAccessKey": self.secret.expose(),
            "Token": self.session_token,
            "Expiration": seconds(self.expires_at),
        })
    }

    /// The format of EC2's instance metadata (EC2 User Guide, "Retrieve security credentials from instance metadata").
    pub(crate) fn for_imds(&self) -> Value {
        json!({
            "Code": "Success",
            "LastUpdated": seconds(self.obtained_at),
            "Type": "AWS-HMAC",
            "AccessKeyId": self.access_key_id,
            "SecretAccessKey": self.secret.expose(),
            "Token": self.session_token,
            "Expiration": seconds(self.expires_at),
        })
    }
}

/// Whole seconds: some SDKs do not read fractions.
fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Credentials with a name for the test, valid from one second to another.
    pub(crate) fn temporary(name: &str, from: i64, until: i64) -> Temporary {
        Temporary {
            access_key_id: format!("ASIA{name}"),
            secret: SecretKey::new(format!("secret-{name}")),
            session_token: format!("token-{name}"),
            obtained_at: Timestamp::from_second(from).unwrap(),
            expires_at: Timestamp::from_second(until).unwrap(),
        }
    }

    #[test]
    fn renewal_comes_before_sdks_request_it() {
        assert_eq!(temporary("A", 0, 3600).renew_at().as_second(), 2700);
        assert_eq!(temporary("A", 0, 43200).renew_at().as_second(), 43200 - 20 * 60);
        assert_eq!(temporary("A", 0, 900).renew_at().as_second(), 675);
    }

    #[test]
    fn times_have_the_format_that_sdks_read() {
        let mut credentials = temporary("A", 0, 3600);
        credentials.expires_at += SignedDuration::from_millis(250);
        let printed = credentials.for_process();
        assert_eq!(printed["Expiration"], "1970-01-01T01:00:00Z");
        assert_eq!((&printed["Version"], &printed["SessionToken"]), (&json!(1), &json!("token-A")));
        assert_eq!(credentials.for_container("arn")["Token"], "token-A");
        assert_eq!(credentials.for_imds()["Code"], "Success");
    }
}
