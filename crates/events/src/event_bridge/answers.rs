//! The operations by their requests, as the server calls them.

use access::context::Ctx;
use access::error::Result;
use aws::ids::Region;
use aws::shape::Request;
use futures::future::BoxFuture;

use crate::Events;

/// An operation by its request. The future is on the heap, so it is compiled with this crate and not again in each crate
/// that awaits it (docs/adr/0023-what-a-build-costs.md).
pub trait Answers<R: Request> {
    /// Runs the operation.
    fn answer<'a>(&'a self, ctx: &'a Ctx, region: &'a Region, input: R)
    -> BoxFuture<'a, Result<R::Response>>;
}

macro_rules! answers {
    (
        operations { $($name:ident: $action:literal on $resource:ident => $request:ident, $method:ident;)* }
        $($other:tt)*
    ) => {
        $(impl Answers<aws::event_bridge::$request> for Events {
            fn answer<'a>(
                &'a self,
                ctx: &'a Ctx,
                region: &'a Region,
                input: aws::event_bridge::$request,
            ) -> BoxFuture<'a, Result<<aws::event_bridge::$request as Request>::Response>> {
                Box::pin(self.$method(ctx, region, input))
            }
        })*
    };
}

aws::event_bridge_operations! { answers }
