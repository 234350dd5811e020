//! The parts that the server calls.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use access::Access;
use events::Events;
use identity::Identity;
use registry::Registry;

/// One deployment: all parts use the same store.
#[derive(Clone)]
pub struct Deployment {
    /// The gate, the keys and the settings.
    pub access: Arc<Access>,
    /// IAM, STS and Organizations.
    pub identity: Arc<Identity>,
    /// The delivery of events.
    pub events: Arc<Events>,
    /// The registries.
    pub registry: Arc<Registry>,
    /// The registries in other databases, by the name of the database. One that is away is empty until it is opened.
    pub beside: Arc<BTreeMap<String, OnceLock<Arc<Registry>>>>,
}
