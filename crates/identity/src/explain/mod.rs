//! Explains why a principal is allowed or denied an action. The gate of requests decides, with that principal as the
//! caller.

mod principal;
mod text;

use std::sync::Arc;

use access::authz::Explained;
use access::context::{Caller, CallerKind, Ctx, Peer, Plane, RepositoryRef};
use access::effects::authority;
use access::entity::trust_policy;
use access::error::{AwsCode, Code, Error, Result};
use access::op::{Op, Resource, StsOp, iam};
use access::permit::{Permit, Reads};
use access::store::{Account, FindAccount, FindEntity, FindMemberAccount};
use aws::arn::Arn;
use aws::iam::{WharfExplainAccessRequest, WharfExplainAccessResponse};
use aws::ids::AccountId;
use jiff::Timestamp;

use self::principal::principal_as_caller;
use crate::Identity;
use crate::iam::simulate::{decision_type, given};
use crate::sts::assume_role::role_of_arn;

fn invalid(message: String) -> Error {
    Error::aws(AwsCode::ValidationError, message)
}

/// The parsed question.
pub(crate) struct Question {
    pub(crate) caller: Arc<Caller>,
    /// The caller's account.
    pub(crate) account: Account,
    pub(crate) op: Op,
    pub(crate) resource: String,
    pub(crate) keys: policy::Context,
}

impl Identity {
    /// Explains why a principal is allowed or denied an action. The answer shows policies of the principal's and the
    /// resource's account, so both must be the caller's own account. The management account may ask about every account of
    /// the organization.
    pub async fn wharf_explain_access(
        &self,
        ctx: &Ctx,
        input: WharfExplainAccessRequest,
    ) -> Result<WharfExplainAccessResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let permit =
            gate.permit_on::<iam::WharfExplainAccess>(&input.principal_arn, policy::Context::new())?;
        let account_of = |arn: &str| arn.parse::<Arn>().ok().and_then(|arn| arn.account_id());
        // A principal always belongs to an account; a resource can be `*`.
        let asked = [Some(account_of(&input.principal_arn)), account_of(&input.resource_arn).map(Some)];
        for account in asked.into_iter().flatten() {
            if !self.may_see_policies_of(&permit, account.as_ref()).await? {
                let message = "The principal and the resource must be of your own account. Across accounts of the \
                               organization, ask as the management account; about others, on the server's host with \
                               --config.";
                return Err(Error::new(Code::AccessDenied, message));
            }
        }
        self.explain(&permit, input, ctx.peer, ctx.now).await
    }

    async fn may_see_policies_of(
        &self,
        permit: &Permit<iam::WharfExplainAccess>,
        account: Option<&AccountId>,
    ) -> Result<bool> {
        let own = permit.account();
        if account == Some(own) {
            return Ok(true);
        }
        if *own != self.access.management_account().await? {
            return Ok(false);
        }
        // The explanation says that a principal without an account does not exist.
        let Some(account) = account else { return Ok(true) };
        let found = permit.read(|_| FindMemberAccount { account_id: account.clone() }).await?;
        Ok(found.is_some_and(|member| member.in_organization))
    }

    /// The same for the operator of the store.
    pub async fn explain_access(
        &self,
        input: WharfExplainAccessRequest,
        peer: Peer,
        now: Timestamp,
    ) -> Result<WharfExplainAccessResponse> {
        let service = Permit::for_service(authority::ExplainAccess, &self.access);
        self.explain(&service, input, peer, now).await
    }

    async fn explain<R>(
        &self,
        store: &R,
        mut input: WharfExplainAccessRequest,
        mut peer: Peer,
        now: Timestamp,
    ) -> Result<WharfExplainAccessResponse>
    where
        R: Reads<FindEntity> + Reads<FindAccount>,
    {
        // A given address is the address of the client, so the keys of VPC endpoints follow from it.
        input.context_entries.retain(|entry| {
            match (entry.context_key_name.as_deref(), entry.context_key_values.as_slice()) {
                (Some(name), [text]) if name.eq_ignore_ascii_case("aws:SourceIp") => {
                    text.parse().map(|address| peer.address = address).is_err()
                }
                _ => true,
            }
        });
        let (caller, account) = principal_as_caller(store, &input.principal_arn, now).await?;
        let op = Op::all().find(|op| op.action().eq_ignore_ascii_case(&input.action_name));
        let op = op.ok_or_else(|| {
            invalid(format!(
                "Unknown action {}. A known action is, for example, ecr:BatchGetImage.",
                input.action_name
            ))
        })?;
        let keys = given(&input.context_entries);
        let question = Question { caller: Arc::new(caller), account, op, resource: input.resource_arn, keys };
        let explained = self.explained(store, &question, peer, now).await?;
        Ok(WharfExplainAccessResponse {
            decision: decision_type(&explained.decision),
            explanation: text::of(&question, &explained),
        })
    }

    async fn explained<R>(
        &self,
        store: &R,
        question: &Question,
        peer: Peer,
        now: Timestamp,
    ) -> Result<Explained>
    where
        R: Reads<FindEntity> + Reads<FindAccount>,
    {
        let Question { caller, account, op, resource, keys } = question;
        let ctx = Ctx::new(Arc::clone(caller), peer, None, "explanation".to_owned(), now, Plane::Control);
        let is_ecr = op.service().has_resource_policies();
        if *op == Op::Sts(StsOp::AssumeRole) {
            if caller.kind == CallerKind::Root {
                return Err(invalid("Roles may not be assumed by root accounts.".to_owned()));
            }
            let gate = self.access.examine(&ctx, account, None).await?;
            let role = role_of_arn(store, resource).await?;
            let (role, its_account) = role.ok_or_else(|| invalid(format!("There is no role {resource}.")))?;
            let trust = trust_policy(&role)?;
            let keys = self.access.keys_of_account(&its_account).and(keys.clone());
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
                let access = self.access.of_registry(&repository.account_id, &repository.region).await?;
                access.examine(&ctx, account, Some(&repository)).await?
            }
            Resource::Account if is_ecr && resource != "*" => {
                return Err(invalid(format!("The resource of {} must be '*'.", op.action())));
            }
            Resource::Account | Resource::Named | Resource::Everyone => {
                self.access.examine(&ctx, account, None).await?
            }
        };
        Ok(gate.explain(*op, resource, keys.clone(), None))
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
