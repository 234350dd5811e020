//! One-time passwords of virtual MFA devices (RFC 6238, with SHA-1, six digits and 30 seconds, as AWS has them).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use jiff::Timestamp;

const STEP_SECONDS: i64 = 30;
/// Steps before and after the expected one whose codes are accepted: clocks differ, and typing takes time.
const WINDOW: i64 = 1;
/// How far the clock of a device may be off when it is enabled or synchronized, in steps.
const DRIFT: i64 = 20;

/// The secret of a device. It has no `Debug`.
pub struct Seed(hmac::Key);

/// Where the clock of a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matched {
    /// The step of the code.
    pub step: i64,
    /// How many steps the device's clock is ahead.
    pub drift: i64,
}

fn step_of(now: Timestamp) -> i64 {
    now.as_second().div_euclid(STEP_SECONDS)
}

impl Seed {
    pub fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, bytes))
    }

    /// The code of a step (RFC 4226, section 5.3).
    fn code(&self, step: i64) -> String {
        let tag = hmac::sign(&self.0, &step.to_be_bytes());
        let bytes = tag.as_ref();
        let at = usize::from(bytes.last().copied().unwrap_or_default() & 0x0f);
        let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).unwrap_or([0; 4]);
        format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000)
    }

    fn is_code(&self, step: i64, code: &str) -> bool {
        verify_slices_are_equal(self.code(step).as_bytes(), code.as_bytes()).is_ok()
    }

    /// The step of a code, if it is one of now. Every code of the window is compared, whichever matches.
    pub fn step_of(&self, code: &str, drift: i64, now: Timestamp) -> Option<i64> {
        let expected = step_of(now) + drift;
        let steps = expected - WINDOW..=expected + WINDOW;
        steps.fold(None, |found, step| if self.is_code(step, code) { Some(step) } else { found })
    }

    /// Where two consecutive codes show the clock of the device to be.
    pub fn matched(&self, codes: (&str, &str), now: Timestamp) -> Option<Matched> {
        let here = step_of(now);
        (here - DRIFT..=here + DRIFT).fold(None, |found, step| {
            let (first, second) = (self.is_code(step, codes.0), self.is_code(step + 1, codes.1));
            // The second code is the newer one, and is at most as old as the window.
            if first && second { Some(Matched { step: step + 1, drift: step + 1 - here }) } else { found }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    /// RFC 6238, appendix B: the last six of eight digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let seed = Seed::new(SEED);
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(seed.code(seconds / 30), code, "{seconds}");
            assert_eq!(seed.step_of(code, 0, at(seconds)), Some(seconds / 30));
        }
    }

    #[test]
    fn a_code_is_accepted_one_step_early_or_late() {
        let seed = Seed::new(SEED);
        let code = seed.code(1_000);
        for (step, accepted) in [(998, false), (999, true), (1_000, true), (1_001, true), (1_002, false)] {
            assert_eq!(seed.step_of(&code, 0, at(step * 30)).is_some(), accepted, "{step}");
        }
        assert_eq!(seed.step_of(&code, -5, at(1_005 * 30)), Some(1_000), "the device's clock is slow");
        for wrong in ["", "00000", "0000000", "abcdef"] {
            assert_eq!(seed.step_of(wrong, 0, at(30_000)), None, "{wrong}");
        }
    }

    #[test]
    fn two_consecutive_codes_show_the_clock() {
        let seed = Seed::new(SEED);
        let codes = (seed.code(1_000), seed.code(1_001));
        let matched = |now: i64| seed.matched((&codes.0, &codes.1), at(now * 30));
        assert_eq!(matched(1_001), Some(Matched { step: 1_001, drift: 0 }));
        assert_eq!(matched(1_011), Some(Matched { step: 1_001, drift: -10 }));
        assert_eq!(matched(1_100), None, "too far away");
        assert_eq!(seed.matched((&codes.1, &codes.0), at(30_030)), None, "in the wrong order");
        assert_eq!(seed.matched((&codes.0, &codes.0), at(30_000)), None, "twice the same");
    }
}
