//! The operations of the services by their requests, as the server calls them.

use aws::ids::Region;
use aws::shape::Request;
use futures::future::BoxFuture;

use crate::context::Ctx;
use crate::error::Result;

/// An operation by its request, in a Region. The future is on the heap, so it is compiled with the crate that has the
/// operation and not again in each crate that awaits it (docs/adr/0023-what-a-build-costs.md).
pub trait Answers<R: Request> {
    /// Runs the operation.
    fn answer<'a>(&'a self, ctx: &'a Ctx, region: &'a Region, input: R)
    -> BoxFuture<'a, Result<R::Response>>;
}

/// Implements [`crate::answers::Answers`] for the operations of a service. Each calls the method that the list names.
#[macro_export]
macro_rules! answers {
    (
        $owner:ident $service:ident
        operations { $($name:ident: $action:literal on $resource:ident => $request:ident, $method:ident;)* }
        $($other:tt)*
    ) => {
        $(impl $crate::answers::Answers<aws::$service::$request> for $owner {
            fn answer<'a>(
                &'a self,
                ctx: &'a $crate::context::Ctx,
                region: &'a aws::ids::Region,
                input: aws::$service::$request,
            ) -> futures::future::BoxFuture<
                'a,
                $crate::error::Result<<aws::$service::$request as aws::shape::Request>::Response>,
            > {
                Box::pin(self.$method(ctx, region, input))
            }
        })*
    };
}
