//! Service Quotas: the quotas of ECR and IAM, with the values of the deployment's configuration. Only the operator
//! changes them.

mod codes;

use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::{Effect, service_quotas};
use access::permit::{OnAccount, Permit};
use access::quota::{FIXED, Quotas};
use access::rate::Rate;
use aws::ids::{AccountId, Region};
use aws::service_quotas::{
    AppliedLevelEnum, GetAWSDefaultServiceQuotaRequest, GetServiceQuotaRequest, GetServiceQuotaResponse,
    ListAWSDefaultServiceQuotasRequest, ListServiceQuotasRequest, ListServiceQuotasResponse,
    ListServicesRequest, ListServicesResponse, MetricInfo, PeriodUnit, QuotaPeriod,
    RequestServiceQuotaIncreaseRequest, RequestServiceQuotaIncreaseResponse, ServiceInfo, ServiceQuota,
};

use self::codes::{Service, code_of, name_of, rate_code};
use crate::Identity;

/// Quotas of a page, unless the request has `MaxResults`.
const PAGE: usize = 100;

fn no_such(what: String) -> Error {
    Error::aws(AwsCode::NoSuchResource, what)
}

/// A quota before it is shown.
struct Listed {
    service: Service,
    code: String,
    name: String,
    /// None: it is not applied.
    value: Option<u64>,
    default: u64,
    /// The setting of the configuration.
    setting: Option<String>,
    /// The operation whose requests it counts in each second.
    operation: Option<&'static str>,
}

impl Listed {
    fn shown(self, value: u64, account: &AccountId, region: &Region) -> ServiceQuota {
        let (service_code, is_global) = (self.service.code().to_owned(), self.service == Service::Iam);
        let of = if is_global { "" } else { region.as_str() };
        let partition = region.partition();
        let rate = self.operation.map(|operation| {
            let dimensions =
                [("Service", "ECR"), ("Type", "API"), ("Resource", operation), ("Class", "None")];
            let dimensions =
                dimensions.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let metric = MetricInfo {
                metric_namespace: Some("AWS/Usage".to_owned()),
                metric_name: Some("CallCount".to_owned()),
                metric_dimensions: dimensions,
                metric_statistic_recommendation: Some("Sum".to_owned()),
            };
            (metric, QuotaPeriod { period_value: Some(1), period_unit: Some(PeriodUnit::Second) })
        });
        let (usage_metric, period) = rate.unzip();
        ServiceQuota {
            quota_arn: format!("arn:{partition}:servicequotas:{of}:{account}:{service_code}/{}", self.code),
            service_code,
            service_name: self.service.name().to_owned(),
            quota_code: self.code,
            quota_name: self.name,
            value: as_f64(value),
            unit: "None".to_owned(),
            // Only by the operator.
            adjustable: self.setting.is_some(),
            global_quota: is_global,
            usage_metric,
            period,
            error_reason: None,
            quota_applied_at_level: Some(AppliedLevelEnum::Account),
            quota_context: None,
            description: None,
        }
    }
}

/// Every value is far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "quotas are small")]
fn as_f64(value: u64) -> f64 {
    value as f64
}

/// A page of a list, from a token.
struct Slice {
    from: usize,
    limit: usize,
}

impl Identity {
    /// Every quota of an account, ECR's first.
    fn all_quotas(&self, account: &AccountId) -> Vec<Listed> {
        let defaults = Quotas::default().each();
        let of_default = |setting: &str| defaults.iter().find(|(name, _)| *name == setting);
        let settings = self.access.quotas().each().into_iter().map(|(setting, quota)| Listed {
            service: Service::of(&quota),
            code: code_of(setting),
            name: name_of(setting, &quota),
            value: Some(quota.value),
            default: of_default(setting).map_or(quota.value, |(_, default)| default.value),
            setting: Some(format!("quotas.{setting}")),
            operation: None,
        });
        let fixed = FIXED.iter().map(|quota| Listed {
            service: Service::of(quota),
            code: code_of(quota.name),
            name: quota.name.to_owned(),
            value: Some(quota.value),
            default: quota.value,
            setting: None,
            operation: None,
        });
        let rates = &self.access.settings.rates;
        let rate = |rate: &Rate| Listed {
            service: Service::Ecr,
            code: rate_code(*rate).to_owned(),
            name: rate.name().to_owned(),
            value: rates.enabled.then(|| rates.per_second(account, *rate)),
            default: rate.default_per_second(),
            setting: Some(format!("rates.{}", rate.setting())),
            operation: Some(rate.operation()),
        };
        let mut all: Vec<Listed> = settings.chain(fixed).chain(Rate::ALL.iter().map(rate)).collect();
        all.sort_by(|one, other| (one.service, &one.name).cmp(&(other.service, &other.name)));
        all
    }

    async fn may_see_quotas<E: Effect<On = OnAccount>>(&self, ctx: &Ctx) -> Result<Permit<E>> {
        self.access.account_gate(ctx).await?.permit_on("*", policy::Context::new())
    }

    /// The quotas of one service.
    fn of_service(&self, account: &AccountId, service: &str) -> Result<Vec<Listed>> {
        let service = Service::parse(service)
            .ok_or_else(|| no_such(format!("There is no service {service} with quotas in Wharf.")))?;
        Ok(self.all_quotas(account).into_iter().filter(|quota| quota.service == service).collect())
    }

    fn one_quota(&self, account: &AccountId, service: &str, code: &str) -> Result<Listed> {
        let found = self.of_service(account, service)?.into_iter().find(|quota| quota.code == code);
        found.ok_or_else(|| no_such(format!("The service {service} has no quota {code}.")))
    }

    fn slice(&self, list: &str, token: Option<&str>, max: Option<u32>) -> Result<Slice> {
        let limit = max.and_then(|max| usize::try_from(max).ok()).unwrap_or(PAGE);
        let Some(token) = token else { return Ok(Slice { from: 0, limit }) };
        // Service Quotas' tokens have the other alphabet of base 64.
        let token = token.replace('+', "-").replace('/', "_");
        let from = self
            .access
            .open_page_token(list, &token)
            .map_err(|_| Error::aws(AwsCode::InvalidPaginationToken, "Invalid token"))?;
        Ok(Slice { from, limit })
    }

    /// The items of a page, and the token of the next one.
    fn cut_slice<T>(&self, list: &str, all: Vec<T>, slice: &Slice) -> Result<(Vec<T>, Option<String>)> {
        let end = slice.from.saturating_add(slice.limit);
        let token = (end < all.len()).then(|| self.access.page_token(list, end)).transpose()?;
        let page = all.into_iter().skip(slice.from).take(slice.limit).collect();
        Ok((page, token.map(|token| token.replace('-', "+").replace('_', "/"))))
    }

    /// Lists the services with quotas.
    pub async fn list_services(
        &self,
        ctx: &Ctx,
        _region: &Region,
        input: ListServicesRequest,
    ) -> Result<ListServicesResponse> {
        self.may_see_quotas::<service_quotas::ListServices>(ctx).await?;
        let slice = self.slice("services", input.next_token.as_deref(), input.max_results)?;
        let (services, next_token) = self.cut_slice("services", Service::ALL.to_vec(), &slice)?;
        let info = |service: Service| ServiceInfo {
            service_code: service.code().to_owned(),
            service_name: service.name().to_owned(),
        };
        Ok(ListServicesResponse { next_token, services: services.into_iter().map(info).collect() })
    }

    /// Lists the quotas that apply to the caller's account.
    pub async fn list_service_quotas(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: ListServiceQuotasRequest,
    ) -> Result<ListServiceQuotasResponse> {
        let permit = self.may_see_quotas::<service_quotas::ListServiceQuotas>(ctx).await?;
        let (account, service) = (permit.account(), &input.service_code);
        let mut all = self.of_service(account, service)?;
        // None is on the level of a resource.
        let is_listed = input.quota_applied_at_level != Some(AppliedLevelEnum::Resource);
        all.retain(|quota| is_listed && input.quota_code.as_ref().is_none_or(|code| *code == quota.code));
        let shown = all.into_iter().filter_map(|quota| {
            let value = quota.value?;
            Some(quota.shown(value, account, region))
        });
        let list = format!("quotas of {service} {:?}", input.quota_code);
        let slice = self.slice(&list, input.next_token.as_deref(), input.max_results)?;
        let (quotas, next_token) = self.cut_slice(&list, shown.collect(), &slice)?;
        Ok(ListServiceQuotasResponse { next_token, quotas })
    }

    /// Lists the quotas with AWS's defaults.
    pub async fn list_aws_default_service_quotas(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: ListAWSDefaultServiceQuotasRequest,
    ) -> Result<ListServiceQuotasResponse> {
        let permit = self.may_see_quotas::<service_quotas::ListAWSDefaultServiceQuotas>(ctx).await?;
        let (account, service) = (permit.account(), &input.service_code);
        let all = self.of_service(account, service)?.into_iter().map(|quota| {
            let default = quota.default;
            quota.shown(default, account, region)
        });
        let list = format!("default quotas of {service}");
        let slice = self.slice(&list, input.next_token.as_deref(), input.max_results)?;
        let (quotas, next_token) = self.cut_slice(&list, all.collect(), &slice)?;
        Ok(ListServiceQuotasResponse { next_token, quotas })
    }

    /// Shows the value of a quota for the caller's account.
    pub async fn get_service_quota(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: GetServiceQuotaRequest,
    ) -> Result<GetServiceQuotaResponse> {
        let permit = self.may_see_quotas::<service_quotas::GetServiceQuota>(ctx).await?;
        let account = permit.account();
        let quota = self.one_quota(account, &input.service_code, &input.quota_code)?;
        let value = quota.value.ok_or_else(|| {
            no_such("The rates of this deployment are off: the quota is not applied.".to_owned())
        })?;
        Ok(GetServiceQuotaResponse { quota: quota.shown(value, account, region) })
    }

    /// Shows AWS's default of a quota.
    pub async fn get_aws_default_service_quota(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: GetAWSDefaultServiceQuotaRequest,
    ) -> Result<GetServiceQuotaResponse> {
        let permit = self.may_see_quotas::<service_quotas::GetAWSDefaultServiceQuota>(ctx).await?;
        let account = permit.account();
        let quota = self.one_quota(account, &input.service_code, &input.quota_code)?;
        let default = quota.default;
        Ok(GetServiceQuotaResponse { quota: quota.shown(default, account, region) })
    }

    /// Always refused: the operator sets quotas.
    pub async fn request_service_quota_increase(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: RequestServiceQuotaIncreaseRequest,
    ) -> Result<RequestServiceQuotaIncreaseResponse> {
        let RequestServiceQuotaIncreaseRequest { service_code, quota_code, .. } = input;
        let (account, partition) = (&ctx.caller.account_id, region.partition());
        let of = if service_code == Service::Iam.code() { "" } else { region.as_str() };
        let arn = format!("arn:{partition}:servicequotas:{of}:{account}:{service_code}/{quota_code}");
        let gate = self.access.account_gate(ctx).await?;
        gate.permit_on::<service_quotas::RequestServiceQuotaIncrease>(&arn, policy::Context::new())?;
        let quota = self.one_quota(account, &service_code, &quota_code)?;
        let message = match quota.setting {
            Some(setting) => {
                format!("The operator of this deployment sets `{setting}` in its configuration.")
            }
            None => "This quota cannot be changed.".to_owned(),
        };
        Err(Error::aws(AwsCode::IllegalArgument, message))
    }
}
