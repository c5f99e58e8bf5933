//! The text that HdrHistogram's own plotter reads: value, percentile, count up to it, 1 / (1 - percentile).

use std::fmt::Write as _;

use crate::{run_file::RunFile, samples::Samples, tally::View};

/// One distribution, to be a file of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hgrm {
    /// Strategy and clock.
    pub name: String,
    pub text: String,
}

/// Each strategy's times to the first token and to the whole answer, over the measured phases; whole answers only.
pub fn hgrm(run: &RunFile) -> Vec<Hgrm> {
    let view = View::new(run);
    let measured = view.measured_phases();
    let mut files = Vec::new();
    for (index, strategy) in run.strategies.iter().enumerate() {
        let times = view.tally(index, &measured).times.clone();
        for (clock, samples) in [("first_token", &times.first_token), ("total", &times.total)] {
            if !samples.is_empty() {
                files.push(Hgrm { name: format!("{}-{clock}", strategy.name), text: distribution(samples) });
            }
        }
    }
    files
}

fn distribution(samples: &Samples) -> String {
    let n = samples.len() as f64;
    let mut text =
        format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    let mut seen = 0;
    for (us, count) in samples.counts() {
        seen += count;
        let part = seen as f64 / n;
        let beyond =
            if seen == samples.len() { "inf".to_owned() } else { format!("{:.2}", 1.0 / (1.0 - part)) };
        let ms = *us as f64 / 1e3;
        writeln!(text, "{ms:>12.3} {part:>14.12} {seen:>10} {beyond:>14}").expect("a string takes all");
    }
    let mean = sum(samples, |ms| ms) / n;
    let deviation = (sum(samples, |ms| (ms - mean) * (ms - mean)) / n).sqrt();
    let max = samples.counts().last().map_or(0.0, |(us, _)| *us as f64 / 1e3);
    let total = samples.len();
    writeln!(text, "#[Mean    = {mean:>12.3}, StdDeviation   = {deviation:>12.3}]")
        .expect("a string takes all");
    writeln!(text, "#[Max     = {max:>12.3}, Total count    = {total:>12}]").expect("a string takes all");
    text
}

fn sum(samples: &Samples, of: impl Fn(f64) -> f64) -> f64 {
    samples.counts().iter().map(|(us, count)| of(*us as f64 / 1e3) * *count as f64).sum()
}
