//! Page tokens. They are sealed, so a client can neither read nor forge the start of the next page, and cannot use a
//! token of another list.

use serde::{Deserialize, Serialize};

use crate::Access;
use crate::error::{Error, Result};
use crate::seal::Purpose;

#[derive(Serialize, Deserialize)]
struct Page<C> {
    /// The list.
    list: String,
    /// The position.
    after: C,
}

impl Access {
    /// The token of the page that begins after `after`, in the list with this name.
    pub fn page_token<C: Serialize>(&self, list: &str, after: C) -> Result<String> {
        let page = Page { list: list.to_owned(), after };
        self.keys.seal_json(Purpose::Page, &page).map_err(Error::internal)
    }

    /// The start of the page for a client's token.
    pub fn open_page_token<C: for<'de> Deserialize<'de>>(&self, list: &str, token: &str) -> Result<C> {
        let page: Option<Page<C>> = self.keys.open_json(Purpose::Page, token).ok();
        page.filter(|page| page.list == list)
            .map(|page| page.after)
            .ok_or_else(|| Error::invalid_parameter("nextToken", "Invalid token"))
    }
}
