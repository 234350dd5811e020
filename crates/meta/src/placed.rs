//! `Resolve` of two databases: the caller and the account from the directory, the registry from its own database. The
//! answer is one that was true at one moment after the request began (docs/adr/0047-registries-on-several-databases.md).

use crate::{
    FindStanding, Meta, Never, Resolve, Resolved,
    error::{OpError, StoreError},
};

/// How often both databases are read before their answers fit.
const TRIES: usize = 8;

impl Meta {
    /// Reads the directory, then the registry, then the directory again. It has the same answer as before, so that answer
    /// was true when the registry was read. A registry of another database is not here, whatever the rows here say.
    pub(crate) async fn resolve_placed(
        &self,
        database: &str,
        ask: Resolve,
    ) -> Result<Resolved, OpError<Never>> {
        let find = FindStanding::of(&ask);
        let here = Resolve { caller: None, ..ask };
        let mut standing = self.read(find.clone()).await?;
        for _ in 0..TRIES {
            if !standing.account_is_open || standing.database.as_deref() != Some(database) {
                return Ok(standing.with(Resolved::default()));
            }
            let resolved = self.read(here.clone()).await?;
            let again = self.read(find.clone()).await?;
            if again == standing {
                return Ok(standing.with(resolved));
            }
            standing = again;
        }
        Err(OpError::Store(StoreError::Conflict))
    }
}
