//! How much work a simulation may be. A request can bring half a megabyte of patterns and ask for a thousand results,
//! each of which compares every pattern with the resource and the keys: without a limit, that takes hours.

use aws::iam::ContextEntry;

use access::error::{AwsCode, Error, Result};
use access::store::IdentityPolicies;

/// Steps of one request, some nanoseconds each: a second or a few for the worst patterns.
const BUDGET: u64 = 1 << 30;
/// What each byte of the policies costs in every result, whatever it is compared with: statements that match and keys
/// that are missing are written into the result, so that this bounds the answer's size too.
const STEPS_PER_BYTE: u64 = 64;
/// Bytes that are compared in one step.
const BYTES_PER_STEP: u64 = 16;

/// What decides how long a simulation takes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Work {
    /// Of all policies together.
    bytes: u64,
    /// `*` and `?` in them: each is tried at every place of the text that it is compared with.
    wildcards: u64,
    /// `$` in them: a variable looks through all keys wherever it is tried.
    variables: u64,
    /// Names and values of the keys.
    key_bytes: u64,
    keys: u64,
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

impl Work {
    pub(super) fn add_policy(&mut self, text: &str) {
        self.bytes += count(text.len());
        self.wildcards += count(text.bytes().filter(|byte| matches!(byte, b'*' | b'?')).count());
        self.variables += count(text.bytes().filter(|byte| *byte == b'$').count());
    }

    pub(super) fn add_keys(&mut self, entries: &[ContextEntry]) {
        for entry in entries {
            let values = entry.context_key_values.iter().map(|value| value.len() + 1).sum::<usize>();
            self.add_key(entry.context_key_name.as_ref().map_or(0, String::len) + values);
        }
    }

    /// Adds what a principal's own policies and tags cost.
    pub(super) fn add_principal(&mut self, loaded: &IdentityPolicies) {
        loaded.inline.iter().for_each(|(_, text)| self.add_policy(text));
        for managed in loaded.managed.iter().chain(&loaded.boundary) {
            let text = managed.document.as_deref().or_else(|| policy::managed::find(&managed.arn));
            self.add_policy(text.unwrap_or_default());
        }
        loaded.tags.iter().for_each(|(key, value)| self.add_key(key.len() + value.len()));
    }

    fn add_key(&mut self, bytes: usize) {
        self.keys += 1;
        self.key_bytes += count(bytes);
    }

    /// Refuses more results on resources of at most so many bytes than a request may cost.
    pub(super) fn check(&self, results: usize, longest: usize) -> Result<()> {
        let compared = self.key_bytes.saturating_add(count(longest));
        let patterns =
            self.wildcards + self.variables.saturating_mul(self.keys + 1) + self.bytes / BYTES_PER_STEP;
        let of_one = compared.saturating_mul(patterns).saturating_add(self.bytes * STEPS_PER_BYTE);
        if of_one.saturating_mul(count(results)) <= BUDGET {
            return Ok(());
        }
        let message = "The simulation would take too long. Ask for fewer results at a time (MaxItems), or about fewer \
                       or shorter policies, resources and context entries.";
        Err(Error::aws(AwsCode::InvalidInput, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `results` of as many bytes of policies, each byte a wildcard.
    fn checked(bytes: usize, results: usize) -> bool {
        let mut work = Work::default();
        work.add_policy(&"*".repeat(bytes));
        work.check(results, 100).is_ok()
    }

    #[test]
    fn more_of_anything_is_more_work() {
        assert!(checked(10_000, 100));
        assert!(!checked(10_000, 1_000));
        assert!(!checked(500_000, 100));
        assert!(checked(500_000, 1), "what is long may still be asked for by one");
        let mut work = Work::default();
        work.add_policy(&"${a}".repeat(1_000));
        assert!(work.check(100, 100).is_ok());
        let value = ContextEntry {
            context_key_name: Some("k".to_owned()),
            context_key_values: vec!["v".repeat(1_000)],
            context_key_type: None,
        };
        work.add_keys(&vec![value; 100]);
        assert!(work.check(100, 100).is_err());
    }
}
