//! `wharf policy`: explains permission decisions and validates policies.

mod explain;
mod validate;

use clap::Subcommand;

pub(crate) use explain::Explain;
pub(crate) use validate::Validate;

#[derive(Subcommand)]
pub(crate) enum PolicyCommand {
    /// Explain why a principal is allowed or denied an action, and what is missing.
    #[command(after_help = "\
The answer begins with ALLOWED or DENIED. It names the deciding statement, the statements that almost match, and the
condition keys that the request would need. The same gate that decides requests evaluates the current policies. The ARN of
a role means a session of that role.

On a running server the caller needs iam:SimulatePrincipalPolicy on the principal. Principal and resource must belong to
the caller's account; the management account can ask about any account. With --data-dir or --config the command opens the
store itself.

Examples:
  wharf policy explain --principal arn:aws:iam::111122223333:role/node --action ecr:BatchGetImage \\
    --resource arn:aws:ecr:us-east-1:444455556666:repository/app
  wharf policy explain --principal arn:aws:iam::111122223333:user/ci --action sts:AssumeRole \\
    --resource arn:aws:iam::444455556666:role/deploy --context sts:ExternalId=xyz
  wharf policy explain --config /etc/wharf.toml --principal arn:aws:iam::111122223333:user/ci \\
    --action ecr:GetAuthorizationToken --resource '*'")]
    Explain(Box<Explain>),
    /// Check a policy before you use it.
    #[command(after_help = "\
Errors: Wharf would refuse the policy. Warnings: the policy may not do what it seems to do, for example because an action
is misspelled. The check does not look whether the principals exist. The command fails if there is an error.

Examples:
  wharf policy validate policy.json
  wharf policy validate --for trust trust.json
  terraform show -json plan | jq -r '...policy' | wharf policy validate -")]
    Validate(Validate),
}

pub(crate) async fn run(command: PolicyCommand) -> anyhow::Result<()> {
    match command {
        PolicyCommand::Explain(options) => explain::run(*options).await,
        PolicyCommand::Validate(options) => validate::run(&options),
    }
}
