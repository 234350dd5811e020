//! Page tokens: sealed, so that a client can neither read nor forge where the next page begins, nor use one
//! list's token for another.

use serde::{Deserialize, Serialize};

use crate::Access;
use crate::error::{Error, Result};
use crate::seal::Purpose;

#[derive(Serialize, Deserialize)]
struct Page<C> {
    /// Which list, of what.
    list: String,
    /// Where it goes on.
    after: C,
}

impl Access {
    /// The token of the page that begins after `after`, in the list of this name.
    pub fn page_token<C: Serialize>(&self, list: &str, after: C) -> Result<String> {
        let page = Page { list: list.to_owned(), after };
        self.keys.seal_json(Purpose::Page, &page).map_err(Error::internal)
    }

    /// Where a page begins that a client asked for by token.
    pub fn open_page_token<C: for<'de> Deserialize<'de>>(&self, list: &str, token: &str) -> Result<C> {
        let page: Option<Page<C>> = self.keys.open_json(Purpose::Page, token).ok();
        page.filter(|page| page.list == list)
            .map(|page| page.after)
            .ok_or_else(|| Error::invalid_parameter("nextToken", "Invalid token"))
    }
}
