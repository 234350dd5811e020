//! The operations by their requests, as the server calls them.

use access::answers;
use access::answers::Answers;
use access::context::Ctx;
use access::error::Result;
use aws::ids::Region;
use aws::shape::Request;
use futures::future::BoxFuture;

use crate::Identity;

// IAM, STS and Organizations have no Regions, so their operations do not get one.
macro_rules! answers_everywhere {
    (
        $service:ident
        operations { $($name:ident: $action:literal on $resource:ident => $request:ident, $method:ident;)* }
        $($other:tt)*
    ) => {
        $(impl Answers<aws::$service::$request> for Identity {
            fn answer<'a>(
                &'a self,
                ctx: &'a Ctx,
                _region: &'a Region,
                input: aws::$service::$request,
            ) -> BoxFuture<'a, Result<<aws::$service::$request as Request>::Response>> {
                Box::pin(self.$method(ctx, input))
            }
        })*
    };
}

aws::iam_operations! { answers_everywhere iam }
aws::sts_operations! { answers_everywhere sts }
aws::organizations_operations! { answers_everywhere organizations }

aws::secrets_manager_operations! { answers Identity secrets_manager }
aws::service_quotas_operations! { answers Identity service_quotas }

// The other two operations of tagging are also about repositories: the server carries them out.
answers! {
    Identity tagging
    operations {
        GetResources: "tag:GetResources" on Named => GetResourcesInput, get_resources;
        GetTagKeys: "tag:GetTagKeys" on Named => GetTagKeysInput, get_tag_keys;
        GetTagValues: "tag:GetTagValues" on Named => GetTagValuesInput, get_tag_values;
    }
}
