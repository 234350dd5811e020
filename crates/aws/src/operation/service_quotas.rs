//! The operations of Service Quotas (API 2019-06-24) that Wharf has.

/// Calls a macro with every operation of this service: name, IAM action, resource of the action, request type in
/// `aws::service_quotas`, handler. A permission is an action that operations require and that is not itself an
/// operation.
#[macro_export]
macro_rules! service_quotas_operations {
    ($callback:ident $($prefix:tt)*) => {
        $callback! { $($prefix)*
            operations {
                GetAWSDefaultServiceQuota: "servicequotas:GetAWSDefaultServiceQuota" on Named => GetAWSDefaultServiceQuotaRequest, get_aws_default_service_quota;
                GetServiceQuota: "servicequotas:GetServiceQuota" on Named => GetServiceQuotaRequest, get_service_quota;
                ListAWSDefaultServiceQuotas: "servicequotas:ListAWSDefaultServiceQuotas" on Named => ListAWSDefaultServiceQuotasRequest, list_aws_default_service_quotas;
                ListServiceQuotas: "servicequotas:ListServiceQuotas" on Named => ListServiceQuotasRequest, list_service_quotas;
                ListServices: "servicequotas:ListServices" on Named => ListServicesRequest, list_services;
                RequestServiceQuotaIncrease: "servicequotas:RequestServiceQuotaIncrease" on Named => RequestServiceQuotaIncreaseRequest, request_service_quota_increase;
            }
            unsigned {
            }
            permissions {
            }
        }
    };
}
