//! The operations of IAM, STS and Organizations by their requests, as the server calls them.

use access::context::Ctx;
use access::error::Result;
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
