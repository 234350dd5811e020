//! How rates, times and sizes are written.

use super::content::{KIB, MIB};

/// The unit of a rate.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    /// Requests or pushes per second.
    Operations,
    /// MiB per second, with operations of this size.
    Bytes(u64),
}

impl Unit {
    /// For example `12,345/s` or `2,100 MiB/s`.
    pub(crate) fn rate(self, per_second: f64) -> String {
        match self {
            Self::Operations => format!("{}/s", grouped(per_second)),
            Self::Bytes(bytes) => format!("{} MiB/s", grouped(per_second * mib(bytes))),
        }
    }

    /// CPU time of one operation, or of one GiB.
    pub(crate) fn cpu(self, seconds: f64) -> String {
        match self {
            Self::Operations => format!("{} µs", grouped(seconds * 1e6)),
            Self::Bytes(bytes) => format!("{:.2} s/GiB", seconds * 1024.0 / mib(bytes)),
        }
    }
}

/// Bytes in MiB.
#[expect(clippy::cast_precision_loss, reason = "the sizes are a few powers of two")]
pub(crate) fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB as f64
}

/// A number with commas between thousands; a small number keeps one decimal.
pub(crate) fn grouped(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size such as `16 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    if bytes < MIB { format!("{} KiB", bytes / KIB) } else { format!("{} MiB", bytes / MIB) }
}

#[cfg(test)]
mod tests {
    use super::{Unit, grouped};

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(grouped(1_234_567.4), "1,234,567");
        assert_eq!(grouped(999.6), "1,000");
        assert_eq!(grouped(12.34), "12.3");
    }

    #[test]
    fn large_operations_are_counted_in_bytes() {
        let unit = Unit::Bytes(16 << 20);
        assert_eq!(unit.rate(10.0), "160 MiB/s");
        assert_eq!(unit.cpu(0.01), "0.64 s/GiB");
        assert_eq!(Unit::Operations.cpu(25e-6), "25.0 µs");
    }
}
