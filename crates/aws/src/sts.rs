//! The shapes of STS's API (version 2011-06-15): requests with their rules, and results.

use jiff::Timestamp;

use crate::ids::SecretKey;
use crate::query::request::{
    ACCESS_KEY_ID, ARN, DOCUMENT, Rule, SESSION_NAME, check, check_length, is_name, text,
};
use crate::query::{Form, FromForm, Output, Violations, Writer};

const POLICY: Rule = Rule { max: 2_048, ..DOCUMENT };
const EXTERNAL_ID: Rule = Rule {
    min: 2,
    max: 1_224,
    pattern: Some((r"[\w+=,.@:\/-]*", |text| {
        text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b))
    })),
};
const SOURCE_IDENTITY: Rule = Rule { min: 2, max: 64, pattern: Some((r"[\w+=,.@-]*", is_name)) };
const FEDERATED_NAME: Rule = Rule { min: 2, max: 32, pattern: Some((r"[\w+=,.@-]*", is_name)) };

/// Lists `PolicyArns.member.N.arn`.
fn policy_arns(form: &Form, found: &mut Violations) -> Vec<String> {
    let members = form.structures("PolicyArns");
    let arns: Vec<String> =
        members.iter().filter_map(|member| member.get("arn").map(str::to_owned)).collect();
    for (index, arn) in arns.iter().enumerate() {
        check(&ARN, &format!("policyArns.{}.member.arn", index + 1), arn, found);
    }
    let shown = || {
        let each = arns.iter().map(|arn| format!("PolicyDescriptorType(arn={arn})"));
        format!("[{}]", each.collect::<Vec<_>>().join(", "))
    };
    check_length("policyArns", members.len(), 10, shown, found);
    arns
}

/// What every request for a session may ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of the requests in the API")]
pub struct SessionParameters {
    pub duration_seconds: Option<i64>,
    pub policy: Option<String>,
    pub policy_arns: Vec<String>,
    pub tags: Vec<(String, String)>,
}

impl SessionParameters {
    fn read(form: &Form, longest: i64, found: &mut Violations) -> Self {
        Self {
            duration_seconds: form.number("DurationSeconds", 900, longest, found),
            policy: form.optional("Policy", &POLICY, found),
            policy_arns: policy_arns(form, found),
            tags: form.tags("Tags", found),
        }
    }
}

/// `AssumeRole`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of the request in the API")]
pub struct AssumeRoleRequest {
    pub role_arn: String,
    pub role_session_name: String,
    pub session: SessionParameters,
    pub transitive_tag_keys: Vec<String>,
    pub external_id: Option<String>,
    pub source_identity: Option<String>,
    pub serial_number: Option<String>,
    pub token_code: Option<String>,
}

impl FromForm for AssumeRoleRequest {
    fn read(form: &Form, found: &mut Violations) -> Self {
        Self {
            role_arn: form.required("RoleArn", &ARN, found),
            role_session_name: form.required("RoleSessionName", &SESSION_NAME, found),
            session: SessionParameters::read(form, 43_200, found),
            transitive_tag_keys: form.texts("TransitiveTagKeys", &text(1, 128), 50, found),
            external_id: form.optional("ExternalId", &EXTERNAL_ID, found),
            source_identity: form.optional("SourceIdentity", &SOURCE_IDENTITY, found),
            serial_number: form.optional("SerialNumber", &text(9, 256), found),
            token_code: form.optional("TokenCode", &text(6, 6), found),
        }
    }
}

/// `AssumeRoleWithWebIdentity`. No `Debug`: it holds a token.
#[derive(Clone, Default)]
#[expect(missing_docs, reason = "the members of the request in the API")]
pub struct AssumeRoleWithWebIdentityRequest {
    pub role_arn: String,
    pub role_session_name: String,
    pub web_identity_token: String,
    pub session: SessionParameters,
}

impl FromForm for AssumeRoleWithWebIdentityRequest {
    fn read(form: &Form, found: &mut Violations) -> Self {
        // The text of a refusal repeats the value, and a token is a secret.
        let token = form.get("WebIdentityToken");
        match token.map(str::len) {
            None => found.add_null("WebIdentityToken"),
            Some(..4) => {
                found.add_secret("WebIdentityToken", "Member must have length greater than or equal to 4");
            }
            Some(4..=20_000) => {}
            Some(_) => {
                found.add_secret("WebIdentityToken", "Member must have length less than or equal to 20000");
            }
        }
        Self {
            role_arn: form.required("RoleArn", &ARN, found),
            role_session_name: form.required("RoleSessionName", &SESSION_NAME, found),
            web_identity_token: token.unwrap_or_default().to_owned(),
            // Tags of such a session can come from the token alone, never from its bearer.
            session: SessionParameters { tags: Vec::new(), ..SessionParameters::read(form, 43_200, found) },
        }
    }
}

/// `GetSessionToken`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of the request in the API")]
pub struct GetSessionTokenRequest {
    pub duration_seconds: Option<i64>,
    pub serial_number: Option<String>,
    pub token_code: Option<String>,
}

impl FromForm for GetSessionTokenRequest {
    fn read(form: &Form, found: &mut Violations) -> Self {
        Self {
            duration_seconds: form.number("DurationSeconds", 900, 129_600, found),
            serial_number: form.optional("SerialNumber", &text(9, 256), found),
            token_code: form.optional("TokenCode", &text(6, 6), found),
        }
    }
}

/// `GetFederationToken`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of the request in the API")]
pub struct GetFederationTokenRequest {
    pub name: String,
    pub session: SessionParameters,
}

impl FromForm for GetFederationTokenRequest {
    fn read(form: &Form, found: &mut Violations) -> Self {
        Self {
            name: form.required("Name", &FEDERATED_NAME, found),
            session: SessionParameters::read(form, 129_600, found),
        }
    }
}

crate::query_requests! {
    /// `GetCallerIdentity`.
    GetCallerIdentityRequest {}
    /// `GetAccessKeyInfo`.
    GetAccessKeyInfoRequest {
        access_key_id: required(ACCESS_KEY_ID) "AccessKeyId",
    }
    /// `DecodeAuthorizationMessage`.
    DecodeAuthorizationMessageRequest {
        encoded_message: required(text(1, 10_240)) "EncodedMessage",
    }
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The caller's ARN.
    pub arn: String,
    /// `AIDA…` of a user, `AROA…:session` of a role's session, the account id of root.
    pub user_id: String,
    /// The account.
    pub account: String,
}

impl Output for CallerIdentity {
    fn write(&self, out: &mut Writer) {
        out.text("Arn", &self.arn).text("UserId", &self.user_id).text("Account", &self.account);
    }
}

/// Temporary credentials. No `Debug`: they are secrets.
#[derive(Clone)]
#[expect(missing_docs, reason = "the members of the API's type Credentials")]
pub struct Credentials {
    pub access_key_id: String,
    pub secret: SecretKey,
    pub session_token: String,
    pub expiration: Timestamp,
}

impl Output for Credentials {
    fn write(&self, out: &mut Writer) {
        out.element("Credentials", |out| {
            out.text("AccessKeyId", &self.access_key_id).text("SecretAccessKey", self.secret.expose());
            out.text("SessionToken", &self.session_token).time("Expiration", self.expiration);
        });
    }
}

/// The result of AssumeRole, and with the token's fields of AssumeRoleWithWebIdentity.
#[derive(Clone)]
#[expect(missing_docs, reason = "the members of the results in the API")]
pub struct AssumedRole {
    pub credentials: Credentials,
    pub assumed_role_id: String,
    pub arn: String,
    pub packed_policy_size: Option<u32>,
    pub source_identity: Option<String>,
    pub web_identity: Option<AssumedBy>,
}

/// What a result says of the token that it was given for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of AssumeRoleWithWebIdentity's result")]
pub struct AssumedBy {
    pub subject: String,
    pub audience: String,
    pub provider: String,
}

impl Output for AssumedRole {
    fn write(&self, out: &mut Writer) {
        if let Some(by) = &self.web_identity {
            out.text("SubjectFromWebIdentityToken", &by.subject).text("Audience", &by.audience);
            out.text("Provider", &by.provider);
        }
        self.credentials.write(out);
        out.element("AssumedRoleUser", |out| {
            out.text("AssumedRoleId", &self.assumed_role_id).text("Arn", &self.arn);
        });
        if let Some(size) = self.packed_policy_size {
            out.number("PackedPolicySize", i64::from(size));
        }
        out.maybe("SourceIdentity", self.source_identity.as_deref());
    }
}

/// The result of GetFederationToken.
#[derive(Clone)]
#[expect(missing_docs, reason = "the members of the result in the API")]
pub struct FederationToken {
    pub credentials: Credentials,
    pub federated_user_id: String,
    pub arn: String,
    pub packed_policy_size: Option<u32>,
}

impl Output for FederationToken {
    fn write(&self, out: &mut Writer) {
        self.credentials.write(out);
        out.element("FederatedUser", |out| {
            out.text("FederatedUserId", &self.federated_user_id).text("Arn", &self.arn);
        });
        if let Some(size) = self.packed_policy_size {
            out.number("PackedPolicySize", i64::from(size));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Format, response};
    use crate::service::Service;

    #[test]
    fn get_caller_identity_answers_as_sts_does() {
        let identity = CallerIdentity {
            arn: "arn:aws:iam::123456789012:user/Alice".to_owned(),
            user_id: "AIDACKCEVSQ6C2EXAMPLE".to_owned(),
            account: "123456789012".to_owned(),
        };
        let xml = response(Service::Sts, Format::Xml, "GetCallerIdentity", "r-1", |out| identity.write(out));
        assert_eq!(
            String::from_utf8(xml).unwrap(),
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/Alice</Arn>\
             <UserId>AIDACKCEVSQ6C2EXAMPLE</UserId><Account>123456789012</Account></GetCallerIdentityResult>\
             <ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
        );
    }

    #[test]
    fn errors_do_not_contain_the_token() {
        let form = Form::parse(b"RoleArn=x&WebIdentityToken=abc").unwrap();
        let refused = AssumeRoleWithWebIdentityRequest::from_form(&form).err().unwrap();
        assert!(!refused.message.contains("abc"));
    }
}
