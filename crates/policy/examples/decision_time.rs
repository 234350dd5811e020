//! Measures the time of a decision: `cargo run --release -p policy --example decision_time`.
//!
//! It uses a typical pair: the AWS-managed policy for pulling, and a repository policy with nine actions for two
//! accounts and one condition. It reports the median of several rounds, because other processes on the machine can only
//! make a round slower.
#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::hint::black_box;
use std::time::Instant;

use policy::{
    Access, Caller, CallerKind, Context, Decision, Policies, Policy, PolicyError, Request, SourceName,
    evaluate,
};

const ROUNDS: usize = 9;
const DECISIONS: u32 = 1_000_000;
const PARSES: u32 = 20_000;
const OWNER: &str = "111122223333";
const REPOSITORY_POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"TwoAccounts","Effect":"Allow",
    "Principal":{"AWS":["arn:aws:iam::111122223333:root","arn:aws:iam::444455556666:root"]},
    "Action":["ecr:BatchCheckLayerAvailability","ecr:CompleteLayerUpload","ecr:DescribeImages",
        "ecr:GetDownloadUrlForLayer","ecr:InitiateLayerUpload","ecr:ListImages","ecr:PutImage",
        "ecr:UploadLayerPart","ecr:BatchGetImage"],
    "Condition":{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","203.0.113.0/24"]}}}]}"#;

fn main() -> Result<(), PolicyError> {
    let managed = policy::managed::find("arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly")
        .ok_or(PolicyError::MissingStatement)?;
    let (identity, repository) = (Policy::parse(managed)?, Policy::parse(REPOSITORY_POLICY)?);
    let (identity_name, repository_name) =
        (SourceName::new("ReadOnly"), SourceName::new("repository policy"));
    let policies = Policies {
        identity: &[(&identity_name, &identity)],
        resource: &[(&repository_name, &repository)],
        ..Policies::default()
    };
    let context = context();
    println!("median of {ROUNDS} rounds of {DECISIONS} decisions (fastest–slowest)");
    for (what, account, action) in [
        ("a pull within the account, allowed", OWNER, "ecr:BatchGetImage"),
        ("a pull from another account, allowed", "444455556666", "ecr:BatchGetImage"),
        ("a deletion, denied implicitly", OWNER, "ecr:DeleteRepository"),
    ] {
        let kind = CallerKind::RoleSession {
            session_arn: "arn:aws:sts::111122223333:assumed-role/ci/run-1",
            role_arn: "arn:aws:iam::111122223333:role/ci",
            role_id: "AROACIROLE00000000000",
        };
        let access =
            Access { caller: Caller { account, kind }, resource_account: OWNER, is_role_trust: false };
        let resource = "arn:aws:ecr:us-east-1:111122223333:repository/team/app";
        let request = Request { action, resource, context: &context };
        let decide = || evaluate(black_box(&policies), black_box(&request), black_box(&access));
        assert_eq!(matches!(decide(), Decision::Allow(_)), action != "ecr:DeleteRepository");
        println!("  {what}: {}", measure(DECISIONS, || drop(black_box(decide()))));
    }
    let parse =
        || drop(black_box((Policy::parse(black_box(managed)), Policy::parse(black_box(REPOSITORY_POLICY)))));
    println!("  reading and compiling both policies, once: {}", measure(PARSES, parse));
    Ok(())
}

/// The keys that a request to the server has.
fn context() -> Context {
    Context::new()
        .with("aws:PrincipalArn", "arn:aws:iam::111122223333:role/ci")
        .with("aws:PrincipalAccount", OWNER)
        .with("aws:PrincipalType", "AssumedRole")
        .with("aws:PrincipalIsAWSService", false)
        .with("aws:ViaAWSService", false)
        .with("aws:userid", "AROACIROLE00000000000:run-1")
        .with("aws:SourceIp", std::net::IpAddr::from([203, 0, 113, 9]))
        .with("aws:SecureTransport", true)
        .with("aws:EpochTime", 1_795_500_000)
        .with("aws:RequestedRegion", "us-east-1")
        .with("aws:ResourceAccount", OWNER)
        .with("aws:UserAgent", "docker/28.0")
}

fn measure(times: u32, work: impl Fn()) -> String {
    let mut rounds: Vec<u128> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            for _ in 0..times {
                work();
            }
            begun.elapsed().as_nanos() / u128::from(times)
        })
        .collect();
    rounds.sort_unstable();
    match rounds.as_slice() {
        [fastest, .., slowest] => {
            let median = rounds.get(ROUNDS / 2).unwrap_or(slowest);
            format!("{median} ns ({fastest}–{slowest})")
        }
        _ => String::new(),
    }
}
