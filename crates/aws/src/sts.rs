//! The shapes of STS's API (version 2011-06-15): requests with their rules, and results.

use jiff::Timestamp;

use crate::ids::SecretKey;
use crate::query::request::{ACCESS_KEY_ID, ARN, DOCUMENT, Invalid, Rule, SESSION_NAME, is_name, text};
use crate::query::{Form, FromForm, STS, ToXml, Xml};

/// The `Version` of STS's API.
pub const VERSION: &str = STS.version;

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
fn policy_arns(form: &Form) -> Result<Vec<String>, Invalid> {
    let members = form.structures("PolicyArns");
    if members.len() > 10 {
        let constraint = "Member must have length less than or equal to 10";
        return Err(crate::query::request::invalid("policyArns", Some(""), constraint));
    }
    let arns = members.iter().filter_map(|member| member.get("arn").map(str::to_owned)).collect::<Vec<_>>();
    arns.iter().try_for_each(|arn| crate::query::request::check(&ARN, "policyArns", arn))?;
    Ok(arns)
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
    fn from_form(form: &Form, longest: i64) -> Result<Self, Invalid> {
        Ok(Self {
            duration_seconds: form.number("DurationSeconds", 900, longest)?,
            policy: form.optional("Policy", &POLICY)?,
            policy_arns: policy_arns(form)?,
            tags: form.tags("Tags")?,
        })
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
    fn from_form(form: &Form) -> Result<Self, Invalid> {
        Ok(Self {
            role_arn: form.required("RoleArn", &ARN)?,
            role_session_name: form.required("RoleSessionName", &SESSION_NAME)?,
            session: SessionParameters::from_form(form, 43_200)?,
            transitive_tag_keys: form.texts("TransitiveTagKeys", &text(1, 128), 50)?,
            external_id: form.optional("ExternalId", &EXTERNAL_ID)?,
            source_identity: form.optional("SourceIdentity", &SOURCE_IDENTITY)?,
            serial_number: form.optional("SerialNumber", &text(9, 256))?,
            token_code: form.optional("TokenCode", &text(6, 6))?,
        })
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
    fn from_form(form: &Form) -> Result<Self, Invalid> {
        // The text of a refusal repeats the value, and a token is a secret.
        let token = form.get("WebIdentityToken").unwrap_or_default();
        if !(4..=20_000).contains(&token.len()) {
            let message = "WebIdentityToken must be given, with 4 to 20000 characters.";
            return Err(Invalid { message: message.to_owned() });
        }
        Ok(Self {
            role_arn: form.required("RoleArn", &ARN)?,
            role_session_name: form.required("RoleSessionName", &SESSION_NAME)?,
            web_identity_token: token.to_owned(),
            // Tags of such a session can come from the token alone, never from its bearer.
            session: SessionParameters { tags: Vec::new(), ..SessionParameters::from_form(form, 43_200)? },
        })
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
    fn from_form(form: &Form) -> Result<Self, Invalid> {
        Ok(Self {
            duration_seconds: form.number("DurationSeconds", 900, 129_600)?,
            serial_number: form.optional("SerialNumber", &text(9, 256))?,
            token_code: form.optional("TokenCode", &text(6, 6))?,
        })
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
    fn from_form(form: &Form) -> Result<Self, Invalid> {
        Ok(Self {
            name: form.required("Name", &FEDERATED_NAME)?,
            session: SessionParameters::from_form(form, 129_600)?,
        })
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

impl ToXml for CallerIdentity {
    fn write(&self, xml: &mut Xml) {
        xml.text("Arn", &self.arn).text("UserId", &self.user_id).text("Account", &self.account);
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

impl ToXml for Credentials {
    fn write(&self, xml: &mut Xml) {
        xml.element("Credentials", |xml| {
            xml.text("AccessKeyId", &self.access_key_id).text("SecretAccessKey", self.secret.expose());
            xml.text("SessionToken", &self.session_token).time("Expiration", self.expiration);
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

impl ToXml for AssumedRole {
    fn write(&self, xml: &mut Xml) {
        if let Some(by) = &self.web_identity {
            xml.text("SubjectFromWebIdentityToken", &by.subject).text("Audience", &by.audience);
            xml.text("Provider", &by.provider);
        }
        self.credentials.write(xml);
        xml.element("AssumedRoleUser", |xml| {
            xml.text("AssumedRoleId", &self.assumed_role_id).text("Arn", &self.arn);
        });
        xml.maybe("PackedPolicySize", self.packed_policy_size.map(|size| size.to_string()).as_deref());
        xml.maybe("SourceIdentity", self.source_identity.as_deref());
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

impl ToXml for FederationToken {
    fn write(&self, xml: &mut Xml) {
        self.credentials.write(xml);
        xml.element("FederatedUser", |xml| {
            xml.text("FederatedUserId", &self.federated_user_id).text("Arn", &self.arn);
        });
        xml.maybe("PackedPolicySize", self.packed_policy_size.map(|size| size.to_string()).as_deref());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::response;

    #[test]
    fn get_caller_identity_answers_as_sts_does() {
        let identity = CallerIdentity {
            arn: "arn:aws:iam::123456789012:user/Alice".to_owned(),
            user_id: "AIDACKCEVSQ6C2EXAMPLE".to_owned(),
            account: "123456789012".to_owned(),
        };
        let xml = response(STS, "GetCallerIdentity", "r-1", |xml| identity.write(xml));
        assert_eq!(
            String::from_utf8(xml).unwrap(),
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/Alice</Arn>\
             <UserId>AIDACKCEVSQ6C2EXAMPLE</UserId><Account>123456789012</Account></GetCallerIdentityResult>\
             <ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
        );
    }

    #[test]
    fn a_token_is_in_no_refusal() {
        let form = Form::parse(b"RoleArn=x&WebIdentityToken=abc").unwrap();
        let refused = AssumeRoleWithWebIdentityRequest::from_form(&form).err().unwrap();
        assert!(!refused.message.contains("abc"));
    }
}
