//! The list of attacks.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures::future::{BoxFuture, join_all};
use tokio::time::{sleep, timeout};

use super::honest::Traffic;
use super::outcome::Check;
use super::server::Settings;
use super::site::Site;
use super::{
    agent, answers, bodies, descriptors, members, pattern, policies, readers, slots, unread, windows,
};

/// The numbers and times of a run.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    /// The short form, for CI.
    pub(super) short: bool,
}

impl Scale {
    /// One of two values.
    pub(super) fn pick<T>(self, short: T, long: T) -> T {
        if self.short { short } else { long }
    }

    /// How long an attack holds its connections.
    pub(super) fn hold(self) -> Duration {
        Duration::from_secs(self.pick(4, 20))
    }

    /// How long honest clients are measured without an attack.
    pub(super) fn baseline(self) -> Duration {
        Duration::from_secs(self.pick(1, 5))
    }

    /// The longest pause of a body, for servers whose limit the attack needs short.
    fn body_idle_seconds(self) -> u64 {
        self.pick(4, 10)
    }

    /// The honest clients during an attack.
    pub(super) fn traffic(self, attack: Attack) -> Traffic {
        let many = attack == Attack::Together;
        let clients = if many { self.pick(120, 1000) } else { self.pick(60, 240) };
        Traffic { clients, pace: Duration::from_secs(self.pick(1, 5)) }
    }
}

/// One attack.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Attack {
    Members,
    Bodies,
    Slots,
    Descriptors,
    Windows,
    Pattern,
    Answers,
    Policies,
    Readers,
    Unread,
    Agent,
    Together,
}

impl Attack {
    /// All attacks. The last one runs all that one server can serve, at the same time.
    pub(super) const ALL: [Self; 12] = [
        Self::Members,
        Self::Bodies,
        Self::Slots,
        Self::Descriptors,
        Self::Windows,
        Self::Pattern,
        Self::Answers,
        Self::Policies,
        Self::Readers,
        Self::Unread,
        Self::Agent,
        Self::Together,
    ];

    /// The attacks that run on the same server at the same time: those without special settings of the server.
    fn together() -> impl Iterator<Item = Self> {
        let apart = [Self::Descriptors, Self::Agent, Self::Together];
        Self::ALL.into_iter().filter(move |attack| !apart.contains(attack))
    }

    /// The name for `--only` and in the table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Members => "members",
            Self::Bodies => "bodies",
            Self::Slots => "slots",
            Self::Descriptors => "descriptors",
            Self::Windows => "windows",
            Self::Pattern => "pattern",
            Self::Answers => "answers",
            Self::Policies => "policies",
            Self::Readers => "readers",
            Self::Unread => "unread",
            Self::Agent => "agent",
            Self::Together => "together",
        }
    }

    /// The settings of its server.
    pub(super) fn settings(self, scale: Scale) -> Settings {
        let body_idle_seconds = match self {
            // The default, against which the steady reader is measured.
            Self::Readers if !scale.short => 60,
            Self::Windows | Self::Readers | Self::Together => scale.body_idle_seconds(),
            _ => 60,
        };
        let descriptors = (self == Self::Descriptors).then_some(descriptors::LIMIT);
        Settings { body_idle_seconds, descriptors }
    }

    /// Prepares the server for the attack.
    pub(super) async fn prepare(self, site: &Site, scale: Scale) -> Result<()> {
        match self {
            Self::Windows => windows::prepare(site).await,
            Self::Pattern => pattern::prepare(site).await,
            Self::Answers => answers::prepare(site).await,
            Self::Readers => readers::prepare(site).await,
            Self::Agent => agent::prepare(site).await,
            Self::Together => {
                for attack in Self::together() {
                    Box::pin(attack.prepare(site, scale)).await?;
                }
                Ok(())
            }
            Self::Members
            | Self::Bodies
            | Self::Slots
            | Self::Descriptors
            | Self::Policies
            | Self::Unread => Ok(()),
        }
    }

    /// Runs the attack. The returned checks apply only to this attack.
    pub(super) fn run(self, site: Arc<Site>, scale: Scale) -> BoxFuture<'static, Result<Vec<Check>>> {
        match self {
            Self::Members => Box::pin(members::run(site, scale)),
            Self::Bodies => Box::pin(bodies::run(site, scale)),
            Self::Slots => Box::pin(slots::run(site, scale)),
            Self::Descriptors => Box::pin(descriptors::run(site, scale)),
            Self::Windows => Box::pin(windows::run(site, scale)),
            Self::Pattern => Box::pin(pattern::run(site, scale)),
            Self::Answers => Box::pin(answers::run(site, scale)),
            Self::Policies => Box::pin(policies::run(site, scale)),
            Self::Readers => Box::pin(readers::run(site, scale)),
            Self::Unread => Box::pin(unread::run(site, scale)),
            Self::Agent => Box::pin(agent::run(site, scale)),
            Self::Together => Box::pin(together(site, scale)),
        }
    }
}

/// All attacks at once, each repeated until the longest ends. The checks of each attack assume a server of its own;
/// here only the honest clients count.
async fn together(site: Arc<Site>, scale: Scale) -> Result<Vec<Check>> {
    let again = |attack: Attack| {
        let site = Arc::clone(&site);
        async move {
            loop {
                // An attack that the server ends early is started again after a pause.
                let _ = attack.run(Arc::clone(&site), scale).await;
                sleep(Duration::from_millis(500)).await;
            }
        }
    };
    let _ = timeout(slots::time(scale), join_all(Attack::together().map(again))).await;
    Ok(Vec::new())
}
