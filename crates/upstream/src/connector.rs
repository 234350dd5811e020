//! What opens the connections to upstream registries.

use outbound::{Client, Dialler, Roots, RootsError};

/// Opens connections that the dialler allows, to servers that the system's certificate authorities certify. Cheap to
/// clone.
#[derive(Clone)]
pub struct Connector(pub(crate) Client);

impl Connector {
    /// A connector for addresses that an account chose.
    pub fn new(dialler: &Dialler) -> Result<Self, RootsError> {
        Client::guarded(dialler, Roots::System).map(Self)
    }
}

impl From<Client> for Connector {
    /// For commands, whose user chose the registry.
    fn from(client: Client) -> Self {
        Self(client)
    }
}
