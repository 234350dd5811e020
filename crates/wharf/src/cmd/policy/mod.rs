//! `wharf policy`: what policies decide, and what is wrong with one.

mod explain;
mod validate;

use clap::Subcommand;

pub(crate) use explain::Explain;
pub(crate) use validate::Validate;

#[derive(Subcommand)]
pub(crate) enum PolicyCommand {
    /// Tell why a principal may or may not do something, and what is missing.
    #[command(after_help = "\
The answer begins with ALLOWED or DENIED and names the statement that decided, the statements that come near, and the
condition keys that the request would have to bring. The policies are asked as they are now, by the same gate as every
request. The ARN of a role stands for a session of it.

On a running server the caller needs iam:SimulatePrincipalPolicy on the principal. Principal and resource must be of
its own account; the management account may ask about any. With --data-dir or --config the store is opened itself.

Examples:
  wharf policy explain --principal arn:aws:iam::111122223333:role/node --action ecr:BatchGetImage \\
    --resource arn:aws:ecr:us-east-1:444455556666:repository/app
  wharf policy explain --principal arn:aws:iam::111122223333:user/ci --action sts:AssumeRole \\
    --resource arn:aws:iam::444455556666:role/deploy --context sts:ExternalId=xyz
  wharf policy explain --config /etc/wharf.toml --principal arn:aws:iam::111122223333:user/ci \\
    --action ecr:GetAuthorizationToken --resource '*'")]
    Explain(Explain),
    /// Tell what is wrong with a policy before it is put anywhere.
    #[command(after_help = "\
Errors are what would be refused; warnings are what works otherwise than it looks, such as a mistyped action. Whether
the principals exist is not looked at. Fails if there is an error.

Examples:
  wharf policy validate policy.json
  wharf policy validate --for trust trust.json
  terraform show -json plan | jq -r '...policy' | wharf policy validate -")]
    Validate(Validate),
}

pub(crate) async fn run(command: PolicyCommand) -> anyhow::Result<()> {
    match command {
        PolicyCommand::Explain(options) => explain::run(options).await,
        PolicyCommand::Validate(options) => validate::run(&options),
    }
}
