//! A request's one read, from memory where that is current: what decides about the request, and what the request names.
//! The two are kept apart. A push ends what is kept of a repository's contents, and no permission.

use std::{
    mem::{replace, size_of},
    sync::Arc,
};

use super::{Kept, Points, SCOPES, shelf::Entry};
use crate::{Basis, FindTarget, Found, Resolve, Resolved, Scope, StoreError, Target};

impl Kept {
    /// Runs `Resolve`, as far as its answer is not kept.
    pub(crate) fn resolve(&self, mut ask: Resolve, store: &impl Points) -> Result<Resolved, StoreError> {
        let target = replace(&mut ask.target, Target::None);
        ask.target = match self.bases.get(&ask) {
            Some(basis) => {
                self.verify(&basis, || Ok(Some(Arc::unwrap_or_clone(store.again(&ask)?.basis))));
                match self.on(&basis, target, store)? {
                    Ok(resolved) => return Ok(resolved),
                    Err(target) => target,
                }
            }
            None => target,
        };
        let stamp = self.counters.stamp();
        let resolved = store.point(&ask)?;
        let target = replace(&mut ask.target, Target::None);
        if let (Some(found), Some(repository)) = (&resolved.found, &resolved.basis.repository) {
            self.put_found(FindTarget { repository: repository.key, target }, found, stamp);
        }
        if let Some(scopes) = depends_on(&ask, &resolved.basis) {
            let weight = weight(&ask, &resolved.basis);
            self.bases.put(ask, Arc::clone(&resolved.basis), stamp, scopes, weight);
        }
        Ok(resolved)
    }

    /// The result on a kept basis; the target again if the basis is not current.
    ///
    /// The basis is checked after what is found: so both were true at one time, which is after the request began. A
    /// permission that ended before an image was pushed never opens this image.
    fn on(
        &self,
        basis: &Entry<Basis>,
        target: Target,
        store: &impl Points,
    ) -> Result<Result<Resolved, Target>, StoreError> {
        let repository = basis.answer.repository.as_ref().map(|row| row.key);
        let (found, target) = match (repository, target) {
            (None, target) | (_, target @ Target::None) => (None, target),
            (Some(repository), target) => {
                let find = FindTarget { repository, target };
                (self.find(&find, basis, store)?, find.target)
            }
        };
        let basis = self.is_current(basis).then(|| Arc::clone(&basis.answer));
        Ok(basis.map(|basis| Resolved { basis, found }).ok_or(target))
    }

    /// What a request names, from memory or else from the store.
    fn find(
        &self,
        find: &FindTarget,
        basis: &Entry<Basis>,
        store: &impl Points,
    ) -> Result<Option<Arc<Found>>, StoreError> {
        if let Some(kept) = self.found.get(find) {
            self.verify(&kept, || store.again(find));
            if self.is_current(&kept) {
                return Ok(Some(kept.answer));
            }
        }
        // A basis that has changed needs the whole read in any case.
        if !self.is_current(basis) {
            return Ok(None);
        }
        let stamp = self.counters.stamp();
        let found = store.point(find)?.map(Arc::new);
        if let Some(found) = &found {
            self.put_found(find.clone(), found, stamp);
        }
        Ok(found)
    }

    fn put_found(&self, find: FindTarget, found: &Arc<Found>, stamp: super::Stamp) {
        let text = match &**found {
            // It changes with each chunk, and is asked for once between two of them.
            Found::Upload(_) => return,
            Found::Blob(blob) => blob.object_key.len(),
            Found::Image(image) => {
                let optional = [&image.artifact_type, &image.config_media_type];
                let optional: usize = optional.into_iter().flatten().map(String::len).sum();
                image.media_type.len() + image.pushed_by.len() + optional
            }
        };
        let scopes = [Scope::Contents(find.repository); SCOPES];
        self.found.put(find, Arc::clone(found), stamp, scopes, size_of::<FindTarget>() + text);
    }
}

/// What a basis depends on; None if it is not kept. A repository or a caller that does not exist takes no memory.
fn depends_on(ask: &Resolve, basis: &Basis) -> Option<[Scope; SCOPES]> {
    let exists = basis.account_is_open
        && basis.caller.is_some()
        && basis.repository.is_some() == ask.repository.is_some();
    exists.then(|| {
        [
            Scope::Identity,
            basis.registry.as_ref().map_or(Scope::Identity, |registry| Scope::Registry(registry.key)),
            basis.repository.as_ref().map_or(Scope::Identity, |row| Scope::Repository(row.key)),
        ]
    })
}

fn weight(ask: &Resolve, basis: &Basis) -> usize {
    let of_row = basis.repository.as_ref().map_or(0, |row| {
        let filters: usize =
            row.exclusion_filters.iter().map(|filter| filter.len() + size_of::<String>()).sum();
        // The name is in the question too.
        2 * row.name.len() + row.encryption_type.len() + row.kms_key.as_ref().map_or(0, String::len) + filters
    });
    let of_caller = basis
        .caller
        .as_ref()
        .map_or(0, |caller| caller.path.len() + caller.name.len() + caller.account_status.len());
    size_of::<Resolve>() + ask.caller.as_ref().map_or(0, |caller| caller.unique_id.len()) + of_row + of_caller
}
