//! GetResources, and the tags of one resource of IAM by its ARN.

use access::context::Ctx;
use access::error::Result;
use access::op::tagging;
use access::store::{FindTagged, ListTagged, TaggedKind, TaggedResource};
use aws::arn::Arn;
use aws::ids::Region;
use aws::tagging::{ComplianceDetails, GetResourcesInput, GetResourcesOutput, ResourceTagMapping, Tag};

use super::filter::Filter;
use super::{Permits, arn_of, invalid, named_by};
use crate::Identity;

/// Resources of a page: the default of `ResourcesPerPage`, and its maximum ("GetResources").
const PAGE: usize = 50;
const MOST: usize = 100;
/// Resources that one request reads. A page whose filters match few can be empty, and the next one continues.
const READ: usize = 2_000;

/// How long a page may be.
struct Limits {
    resources: usize,
    /// A page ends before the resource with which it would have more tags.
    tags: usize,
}

impl Limits {
    fn of(input: &GetResourcesInput) -> Result<Self> {
        let within = |value: Option<i32>, range: std::ops::RangeInclusive<i32>, name: &str| match value {
            Some(value) if !range.contains(&value) => {
                Err(invalid(format!("{name} must be from {} to {}.", range.start(), range.end())))
            }
            value => Ok(value.and_then(|value| usize::try_from(value).ok())),
        };
        let resources = within(input.resources_per_page, 1..=100, "ResourcesPerPage")?;
        let tags = within(input.tags_per_page, 100..=500, "TagsPerPage")?;
        if resources.is_some() && tags.is_some() {
            return Err(invalid("You can specify ResourcesPerPage or TagsPerPage, and not both."));
        }
        let default = if tags.is_some() { MOST } else { PAGE };
        Ok(Self { resources: resources.unwrap_or(default), tags: tags.unwrap_or(usize::MAX) })
    }
}

/// Where a page begins: the kind by its place in `TaggedKind::ALL`, and the place in its list.
type Start = (usize, String);

/// A page as it is read.
struct Page {
    limits: Limits,
    found: Vec<(TaggedKind, TaggedResource)>,
    tags: usize,
}

impl Page {
    /// Whether the resource still fits.
    fn takes(&mut self, kind: TaggedKind, resource: TaggedResource) -> bool {
        let tags = self.tags + resource.tags.len();
        let fits =
            self.found.len() < self.limits.resources && (tags <= self.limits.tags || self.found.is_empty());
        if fits {
            self.tags = tags;
            self.found.push((kind, resource));
        }
        fits
    }
}

impl Identity {
    /// Lists the tagged resources of the account in a Region.
    pub async fn get_resources(
        &self,
        ctx: &Ctx,
        region: &Region,
        mut input: GetResourcesInput,
    ) -> Result<GetResourcesOutput> {
        let permits = self.may_list::<tagging::GetResources>(ctx, region).await?;
        if input.exclude_compliant_resources && !input.include_compliance_details {
            return Err(invalid("ExcludeCompliantResources needs IncludeComplianceDetails."));
        }
        let limits = Limits::of(&input)?;
        let token = input.pagination_token.take().filter(|token| !token.is_empty());
        let arns = std::mem::take(&mut input.resource_arn_list);
        let has_pages =
            input.resources_per_page.is_some() || input.tags_per_page.is_some() || token.is_some();
        let has_filters = !input.tag_filters.is_empty() || !input.resource_type_filters.is_empty();
        if !arns.is_empty() && (has_pages || has_filters) {
            return Err(invalid("ResourceARNList cannot be combined with filters or pages."));
        }
        let is_shown = !input.exclude_compliant_resources;
        let details = input.include_compliance_details;
        let (found, next) = if arns.is_empty() {
            let filter = Filter::of(&mut input)?;
            let list = format!("tagged resources of {region}");
            let start = token.map(|token| self.access.open_page_token(&list, &token)).transpose()?;
            let page = Page { limits, found: Vec::new(), tags: 0 };
            let (found, next) =
                self.tagged_page(&permits, region, &filter, page, start.unwrap_or_default()).await?;
            (found, next.map(|next| self.access.page_token(&list, next)).transpose()?)
        } else {
            (self.tagged_by_arn(&permits, region, &arns).await?, None)
        };
        let account = permits.of_iam.account();
        // There are no tag policies, so every resource complies with them.
        let shown = found.into_iter().filter(|_| is_shown).map(|(kind, resource)| ResourceTagMapping {
            resource_arn: arn_of(kind, account, region, &resource),
            tags: resource.tags.into_iter().map(|(key, value)| Tag { key, value }).collect(),
            compliance_details: details
                .then(|| ComplianceDetails { compliance_status: Some(true), ..ComplianceDetails::default() }),
        });
        Ok(GetResourcesOutput {
            pagination_token: next.unwrap_or_default(),
            resource_tag_mapping_list: shown.collect(),
        })
    }

    /// A page of resources that match, and where the next page begins.
    async fn tagged_page(
        &self,
        permits: &Permits<tagging::GetResources>,
        region: &Region,
        filter: &Filter,
        mut page: Page,
        (first, mut after): Start,
    ) -> Result<(Vec<(TaggedKind, TaggedResource)>, Option<Start>)> {
        let mut left = READ;
        for (at, kind) in TaggedKind::ALL.into_iter().enumerate().skip(first) {
            let is_here = kind == TaggedKind::Repository || self.has_iam(region);
            if !is_here || !filter.has_kind(kind) {
                after.clear();
                continue;
            }
            loop {
                let limit = MOST.min(left);
                let read = |account_id| ListTagged {
                    account_id,
                    region: region.clone(),
                    kind,
                    after: after.clone(),
                    limit,
                };
                let found = permits.of(kind).read(read).await?;
                left = left.saturating_sub(limit);
                for (place, resource) in found.found {
                    if filter.matches(&resource) && !page.takes(kind, resource) {
                        return Ok((page.found, Some((at, after))));
                    }
                    after = place;
                }
                let Some(last) = found.last else { break };
                after = last;
                if left == 0 {
                    return Ok((page.found, Some((at, after))));
                }
            }
            after.clear();
        }
        Ok((page.found, None))
    }

    /// The resources of these ARNs that have tags, in the order of the ARNs.
    async fn tagged_by_arn(
        &self,
        permits: &Permits<tagging::GetResources>,
        region: &Region,
        arns: &[String],
    ) -> Result<Vec<(TaggedKind, TaggedResource)>> {
        let mut wanted = Vec::new();
        for text in arns {
            let arn: Arn = text.parse().map_err(|_| invalid(format!("{text} is not an ARN.")))?;
            let Some((kind, name)) = named_by(&arn) else { continue };
            // IAM's names are unique regardless of case.
            let is_exact = matches!(kind, TaggedKind::Repository | TaggedKind::OidcProvider);
            let name = if is_exact { name.to_owned() } else { name.to_lowercase() };
            let is_here = kind == TaggedKind::Repository || self.has_iam(region);
            if !is_here {
                continue;
            }
            let find = |account_id| FindTagged { account_id, region: region.clone(), kind, name };
            let found = permits.of(kind).read(find).await?;
            // A name is not the whole of an ARN of IAM: the path counts too.
            let is_named =
                |found: &TaggedResource| arn_of(kind, permits.of_iam.account(), region, found) == *text;
            wanted.extend(found.filter(is_named).map(|resource| (kind, resource)));
        }
        Ok(wanted)
    }
}
