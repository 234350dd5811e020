//! The rounds of a measure and their summary.

use super::load::Sample;
use super::measure::Measure;

impl Sample {
    #[expect(clippy::cast_precision_loss, reason = "far fewer operations than a double counts exactly")]
    fn count(&self) -> f64 {
        self.operations as f64
    }

    fn rate(&self) -> f64 {
        self.count() / self.elapsed.as_secs_f64()
    }

    fn cpu_each(&self) -> f64 {
        self.cpu / self.count().max(1.0)
    }

    /// A line of progress.
    pub(crate) fn describe(&self, side: &str, measure: &Measure) -> String {
        let unit = measure.unit();
        format!("{side}: {}, CPU {}", unit.rate(self.rate()), unit.cpu(self.cpu_each()))
    }
}

/// All rounds of one measure, by server.
pub(crate) struct Series {
    /// What was measured.
    pub(crate) measure: Measure,
    samples: Vec<Vec<Sample>>,
}

/// The summary of one server's rounds.
pub(crate) struct Summary {
    /// The median of operations in a second.
    pub(crate) rate: f64,
    /// The slowest and the fastest round.
    pub(crate) spread: (f64, f64),
    /// The median of CPU seconds for an operation.
    pub(crate) cpu: f64,
}

impl Series {
    /// A series without rounds.
    pub(crate) fn new(measure: &Measure, sides: usize) -> Self {
        Self { measure: *measure, samples: vec![Vec::new(); sides] }
    }

    /// Adds a round of a server.
    pub(crate) fn add(&mut self, side: usize, sample: Sample) {
        if let Some(samples) = self.samples.get_mut(side) {
            samples.push(sample);
        }
    }

    /// The summary of a server; none if it was not measured.
    pub(crate) fn summary(&self, side: usize) -> Option<Summary> {
        let samples = self.samples.get(side)?;
        let rates = sorted(samples.iter().map(Sample::rate));
        let spread = (*rates.first()?, *rates.last()?);
        let cpu = median(&sorted(samples.iter().map(Sample::cpu_each)))?;
        Some(Summary { rate: median(&rates)?, spread, cpu })
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(upper, *sorted.get(sorted.len() / 2 - 1)?))
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        assert_eq!(median(&[1.0, 2.0, 4.0, 9.0]), Some(3.0));
        assert_eq!(median(&[1.0, 2.0, 4.0]), Some(2.0));
        assert_eq!(median(&[]), None);
    }
}
