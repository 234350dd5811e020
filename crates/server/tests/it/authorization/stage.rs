//! One server with callers of every class, whose policies are rewritten for each row, and the things that requests are
//! about.

use std::net::SocketAddr;
use std::sync::Arc;

use access::context::{Caller, CallerKind, Ctx, Peer, Plane};
use aws::iam::{
    AttachUserPolicyRequest, CreateAccessKeyRequest, CreatePolicyRequest, CreatePolicyVersionRequest,
    CreateRoleRequest, CreateUserRequest, DeletePolicyVersionRequest, DetachUserPolicyRequest,
    PutRolePolicyRequest, PutUserPermissionsBoundaryRequest, PutUserPolicyRequest, StatusType,
    UpdateAccessKeyRequest,
};
use aws::ids::AccountId;
use aws::organizations::{CreateAccountRequest, DescribeOrganizationRequest, ListRootsRequest};
use aws::sts::{AssumeRoleRequest, GetSessionTokenRequest};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::policies;
use super::table::{ACCOUNT, MEMBER, OTHER, iam};
use super::wire::{Answer, Ask, Identity, ecr, sts};
use crate::node::Node;

const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const SESSION_ROLE: &str = "session";

pub(super) struct Stage {
    pub(super) node: Node,
    /// Has all permissions, and prepares the things that requests are about.
    pub(super) admin: Identity,
    /// The callers of each class. Their policies come with the row.
    pub(super) with: Identity,
    pub(super) without: Identity,
    pub(super) denied: Identity,
    pub(super) bounded: Identity,
    /// Has all permissions, and an access key that was deactivated after it had requested a docker password.
    pub(super) disabled: Identity,
    /// A session that the access key of `disabled` requested before.
    pub(super) disabled_session: Identity,
    /// An expired session of an administrator, and an expired docker password.
    pub(super) expired: Identity,
    /// The administrator of the other account.
    pub(super) other: Identity,
    /// A user of the other account without any policy.
    pub(super) stranger: Identity,
    /// The ID of the organization, and of its root.
    pub(super) organization: String,
    pub(super) root_id: String,
}

impl Stage {
    pub(super) async fn start() -> Self {
        let node = Node::start().await;
        let ctx = node.ctx(Timestamp::now());
        let identity = &node.identity;
        for (name, id) in [("other", OTHER), ("target", MEMBER)] {
            let input = CreateAccountRequest {
                email: format!("{name}@example.org"),
                account_name: name.to_owned(),
                wharf_account_id: Some(id.to_owned()),
                ..CreateAccountRequest::default()
            };
            identity.create_account(&ctx, input).await.unwrap();
        }
        let other_account: AccountId = OTHER.parse().unwrap();
        let (key, _) = identity.make_root_key(&other_account, Timestamp::now()).await.unwrap();
        let root = Caller::with_key(other_account, OTHER.to_owned(), CallerKind::Root, key);
        let peer = Peer { address: [127, 0, 0, 1].into(), tls: false };
        let of_other =
            Ctx::new(Arc::new(root), peer, None, "stage".to_owned(), Timestamp::now(), Plane::Control);
        let organization =
            identity.describe_organization(&ctx, DescribeOrganizationRequest {}).await.unwrap();
        let roots = identity.list_roots(&ctx, ListRootsRequest::default()).await.unwrap();
        let mut stage = Self {
            admin: user(&node, &ctx, "preparer").await,
            with: user(&node, &ctx, "with").await,
            without: user(&node, &ctx, "without").await,
            denied: user(&node, &ctx, "denied").await,
            bounded: user(&node, &ctx, "bounded").await,
            // Replaces the session that it requests before its access key is deactivated.
            disabled_session: expired(&node).await,
            disabled: user(&node, &ctx, "disabled").await,
            expired: expired(&node).await,
            other: user(&node, &of_other, "ops").await,
            stranger: user(&node, &of_other, "stranger").await,
            organization: organization.organization.id,
            root_id: roots.roots[0].id.clone(),
            node,
        };
        stage.log_in().await;
        let asked = stage.ask(&sts("GetSessionToken", &[]), Some(&stage.disabled)).await;
        stage.disabled_session = Identity::given(stage.disabled.arn.clone(), &asked);
        stage.take_away(&of_other).await;
        stage
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.node.address
    }

    fn ctx(&self) -> Ctx {
        self.node.ctx(Timestamp::now())
    }

    /// Every caller requests a docker password while it has all permissions.
    async fn log_in(&mut self) {
        let mut passwords = Vec::new();
        let callers = [
            &self.admin,
            &self.with,
            &self.without,
            &self.denied,
            &self.bounded,
            &self.disabled,
            &self.other,
            &self.stranger,
        ];
        for caller in callers {
            passwords.push(self.password_of(caller).await);
        }
        let callers = [
            &mut self.admin,
            &mut self.with,
            &mut self.without,
            &mut self.denied,
            &mut self.bounded,
            &mut self.disabled,
            &mut self.other,
            &mut self.stranger,
        ];
        for (caller, password) in callers.into_iter().zip(passwords) {
            caller.password = password;
        }
    }

    /// From here on each caller has the permissions of its class.
    async fn take_away(&self, of_other: &Ctx) {
        let (identity, ctx) = (&self.node.identity, self.ctx());
        let off = UpdateAccessKeyRequest {
            user_name: Some("disabled".to_owned()),
            access_key_id: self.disabled.access_key_id.to_string(),
            status: StatusType::Inactive,
        };
        identity.update_access_key(&ctx, off).await.unwrap();
        for (ctx, name) in [(of_other, "stranger"), (&ctx, "with"), (&ctx, "without"), (&ctx, "denied")] {
            let (user_name, policy_arn) = (name.to_owned(), ADMINISTRATOR.to_owned());
            identity
                .detach_user_policy(ctx, DetachUserPolicyRequest { user_name, policy_arn })
                .await
                .unwrap();
        }
        let policy = CreatePolicyRequest {
            policy_name: "boundary".to_owned(),
            policy_document: policies::everything(),
            ..CreatePolicyRequest::default()
        };
        identity.create_policy(&ctx, policy).await.unwrap();
        let put = PutUserPermissionsBoundaryRequest {
            user_name: "bounded".to_owned(),
            permissions_boundary: iam("policy/boundary"),
        };
        identity.put_user_permissions_boundary(&ctx, put).await.unwrap();
        let role = CreateRoleRequest {
            role_name: SESSION_ROLE.to_owned(),
            assume_role_policy_document: policies::of_resource(ACCOUNT, &["sts:AssumeRole"]),
            ..CreateRoleRequest::default()
        };
        identity.create_role(&ctx, role).await.unwrap();
        let put = PutRolePolicyRequest {
            role_name: SESSION_ROLE.to_owned(),
            policy_name: "all".to_owned(),
            policy_document: policies::everything(),
        };
        identity.put_role_policy(&ctx, put).await.unwrap();
    }

    /// A docker password, requested over the wire.
    pub(super) async fn password_of(&self, who: &Identity) -> String {
        let answer = self.ask(&ecr("GetAuthorizationToken", &json!({})), Some(who)).await;
        let given: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        given["authorizationData"][0]["authorizationToken"].as_str().unwrap_or_default().to_owned()
    }

    /// Replaces the permissions of one of the users `with`, `without` and `denied`.
    pub(super) async fn let_user(&self, name: &str, policy_document: String) {
        let put = PutUserPolicyRequest {
            user_name: name.to_owned(),
            policy_name: "row".to_owned(),
            policy_document,
        };
        self.node.identity.put_user_policy(&self.ctx(), put).await.unwrap();
    }

    /// Replaces the boundary of `bounded`.
    pub(super) async fn bound(&self, policy_document: String) {
        let (identity, ctx) = (&self.node.identity, self.ctx());
        let policy_arn = iam("policy/boundary");
        let create = CreatePolicyVersionRequest {
            policy_arn: policy_arn.clone(),
            policy_document,
            set_as_default: true,
        };
        let made = identity.create_policy_version(&ctx, create).await.unwrap().policy_version;
        let number: i64 = made.version_id[1..].parse().unwrap();
        let version_id = format!("v{}", number - 1);
        let delete = DeletePolicyVersionRequest { policy_arn, version_id };
        identity.delete_policy_version(&ctx, delete).await.unwrap();
    }

    /// A session of a role with all permissions, within a session policy.
    pub(super) async fn session_within(&self, policy: String) -> Identity {
        let input = AssumeRoleRequest {
            role_arn: iam(&format!("role/{SESSION_ROLE}")),
            role_session_name: "row".to_owned(),
            policy: Some(policy),
            ..AssumeRoleRequest::default()
        };
        let given = self.node.identity.assume_role(&self.ctx(), input).await.unwrap();
        Identity {
            arn: given.assumed_role_user.arn,
            access_key_id: given.credentials.access_key_id.parse().unwrap(),
            secret: given.credentials.secret_access_key,
            session_token: Some(given.credentials.session_token),
            password: String::new(),
        }
    }

    /// What the administrator does so that a row can succeed. A thing that exists or is gone already is fine.
    pub(super) async fn prepare(&self, steps: &[Ask]) {
        for step in steps {
            let answer = self.ask(step, Some(&self.admin)).await;
            let is_refused = answer.code.contains("Denied") || answer.code == "DENIED";
            assert!(answer.status < 500 && !is_refused, "{step:?}: {answer:?}");
        }
    }

    /// `prepare`, where every step must succeed.
    pub(super) async fn build(&self, steps: &[Ask]) {
        for step in steps {
            let answer = self.ask(step, Some(&self.admin)).await;
            assert!(answer.status < 300, "{step:?}: {answer:?}");
        }
    }

    /// What the administrator reads: each answer without the parts that belong to the request.
    pub(super) async fn seen(&self, watched: &[Ask]) -> Vec<String> {
        let mut seen = Vec::new();
        for ask in watched {
            let Answer { status, body, .. } = self.ask(ask, Some(&self.admin)).await;
            let body = body.split("<ResponseMetadata>").next().unwrap_or_default();
            let body = body.split("<RequestId>").next().unwrap_or_default();
            seen.push(format!("{ask:?}: {status} {body}"));
        }
        seen
    }
}

/// A user with AdministratorAccess and an access key.
async fn user(node: &Node, ctx: &Ctx, name: &str) -> Identity {
    let identity = &node.identity;
    let create = CreateUserRequest { user_name: name.to_owned(), ..CreateUserRequest::default() };
    let made = identity.create_user(ctx, create).await.unwrap().user;
    let policy_arn = ADMINISTRATOR.to_owned();
    let attach = AttachUserPolicyRequest { user_name: name.to_owned(), policy_arn };
    identity.attach_user_policy(ctx, attach).await.unwrap();
    let create = CreateAccessKeyRequest { user_name: Some(name.to_owned()) };
    let key = identity.create_access_key(ctx, create).await.unwrap().access_key;
    Identity {
        arn: made.arn,
        access_key_id: key.access_key_id.parse().unwrap(),
        secret: key.secret_access_key,
        session_token: None,
        password: String::new(),
    }
}

async fn expired(node: &Node) -> Identity {
    let ctx = node.ctx(Timestamp::now() - SignedDuration::from_hours(1));
    let input = GetSessionTokenRequest { duration_seconds: Some(900), ..GetSessionTokenRequest::default() };
    let given = node.identity.get_session_token(&ctx, input).await.unwrap().credentials;
    Identity {
        arn: ctx.caller.arn.clone(),
        access_key_id: given.access_key_id.parse().unwrap(),
        secret: given.secret_access_key,
        session_token: Some(given.session_token),
        password: node.expired_password().await,
    }
}
