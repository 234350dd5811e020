//! The operations of the services by their requests, as the server calls them.

use aws::ids::Region;
use aws::json;
use aws::query::{self, Form};
use aws::shape::{Answer, Answered, Invalid, Request};
use futures::future::{BoxFuture, TryFutureExt as _};

use crate::context::Ctx;
use crate::error::Result;

/// An operation by its request, in a Region. The future is on the heap, so it is compiled with the crate that has the
/// operation and not again in each crate that awaits it (docs/adr/0023-what-a-build-costs.md).
pub trait Answers<R: Request> {
    /// Runs the operation.
    fn answer<'a>(&'a self, ctx: &'a Ctx, region: &'a Region, input: R)
    -> BoxFuture<'a, Result<R::Response>>;
}

/// A request of any operation of a service, as one type: the server has one path for all of them.
pub trait Asked<S>: Send {
    /// The ID or the ARN by which the request names a registry. Only members that its operation has count.
    fn registry(&self) -> Option<&str>;

    /// Runs the operation.
    fn answer<'a>(
        self: Box<Self>,
        service: &'a S,
        ctx: &'a Ctx,
        region: &'a Region,
    ) -> BoxFuture<'a, Result<Box<dyn Answer>>>;
}

struct Ask<R> {
    request: R,
    registry: Option<String>,
}

/// The members of requests that name a registry.
const NAME_REGISTRIES: [&str; 2] = ["registryId", "resourceArn"];

impl<R: Request, S: Answers<R> + Sync> Asked<S> for Ask<R> {
    fn registry(&self) -> Option<&str> {
        self.registry.as_deref()
    }

    fn answer<'a>(
        self: Box<Self>,
        service: &'a S,
        ctx: &'a Ctx,
        region: &'a Region,
    ) -> BoxFuture<'a, Result<Box<dyn Answer>>> {
        let answer = service.answer(ctx, region, self.request);
        Box::pin(answer.map_ok(|answer| Box::new(Answered::<R>(answer)) as Box<dyn Answer>))
    }
}

/// Reads a request from JSON.
pub fn read_json<R: Request, S: Answers<R> + Sync>(
    body: &[u8],
) -> std::result::Result<Box<dyn Asked<S>>, Invalid> {
    let (request, registry) = json::decode_with::<R>(body, &NAME_REGISTRIES)?;
    Ok(Box::new(Ask { request, registry }))
}

/// Reads a request from a form.
pub fn read_form<R: Request, S: Answers<R> + Sync>(
    form: &Form,
) -> std::result::Result<Box<dyn Asked<S>>, Invalid> {
    Ok(Box::new(Ask { request: query::decode::<R>(form)?, registry: None }))
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
