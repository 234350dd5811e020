//! The rows of Service Quotas (Service Authorization Reference, "AWS Service Quotas").

use access::op::{Op, ServiceQuotasOp};
use serde_json::{Value, json};

use super::table::{ACCOUNT, Cross, Expected, Row};
use super::wire::service_quotas;

fn on(op: ServiceQuotasOp, resource: &str, input: &Value) -> Row {
    let op = Op::ServiceQuotas(op);
    Row::of(op, service_quotas(op.name(), input), Cross::OwnAccount(Expected::Success))
        .needs(format!("servicequotas:{}", op.name()), resource)
}

pub(super) fn rows() -> Vec<Row> {
    let service = json!({"ServiceCode": "ecr"});
    let quota = json!({"ServiceCode": "ecr", "QuotaCode": "L-03A36CE1"});
    let arn = format!("arn:aws:servicequotas:us-east-1:{ACCOUNT}:ecr/L-03A36CE1");
    let refused = Expected::Code(400, "IllegalArgumentException");
    vec![
        on(ServiceQuotasOp::ListServices, "*", &json!({})),
        on(ServiceQuotasOp::ListServiceQuotas, "*", &service),
        on(ServiceQuotasOp::ListAWSDefaultServiceQuotas, "*", &service),
        on(ServiceQuotasOp::GetServiceQuota, "*", &quota),
        on(ServiceQuotasOp::GetAWSDefaultServiceQuota, "*", &quota),
        on(
            ServiceQuotasOp::RequestServiceQuotaIncrease,
            &arn,
            &json!({"ServiceCode": "ecr", "QuotaCode": "L-03A36CE1", "DesiredValue": 10.5}),
        )
        .gives(refused.clone())
        .elsewhere(refused),
    ]
}
