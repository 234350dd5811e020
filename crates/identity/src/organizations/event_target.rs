//! The operations of the management account on targets of events and their dead letters.

use access::context::Ctx;
use access::deliveries::PAGE;
use access::error::Result;
use access::op::organizations;
use access::store::{DeliveryTarget, Micros};
use aws::organizations::{
    DeadLetter, EventTarget, WharfListDeadLettersRequest, WharfListDeadLettersResponse,
    WharfListEventTargetsRequest, WharfListEventTargetsResponse, WharfReplayDeadLettersRequest,
    WharfReplayDeadLettersResponse,
};
use jiff::Timestamp;

use super::reconciler::seconds;
use crate::Identity;

impl Identity {
    /// Lists the targets of events and what waits for them.
    pub async fn wharf_list_event_targets(
        &self,
        ctx: &Ctx,
        input: WharfListEventTargetsRequest,
    ) -> Result<WharfListEventTargetsResponse> {
        self.manages::<organizations::WharfListEventTargets>(ctx, "*").await?;
        self.shown_event_targets(input).await
    }

    /// The same for an operator who can open the store.
    pub async fn shown_event_targets(
        &self,
        input: WharfListEventTargetsRequest,
    ) -> Result<WharfListEventTargetsResponse> {
        let targets = self.access.event_targets(input.after_target).await?;
        let last = targets.last().filter(|_| targets.len() == PAGE).map(|target| target.target.clone());
        let targets = targets.into_iter().map(shown).collect();
        Ok(WharfListEventTargetsResponse { targets, last_target: last })
    }

    /// Lists the dead letters of a target.
    pub async fn wharf_list_dead_letters(
        &self,
        ctx: &Ctx,
        input: WharfListDeadLettersRequest,
    ) -> Result<WharfListDeadLettersResponse> {
        self.manages::<organizations::WharfListDeadLetters>(ctx, "*").await?;
        self.shown_dead_letters(input).await
    }

    /// The same for an operator who can open the store.
    pub async fn shown_dead_letters(
        &self,
        input: WharfListDeadLettersRequest,
    ) -> Result<WharfListDeadLettersResponse> {
        let letters = self.access.dead_letters(input.target, input.after_sequence).await?;
        let last = letters.last().filter(|_| letters.len() == PAGE).map(|letter| letter.sequence);
        let letter = |letter: access::store::DeadLetter| DeadLetter {
            sequence: letter.sequence,
            event_at: time(letter.at),
            died_at: time(letter.died_at),
            attempts: letter.attempts,
            error: letter.error,
            event: letter.body,
        };
        let dead_letters = letters.into_iter().map(letter).collect();
        Ok(WharfListDeadLettersResponse { dead_letters, last_sequence: last })
    }

    /// Delivers dead letters again.
    pub async fn wharf_replay_dead_letters(
        &self,
        ctx: &Ctx,
        input: WharfReplayDeadLettersRequest,
    ) -> Result<WharfReplayDeadLettersResponse> {
        self.manages::<organizations::WharfReplayDeadLetters>(ctx, "*").await?;
        self.replayed_dead_letters(input, ctx.now).await
    }

    /// The same for an operator who can open the store.
    pub async fn replayed_dead_letters(
        &self,
        input: WharfReplayDeadLettersRequest,
        now: Timestamp,
    ) -> Result<WharfReplayDeadLettersResponse> {
        let replayed = self.access.replay_dead_letters(&input.target, input.sequence, now).await?;
        Ok(WharfReplayDeadLettersResponse { replayed })
    }
}

fn time(at: Micros) -> f64 {
    seconds(at).unwrap_or_default()
}

fn shown(target: DeliveryTarget) -> EventTarget {
    EventTarget {
        target: target.target,
        waiting: target.waiting,
        dead_letters: target.dead,
        delivered: target.delivered,
        dropped: target.dropped,
        failures: target.failures,
        retry_at: seconds(target.retry_at).filter(|_| target.failures > 0),
        last_delivered_at: seconds(target.delivered_at),
        last_error: target.error,
    }
}
