//! Why somebody may or may not do something: asked of the very gate that decides, in the name of whom it is about.

mod text;

use access::op::{IamOp, StsOp};
use std::sync::Arc;

use aws::arn::Arn;
use aws::iam::{Explanation, WharfExplainAccessRequest};
use aws::ids::AccountId;
use jiff::Timestamp;
use meta::{EntityKind, FindEntity, FindMemberAccount, Target};

use crate::Identity;
use crate::iam::simulate::{decision_word, given};
use access::authz::Explained;
use access::context::{Caller, CallerKind, Ctx, Peer, Plane, RepositoryRef, Session};
use access::error::{AwsCode, Code, Error, Result};
use access::op::{Op, Resource};
use access::store::StoreResultExt as _;

/// The session that a role's ARN stands for.
const SESSION_NAME: &str = "explained";

fn invalid(message: String) -> Error {
    Error::aws(AwsCode::ValidationError, message)
}

/// What is to be explained, taken apart.
pub(crate) struct Question {
    pub(crate) caller: Arc<Caller>,
    pub(crate) op: Op,
    pub(crate) resource: String,
    pub(crate) keys: policy::Context,
}

impl Identity {
    /// Why a principal may or may not do something. It shows policies of the principal's account and of the
    /// resource's, so that both must be the caller's own; the management account may ask about any of its organisation.
    pub async fn wharf_explain_access(
        &self,
        ctx: &Ctx,
        input: WharfExplainAccessRequest,
    ) -> Result<Explanation> {
        let gate = self.access.account_gate(ctx).await?;
        gate.allow_on(Op::Iam(IamOp::WharfExplainAccess), &input.principal_arn, policy::Context::new())?;
        let account_of = |arn: &str| arn.parse::<Arn>().ok().and_then(|arn| arn.account_id());
        // A principal is always of an account; what it does may be on nothing in particular.
        let asked = [Some(account_of(&input.principal_arn)), account_of(&input.resource_arn).map(Some)];
        for account in asked.into_iter().flatten() {
            if !self.may_see_policies_of(&ctx.caller.account_id, account.as_ref()).await? {
                let message = "The principal and the resource must be of your own account. Across accounts of the \
                               organization, ask as the management account; about others, on the server's host with \
                               --config.";
                return Err(Error::new(Code::AccessDenied, message));
            }
        }
        self.explain_access(input, ctx.peer, ctx.now).await
    }

    async fn may_see_policies_of(&self, own: &AccountId, account: Option<&AccountId>) -> Result<bool> {
        if account == Some(own) {
            return Ok(true);
        }
        if *own != self.access.management_account().await? {
            return Ok(false);
        }
        // A principal of no account is told as what it is: nobody's.
        let Some(account) = account else { return Ok(true) };
        let find = FindMemberAccount { account_id: account.clone() };
        let found = self.access.meta.read(find).await.or_store_error()?;
        Ok(found.is_some_and(|member| member.in_organization))
    }

    /// The same for whoever holds the store.
    pub async fn explain_access(
        &self,
        mut input: WharfExplainAccessRequest,
        mut peer: Peer,
        now: Timestamp,
    ) -> Result<Explanation> {
        // An address that is given is where the request comes from: which network it is of follows from it.
        input.context_entries.retain(|entry| match entry.values.as_slice() {
            [text] if entry.name.eq_ignore_ascii_case("aws:SourceIp") => {
                text.parse().map(|address| peer.address = address).is_err()
            }
            _ => true,
        });
        let caller = Arc::new(self.principal_as_caller(&input.principal_arn, now).await?);
        let op = Op::all().find(|op| op.action().eq_ignore_ascii_case(&input.action));
        let op = op.ok_or_else(|| {
            invalid(format!("There is no action {} here. One that is: ecr:BatchGetImage.", input.action))
        })?;
        let question =
            Question { caller, op, resource: input.resource_arn, keys: given(&input.context_entries) };
        let explained = self.explained(&question, peer, now).await?;
        Ok(Explanation {
            decision: decision_word(&explained.decision),
            text: text::of(&question, &explained),
        })
    }

    async fn explained(&self, question: &Question, peer: Peer, now: Timestamp) -> Result<Explained> {
        let Question { caller, op, resource, keys } = question;
        let ctx = Ctx::new(Arc::clone(caller), peer, None, "explanation".to_owned(), now, Plane::Control);
        let is_ecr = op.service().has_resource_policies();
        if *op == Op::Sts(StsOp::AssumeRole) {
            let gate = self.access.account_gate(&ctx).await?;
            let role = self.role_of_arn(resource).await?;
            let (role, account) = role.ok_or_else(|| invalid(format!("There is no role {resource}.")))?;
            let stored = role.role.as_ref().map(|fields| fields.trust_policy.as_str()).unwrap_or_default();
            let trust = policy::Policy::parse(stored).map_err(Error::internal)?;
            let keys = self.access.keys_of_account(&account).and(keys.clone());
            return Ok(gate.explain(*op, resource, keys, Some((&trust, &role.account_id))));
        }
        let gate = match op.resource() {
            Resource::Repository | Resource::NewRepository | Resource::AllRepositories => {
                let repository = repository_of(resource).ok_or_else(|| {
                    invalid(format!(
                        "{} is decided on a repository: arn:aws:ecr:REGION:ACCOUNT:repository/NAME.",
                        op.action()
                    ))
                })?;
                self.access.gate(&ctx, &repository, Target::None).await?
            }
            Resource::Account if is_ecr && resource != "*" => {
                return Err(invalid(format!("{} is decided on '*' alone.", op.action())));
            }
            Resource::Account | Resource::Named | Resource::Everyone => {
                self.access.account_gate(&ctx).await?
            }
        };
        Ok(gate.explain(*op, resource, keys.clone(), None))
    }

    /// A caller as one would be whom an ARN names.
    async fn principal_as_caller(&self, principal: &str, now: Timestamp) -> Result<Caller> {
        let unknown = || {
            invalid(format!(
                "There is no principal {principal}. Give the ARN of an account's root, a user, a role or a role's session."
            ))
        };
        let arn: Arn = principal.parse().map_err(|_| unknown())?;
        let account_id = arn.account_id().ok_or_else(unknown)?;
        let (unique_id, kind) = match (arn.service.as_str(), arn.resource.split_once('/')) {
            ("iam", None) if arn.resource == "root" => (account_id.to_string(), CallerKind::Root),
            ("iam", Some(_)) => {
                let found = self.entity_of_arn(principal).await?.ok_or_else(unknown)?;
                let (path, name) = (found.path, found.name);
                let kind = match found.kind.as_str() {
                    "user" => CallerKind::User { path, name },
                    "role" => CallerKind::Role { path, name, session_name: SESSION_NAME.to_owned() },
                    _ => return Err(unknown()),
                };
                (found.unique_id, kind)
            }
            ("sts", Some(("assumed-role", rest))) => {
                let (role, session_name) = rest.split_once('/').ok_or_else(unknown)?;
                self.role_session(&account_id, role, session_name).await?.ok_or_else(unknown)?
            }
            _ => return Err(unknown()),
        };
        let is_session = matches!(kind, CallerKind::Role { .. });
        let session = Session { issued_at: now.as_second(), expires_at: i64::MAX, ..Session::default() };
        Ok(Caller {
            arn: kind.arn(&account_id),
            account_id,
            unique_id,
            kind,
            // Nothing is signed: the key stands in no decision.
            access_key_id: "AKIA000000000000".parse().map_err(Error::internal)?,
            long_term_key: None,
            session: is_session.then(|| Arc::new(session)),
            token_region: None,
            ends_at: None,
        })
    }

    async fn role_session(
        &self,
        account_id: &AccountId,
        role: &str,
        session_name: &str,
    ) -> Result<Option<(String, CallerKind)>> {
        let find =
            FindEntity { account_id: account_id.clone(), kind: EntityKind::Role, name: role.to_owned() };
        let found = self.access.meta.read(find).await.or_store_error()?.filter(|entity| entity.name == role);
        Ok(found.map(|role| {
            let session_name = session_name.to_owned();
            (role.unique_id, CallerKind::Role { path: role.path, name: role.name, session_name })
        }))
    }
}

fn repository_of(resource: &str) -> Option<RepositoryRef> {
    let arn: Arn = resource.parse().ok()?;
    let name = arn.resource.strip_prefix("repository/").filter(|_| arn.service == "ecr")?;
    Some(RepositoryRef {
        account_id: arn.account_id()?,
        region: arn.region.parse().ok()?,
        name: name.parse().ok()?,
    })
}
