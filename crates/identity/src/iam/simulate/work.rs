//! The limit on the work of a simulation. A request can contain half a megabyte of patterns and ask for a thousand
//! results, and each result compares every pattern with the resource and the keys. Without a limit, that takes hours.

use access::error::{AwsCode, Error, Result};
use access::store::IdentityPolicies;
use aws::iam::ContextEntry;

/// The steps of one request, some nanoseconds each: one or a few seconds for the worst patterns.
const BUDGET: u64 = 1 << 30;
/// The cost of each byte of the policies in every result. Matched statements and missing keys are written into the
/// result, so this also limits the size of the response.
const STEPS_PER_BYTE: u64 = 64;
/// The number of bytes that are compared in one step.
const BYTES_PER_STEP: u64 = 16;

/// The values on which the duration of a simulation depends.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Work {
    /// The size of all policies together.
    bytes: u64,
    /// The number of `*` and `?` in them: each is tried at every position of the text that it is compared with.
    wildcards: u64,
    /// The number of `$` in them: a variable searches all keys each time it is tried.
    variables: u64,
    /// The size of the names and values of the keys.
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
            let values = entry.values.iter().map(|value| value.len() + 1).sum::<usize>();
            self.add_key(entry.name.len() + values);
        }
    }

    /// Adds the cost of a principal's own policies and tags.
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

    /// Refuses a request with too many results for resources of this maximum length.
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

    /// `results` of policies with this many bytes, each byte a wildcard.
    fn checked(bytes: usize, results: usize) -> bool {
        let mut work = Work::default();
        work.add_policy(&"*".repeat(bytes));
        work.check(results, 100).is_ok()
    }

    #[test]
    fn more_input_is_more_work() {
        assert!(checked(10_000, 100));
        assert!(!checked(10_000, 1_000));
        assert!(!checked(500_000, 100));
        assert!(checked(500_000, 1), "a long input is allowed for one result");
        let mut work = Work::default();
        work.add_policy(&"${a}".repeat(1_000));
        assert!(work.check(100, 100).is_ok());
        let value = ContextEntry { name: "k".to_owned(), values: vec!["v".repeat(1_000)], is_list: false };
        work.add_keys(&vec![value; 100]);
        assert!(work.check(100, 100).is_err());
    }
}
