//! A request with everything that applies to it, as plain texts: the input of both evaluators.

use std::net::IpAddr;

use jiff::Timestamp;
use policy::{
    Access, Caller, CallerKind, Context, Decision, Policies, Policy, Request, Source, SourceName, evaluate,
};

/// The account that owns every resource here.
pub(crate) const OWNER: &str = "111122223333";
pub(crate) const OTHER: &str = "444455556666";

pub(crate) const ROOT: Caller<'static> = Caller { account: OWNER, kind: CallerKind::Root };
pub(crate) const EVE: Caller<'static> = Caller {
    account: OWNER,
    kind: CallerKind::User { arn: "arn:aws:iam::111122223333:user/eve", unique_id: "AIDAEVE0000000000000" },
};
pub(crate) const SESSION: Caller<'static> = Caller {
    account: OWNER,
    kind: CallerKind::RoleSession {
        session_arn: "arn:aws:sts::111122223333:assumed-role/ci/run-1",
        role_arn: "arn:aws:iam::111122223333:role/ci",
        role_id: "AROACIROLE00000000000",
    },
};
/// A session that eve requested with GetFederationToken.
pub(crate) const FEDERATED: Caller<'static> = Caller {
    account: OWNER,
    kind: CallerKind::FederatedUser {
        arn: "arn:aws:sts::111122223333:federated-user/temp",
        user: Some(("arn:aws:iam::111122223333:user/eve", "AIDAEVE0000000000000")),
    },
};
/// A session that the root user requested with GetFederationToken.
pub(crate) const ROOTS_SESSION: Caller<'static> = Caller {
    account: OWNER,
    kind: CallerKind::FederatedUser { arn: "arn:aws:sts::111122223333:federated-user/temp", user: None },
};
pub(crate) const BOBS_ROOTS_SESSION: Caller<'static> = Caller {
    account: OTHER,
    kind: CallerKind::FederatedUser { arn: "arn:aws:sts::444455556666:federated-user/temp", user: None },
};
pub(crate) const BOB: Caller<'static> = Caller {
    account: OTHER,
    kind: CallerKind::User { arn: "arn:aws:iam::444455556666:user/bob", unique_id: "AIDABOB0000000000000" },
};
pub(crate) const BOBS_ROOT: Caller<'static> = Caller { account: OTHER, kind: CallerKind::Root };
pub(crate) const BOBS_SESSION: Caller<'static> = Caller {
    account: OTHER,
    kind: CallerKind::RoleSession {
        session_arn: "arn:aws:sts::444455556666:assumed-role/pull/node-1",
        role_arn: "arn:aws:iam::444455556666:role/pull",
        role_id: "AROAPULLROLE000000000",
    },
};

/// The values of a condition key.
#[derive(Debug, Clone)]
pub(crate) enum Held {
    One(Typed),
    Set(Vec<Typed>),
}

/// A value with the type that the server gives it.
#[derive(Debug, Clone)]
pub(crate) enum Typed {
    Text(String),
    Truth(bool),
    Number(i64),
    Moment(Timestamp),
    Address(IpAddr),
}

impl From<&Typed> for policy::Value {
    fn from(typed: &Typed) -> Self {
        match typed {
            Typed::Text(text) => Self::from(text.as_str()),
            Typed::Truth(is) => Self::from(*is),
            Typed::Number(number) => Self::from(*number),
            Typed::Moment(moment) => Self::from(*moment),
            Typed::Address(address) => Self::from(*address),
        }
    }
}

/// A request and all policies that apply to it, as JSON texts.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) caller: Caller<'static>,
    pub(crate) is_role_trust: bool,
    pub(crate) action: String,
    pub(crate) resource: String,
    pub(crate) context: Vec<(String, Held)>,
    pub(crate) identity: Vec<String>,
    pub(crate) boundary: Option<String>,
    pub(crate) session: Option<Vec<String>>,
    pub(crate) of_resource: Vec<String>,
    /// One policy for each level.
    pub(crate) service_control: Vec<String>,
    pub(crate) resource_control: Vec<String>,
}

impl Scenario {
    /// Without any policy: eve wants to put an image.
    pub(crate) fn new() -> Self {
        Self {
            caller: EVE,
            is_role_trust: false,
            action: "ecr:PutImage".to_owned(),
            resource: crate::request::APP.to_owned(),
            context: Vec::new(),
            identity: Vec::new(),
            boundary: None,
            session: None,
            of_resource: Vec::new(),
            service_control: Vec::new(),
            resource_control: Vec::new(),
        }
    }

    /// The decision of the crate.
    pub(crate) fn decide(&self) -> Decision {
        let name = SourceName::new("policy");
        let [identity, boundary, session, of_resource, service_control, resource_control] = [
            &self.identity[..],
            self.boundary.as_slice(),
            self.session.as_deref().unwrap_or_default(),
            &self.of_resource,
            &self.service_control,
            &self.resource_control,
        ]
        .map(|texts| texts.iter().map(|text| crate::request::policy(text)).collect::<Vec<_>>());
        let (identity, session, of_resource) =
            (sources(&name, &identity), sources(&name, &session), sources(&name, &of_resource));
        let (service_control, resource_control) =
            (sources(&name, &service_control), sources(&name, &resource_control));
        let policies = Policies {
            identity: &identity,
            boundary: boundary.first().map(|policy| (&name, policy)),
            session: self.session.as_ref().map(|_| &session[..]),
            resource: &of_resource,
            service_control: &levels(&service_control),
            resource_control: &levels(&resource_control),
        };
        let context = self.context();
        let request = Request { action: &self.action, resource: &self.resource, context: &context };
        let access =
            Access { caller: self.caller, resource_account: OWNER, is_role_trust: self.is_role_trust };
        evaluate(&policies, &request, &access)
    }

    fn context(&self) -> Context {
        self.context.iter().fold(Context::new(), |context, (key, held)| match held {
            Held::One(value) => context.with(key.clone(), value),
            Held::Set(values) => context.with_set(key.clone(), values),
        })
    }
}

fn sources<'a>(name: &'a SourceName, policies: &'a [Policy]) -> Vec<Source<'a>> {
    policies.iter().map(|policy| (name, policy)).collect()
}

fn levels<'a>(sources: &'a [Source<'a>]) -> Vec<&'a [Source<'a>]> {
    sources.chunks(1).collect()
}
