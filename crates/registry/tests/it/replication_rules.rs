//! The replication configuration: what is accepted, what is shown, and the role that it creates.

use access::error::Code;
use aws::ecr::{
    DescribeRegistryRequest, DescribeRegistryResponse, ReplicationConfiguration, ReplicationRule,
};
use aws::iam::GetRoleRequest;

use crate::replication::{THERE, configure, rule, there, to_there};
use crate::world::{ACCOUNT, World, ctx, region};

async fn refused(world: &World, rules: Vec<ReplicationRule>) -> String {
    let error = configure(world, (&world.admin, &region()), rules).await.unwrap_err();
    assert_eq!(error.code, Code::InvalidParameter);
    let text = error.message.to_string();
    let prefix = "Invalid parameter at 'replicationConfiguration' failed to satisfy constraint: '";
    text.strip_prefix(prefix).and_then(|text| text.strip_suffix('\'')).unwrap().to_owned()
}

async fn shown(world: &World) -> ReplicationConfiguration {
    let (registry, request) = (&world.rules.registry, DescribeRegistryRequest::default());
    let DescribeRegistryResponse { replication_configuration, .. } =
        registry.describe_registry(&ctx(&world.admin), &region(), request).await.unwrap();
    replication_configuration
}

#[tokio::test]
async fn rules_are_shown_as_they_were_written() {
    let world = World::new().await;
    assert_eq!(shown(&world).await.rules, []);
    let rules = vec![
        rule(&[(THERE, ACCOUNT), ("ap-south-1", ACCOUNT)], &["prod", "prod/app"], true),
        rule(&[(THERE, "222233334444")], &[], false),
    ];
    configure(&world, (&world.admin, &region()), rules.clone()).await.unwrap();
    assert_eq!(shown(&world).await.rules, rules);
    configure(&world, (&world.admin, &region()), Vec::new()).await.unwrap();
    assert_eq!(shown(&world).await.rules, []);
}

#[tokio::test]
async fn a_configuration_is_checked() {
    let world = World::new().await;
    let own = refused(&world, vec![rule(&[("eu-west-1", ACCOUNT)], &[], false)]).await;
    assert_eq!(own, "Replication destination cannot be the same as the source registry");
    let partition = refused(&world, vec![rule(&[("cn-north-1", ACCOUNT)], &[], false)]).await;
    assert!(partition.contains("partition"), "{partition}");
    let region = refused(&world, vec![rule(&[("nowhere", ACCOUNT)], &[], false)]).await;
    assert!(region.contains("Region"), "{region}");
    let many = vec![rule(&[(THERE, ACCOUNT)], &[], false); 11];
    assert_eq!(refused(&world, many).await, "A replication configuration can have at most 10 rules");
    let accounts: Vec<String> = (0..26).map(|number| format!("{number:012}")).collect();
    let destinations: Vec<_> = accounts.iter().map(|account| (THERE, account.as_str())).collect();
    let text = "A replication configuration can have at most 25 unique destinations";
    assert_eq!(refused(&world, vec![rule(&destinations, &[], false)]).await, text);
    // The same destination in several rules counts once.
    let (half, rest) = destinations.split_at(13);
    let rules = vec![rule(half, &[], false), rule(half, &["a/"], false), rule(&rest[..12], &[], false)];
    configure(&world, (&world.admin, &crate::world::region()), rules).await.unwrap();
}

#[tokio::test]
async fn the_first_rule_creates_the_role_of_the_service() {
    let world = World::new().await;
    let role = || async {
        let get = GetRoleRequest { role_name: "AWSServiceRoleForECRReplication".to_owned() };
        world.rules.identity.get_role(&ctx(&world.admin), get).await
    };
    configure(&world, (&world.admin, &region()), Vec::new()).await.unwrap();
    assert!(role().await.is_err(), "without rules no role is needed");
    to_there(&world, false).await;
    let arn = role().await.unwrap().role.arn;
    let path = "aws-service-role/replication.ecr.amazonaws.com/AWSServiceRoleForECRReplication";
    assert_eq!(arn, format!("arn:aws:iam::{ACCOUNT}:role/{path}"));
    to_there(&world, true).await;
    configure(&world, (&world.admin, &there()), vec![rule(&[("eu-west-1", ACCOUNT)], &[], false)])
        .await
        .unwrap();
}

#[tokio::test]
async fn whoever_creates_the_role_needs_the_permission() {
    let world = World::new().await;
    let replicate = r#"{"Effect":"Allow","Action":"ecr:PutReplicationConfiguration","Resource":"*"}"#;
    let ann = world.user("ann", replicate).await;
    let rules = || vec![rule(&[(THERE, ACCOUNT)], &[], false)];
    let error = configure(&world, (&ann, &region()), rules()).await.unwrap_err();
    assert_eq!(error.code, Code::AccessDenied);
    assert!(error.message.contains("iam:CreateServiceLinkedRole on resource"), "{}", error.message);
    assert_eq!(shown(&world).await.rules, []);
    to_there(&world, false).await;
    configure(&world, (&ann, &region()), rules()).await.unwrap();
}
