//! The latency and the result of honest requests.

use std::collections::BTreeMap;
use std::time::Duration;

use super::honest::Kind;

/// The result of a request.
pub(super) enum Outcome {
    Answered,
    /// 429 or 503 with Retry-After.
    Busy,
    Failed(String),
}

/// One honest request.
pub(super) struct Sample {
    pub(super) kind: Kind,
    pub(super) took: Duration,
    pub(super) outcome: Outcome,
}

/// All requests of a run.
#[derive(Default)]
pub(super) struct Latencies(Vec<Sample>);

impl Latencies {
    /// Adds the requests of a client.
    pub(super) fn extend(&mut self, samples: Vec<Sample>) {
        self.0.extend(samples);
    }

    /// The number of requests.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The number of requests with an answer to retry later.
    pub(super) fn busy(&self) -> usize {
        self.0.iter().filter(|sample| matches!(sample.outcome, Outcome::Busy)).count()
    }

    /// The errors, one text for each failed request.
    pub(super) fn failures(&self) -> Vec<&str> {
        let texts = self.0.iter().filter_map(|sample| match &sample.outcome {
            Outcome::Failed(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// The time within which 99 of 100 requests were answered.
    pub(super) fn p99(&self) -> Duration {
        percentile(self.0.iter().map(|sample| sample.took).collect(), 99)
    }

    /// The slowest request.
    pub(super) fn most(&self) -> Duration {
        self.0.iter().map(|sample| sample.took).max().unwrap_or_default()
    }

    /// The slowest request of a kind.
    pub(super) fn most_of(&self, kind: Kind) -> Duration {
        self.0.iter().filter(|sample| sample.kind == kind).map(|sample| sample.took).max().unwrap_or_default()
    }

    /// The kind of request with the worst p99, so a rare kind with a high latency is visible. For fewer than a hundred
    /// requests it is the median: their p99 would be one slow write to the disk.
    pub(super) fn worst(&self) -> Option<(Kind, Duration)> {
        let mut kinds = BTreeMap::<Kind, Vec<Duration>>::new();
        for sample in &self.0 {
            kinds.entry(sample.kind).or_default().push(sample.took);
        }
        let typical = |times: Vec<Duration>| {
            let percent = if times.len() < 100 { 50 } else { 99 };
            percentile(times, percent)
        };
        kinds.into_iter().map(|(kind, times)| (kind, typical(times))).max_by_key(|(_, time)| *time)
    }
}

fn percentile(mut times: Vec<Duration>, percent: usize) -> Duration {
    times.sort();
    let rank = (times.len() * percent).div_ceil(100);
    times.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_request_in_a_hundred_is_above_the_percentile() {
        let mut times = vec![Duration::from_millis(1); 99];
        times.push(Duration::from_secs(9));
        assert_eq!(percentile(times.clone(), 99), Duration::from_millis(1));
        times.push(Duration::from_secs(9));
        assert_eq!(percentile(times, 99), Duration::from_secs(9));
        assert_eq!(percentile(Vec::new(), 99), Duration::ZERO);
    }

    #[test]
    fn a_rare_slow_kind_is_the_worst() {
        let sample =
            |kind, millis| Sample { kind, took: Duration::from_millis(millis), outcome: Outcome::Answered };
        let mut all = Latencies::default();
        all.extend((0..200).map(|_| sample(Kind::Manifest, 2)).collect());
        all.extend(vec![sample(Kind::Part, 5000)]);
        assert_eq!(all.p99(), Duration::from_millis(2));
        assert!(all.worst().is_some_and(|(kind, time)| kind == Kind::Part && time.as_millis() == 5000));
    }
}
