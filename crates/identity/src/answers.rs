//! The operations of IAM, STS and Organizations by their requests, as the server calls them.

use access::context::Ctx;
use access::error::Result;
use aws::ids::Region;
use aws::shape::Request;
use futures::future::BoxFuture;

use crate::Identity;

/// An operation by its request. The future is on the heap, so it is compiled with this crate and not again in each crate
/// that awaits it (docs/adr/0023-what-a-build-costs.md).
pub trait Answers<R: Request> {
    /// Runs the operation.
    fn answer<'a>(&'a self, ctx: &'a Ctx, input: R) -> BoxFuture<'a, Result<R::Response>>;
}

macro_rules! answers {
    (
        $service:ident
        operations { $($name:ident: $action:literal on $resource:ident => $request:ident, $method:ident;)* }
        $($other:tt)*
    ) => {
        $(impl Answers<aws::$service::$request> for Identity {
            fn answer<'a>(
                &'a self,
                ctx: &'a Ctx,
                input: aws::$service::$request,
            ) -> BoxFuture<'a, Result<<aws::$service::$request as Request>::Response>> {
                Box::pin(self.$method(ctx, input))
            }
        })*
    };
}

aws::iam_operations! { answers iam }
aws::sts_operations! { answers sts }
aws::organizations_operations! { answers organizations }

/// The same for services whose answers depend on the Region of the request.
pub trait AnswersIn<R: Request> {
    /// Runs the operation.
    fn answer_in<'a>(
        &'a self,
        ctx: &'a Ctx,
        region: &'a Region,
        input: R,
    ) -> BoxFuture<'a, Result<R::Response>>;
}

macro_rules! answers_in {
    (
        $service:ident
        operations { $($name:ident: $action:literal on $resource:ident => $request:ident, $method:ident;)* }
        $($other:tt)*
    ) => {
        $(impl AnswersIn<aws::$service::$request> for Identity {
            fn answer_in<'a>(
                &'a self,
                ctx: &'a Ctx,
                region: &'a Region,
                input: aws::$service::$request,
            ) -> BoxFuture<'a, Result<<aws::$service::$request as Request>::Response>> {
                Box::pin(self.$method(ctx, region, input))
            }
        })*
    };
}

aws::service_quotas_operations! { answers_in service_quotas }

// The other two operations of tagging are also about repositories: the server carries them out.
answers_in! {
    tagging
    operations {
        GetResources: "tag:GetResources" on Named => GetResourcesInput, get_resources;
        GetTagKeys: "tag:GetTagKeys" on Named => GetTagKeysInput, get_tag_keys;
        GetTagValues: "tag:GetTagValues" on Named => GetTagValuesInput, get_tag_values;
    }
}
