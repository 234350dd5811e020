//! Evaluates a policy over the images of a repository, page by page.

use std::time::Duration;

use access::error::{Error, Result};
use access::permit::{OnDeployment, Opens, Permit};
use access::store::{
    FindLifecycleImages, ImageId, LifecycleImage, LifecycleSubject, ListLifecycleImages, Micros,
    RepositoryKey,
};
use lifecycle::{Decision, Evaluation, Image, Parent, Plan, Policy, StorageClass, Subject};

/// Images that are read at once.
const PAGE: usize = 1_000;

/// The decisions of a policy at a time.
pub(super) async fn evaluate<G>(
    permit: &Permit<G>,
    repository: RepositoryKey,
    policy: &Policy,
    now: Micros,
) -> Result<Plan>
where
    G: Opens<ListLifecycleImages, On = OnDeployment>,
{
    let mut evaluation = Evaluation::new(policy, now.0);
    for archived in [false, true] {
        let mut before = None;
        loop {
            let list = ListLifecycleImages { repository, archived, before, at: now, limit: PAGE };
            let page = permit.read(|()| list).await?;
            for image in &page {
                seen(image, |image| evaluation.image(image)).map_err(Error::internal)?;
            }
            let Some(last) = page.last() else { break };
            before = Some((last.activated_at, last.id));
        }
    }
    Ok(evaluation.finish())
}

/// Whether an untagged image stays for now because a tag moved from it to another image: the tag can be restored.
fn is_in_grace(image: &LifecycleImage, now: Micros, grace: Duration) -> bool {
    let ends = image.displaced_at.map(|at| at.plus(grace));
    image.tags.is_empty() && ends.is_some_and(|ends| ends > now)
}

/// The decisions that still stand, with their images as they are now, and how many images stay for their grace.
pub(super) struct Confirmed {
    pub(super) stand: Vec<(Decision, LifecycleImage)>,
    pub(super) in_grace: usize,
}

/// The images of some decisions as they are now.
pub(super) async fn confirmed<G>(
    permit: &Permit<G>,
    repository: RepositoryKey,
    (policy, began, grace): (&Policy, Micros, Duration),
    decisions: Vec<Decision>,
) -> Result<Confirmed>
where
    G: Opens<FindLifecycleImages, On = OnDeployment>,
{
    let ids = decisions.iter().map(|decision| ImageId(decision.image)).collect();
    let images = permit.read(|()| FindLifecycleImages { repository, ids, at: began }).await?;
    let pairs = decisions.into_iter().filter_map(|decision| {
        let image = images.iter().find(|image| image.id.0 == decision.image)?;
        let stands = seen(image, |image| policy.confirms(&decision, image, began.0));
        stands.then(|| (decision, image.clone()))
    });
    let (held, stand): (Vec<_>, Vec<_>) = pairs.partition(|(_, image)| is_in_grace(image, began, grace));
    Ok(Confirmed { stand, in_grace: held.len() })
}

fn class(is_archived: bool) -> StorageClass {
    if is_archived { StorageClass::Archive } else { StorageClass::Standard }
}

/// An image as an evaluation sees it.
fn seen<T>(image: &LifecycleImage, see: impl FnOnce(&Image<'_>) -> T) -> T {
    let parents: Vec<Parent> = image
        .parents
        .iter()
        .map(|(id, is_archived)| Parent { id: id.0, storage_class: class(*is_archived) })
        .collect();
    let subject = match image.subject {
        None => Subject::None,
        Some(LifecycleSubject::Missing) => Subject::Missing,
        Some(LifecycleSubject::Present { id, is_archived }) => {
            Subject::Present { id: id.0, storage_class: class(is_archived) }
        }
    };
    see(&Image {
        id: image.id.0,
        storage_class: class(image.is_archived),
        tags: &image.tags,
        activated_at: image.activated_at.0,
        pulled_at: image.pulled_at.map(|at| at.0),
        tagged_at: image.tagged_at.map(|at| at.0),
        archived_at: image.archived_at.map(|at| at.0),
        parents: &parents,
        subject,
        is_protected: image.is_protected,
    })
}
