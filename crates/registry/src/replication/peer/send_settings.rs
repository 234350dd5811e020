//! Sends the settings of repositories to a peer.

use std::sync::atomic::Ordering;

use access::authz::Permit;
use access::error::{Code, Error, Result};
use access::store::{RepositorySettings, Setting, SettingKind, SettingsItem};
use jiff::Timestamp;

use super::Run;
use super::ask::{Failure, kept_code};
use super::link::Link;
use super::message::{Answer, Ask, SentSetting};
use crate::Registry;
use crate::replication::{Authority, Route, settings};

impl Registry {
    /// Sends the settings that are due for a destination.
    pub(super) async fn send_settings(
        &self,
        permit: &Permit<Authority>,
        (link, route, run): (&Link, &Route, &Run),
        now: Timestamp,
    ) -> Result<()> {
        for item in settings::due(permit, route.destination.id, now).await? {
            if run.is_over() {
                break;
            }
            let outcome = match self.send_settings_of(permit, (link, route), &item).await {
                Ok(refused) => Ok(refused),
                Err(Failure::Refused(code)) => Ok(vec![code]),
                Err(Failure::Here(error)) => Err(error),
                Err(Failure::NotReached(why)) => {
                    link.stop(run, &why);
                    break;
                }
                Err(Failure::Failed(why)) => Err(Error::new(Code::Unavailable, why)),
                Err(Failure::Paused | Failure::Moved) => break,
            };
            settings::end(permit, item, outcome, Timestamp::now()).await?;
            run.done.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn send_settings_of(
        &self,
        permit: &Permit<Authority>,
        (link, route): (&Link, &Route),
        item: &SettingsItem,
    ) -> std::result::Result<Vec<String>, Failure> {
        let Some(RepositorySettings { name, settings }) = settings::read(permit, item).await? else {
            return Ok(Vec::new());
        };
        let way = self.way(link, route, name.as_str())?;
        let sent = |Setting { kind, changed_at, value }: Setting| SentSetting {
            kind: kind.name().to_owned(),
            changed_at: changed_at.0,
            value,
        };
        let settings = settings.into_iter().map(sent).collect();
        match way.ask(&Ask::PutSettings { settings }).await? {
            Answer::Applied { refused } => refusals(&refused),
            _ => Err(Failure::Failed("the peer's answer is not about settings".to_owned())),
        }
    }
}

/// The codes of the settings that the peer did not take: at most one for each that was sent.
fn refusals(codes: &[String]) -> std::result::Result<Vec<String>, Failure> {
    let kept: Option<Vec<String>> =
        codes.iter().take(SettingKind::ALL.len()).map(|code| kept_code(code)).collect();
    kept.ok_or_else(|| Failure::Failed("the peer's codes are not names of errors".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_a_peer_are_few_and_short() {
        let of = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
        assert_eq!(refusals(&[]).ok(), Some(Vec::new()));
        let long = "A".repeat(1 << 20);
        let kept = refusals(&of(&["InvalidTags", &long])).ok().unwrap();
        assert_eq!(kept, ["InvalidTags".to_owned(), "A".repeat(64)]);
        assert_eq!(refusals(&of(&["A"; 100])).ok().unwrap().len(), 5);
        let nonsense = refusals(&of(&["<html> and what follows"]));
        assert!(matches!(nonsense, Err(Failure::Failed(_))));
    }
}
