//! Gamma gaps with mean 1 by Marsaglia and Tsang, "A simple method for generating gamma variables" (2000), on
//! keyed draws and pinned mathematics.

use richter_mock_bedrock::{dist::normal_quantile, luck::Draws};

/// As many draws as one gap turns out to need.
#[derive(Debug, Clone, Copy)]
pub struct Rolls {
    draws: Draws,
    place: u64,
    phase: u32,
    purpose: u32,
}

/// The first purpose that a gap's rolls use; lower ones belong to others.
const ROLLS: u32 = 1 << 16;

impl Rolls {
    pub fn new(draws: Draws, place: u64, phase: u32) -> Rolls {
        Rolls { draws, place, phase, purpose: ROLLS }
    }

    fn unit(&mut self) -> f64 {
        self.purpose += 1;
        self.draws.draw(self.place, self.phase, self.purpose).unit()
    }
}

/// Gaps of mean 1 and a chosen coefficient of variation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gaps {
    shape: f64,
}

impl Gaps {
    pub fn new(cv: f64) -> Gaps {
        Gaps { shape: 1.0 / (cv * cv) }
    }

    pub fn gap(self, mut rolls: Rolls) -> f64 {
        gamma(self.shape, &mut rolls) / self.shape
    }

    /// From an arbitrary moment to the next arrival: a random part of a gap that was met because it is long. Starting
    /// with it keeps the mean right from the first second; a whole gap would add (CV² − 1) / 2 arrivals.
    pub fn first(self, mut rolls: Rolls) -> f64 {
        rolls.unit() * gamma(self.shape + 1.0, &mut rolls) / self.shape
    }
}

fn gamma(shape: f64, rolls: &mut Rolls) -> f64 {
    if shape < 1.0 {
        // A shape below 1 is drawn one higher and pulled down.
        let pull = libm::exp(libm::log(rolls.unit()) / shape);
        return above_one(shape + 1.0, rolls) * pull;
    }
    above_one(shape, rolls)
}

fn above_one(shape: f64, rolls: &mut Rolls) -> f64 {
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / libm::sqrt(9.0 * d);
    loop {
        let x = normal_quantile(rolls.unit());
        let v = 1.0 + c * x;
        let v = v * v * v;
        if v > 0.0 && libm::log(rolls.unit()) < x * x / 2.0 + d * (1.0 - v + libm::log(v)) {
            return d * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use richter_mock_bedrock::luck::{Luck, Stream};

    use super::*;

    fn moments(values: impl Iterator<Item = f64>) -> (f64, f64) {
        let (n, sum, squares) =
            values.fold((0.0, 0.0, 0.0), |(n, sum, squares), v| (n + 1.0, sum + v, squares + v * v));
        let mean = sum / n;
        (mean, libm::sqrt(squares / n - mean * mean))
    }

    #[test]
    fn gaps_have_mean_one_and_the_coefficient_of_variation_asked_for() {
        let draws = Luck::new(1, 0).stream(Stream::Arrivals);
        for cv in [0.05, 0.3, 1.0, 2.0, 4.0] {
            let gaps = Gaps::new(cv);
            let (mean, deviation) = moments((0..400_000).map(|place| gaps.gap(Rolls::new(draws, place, 0))));
            assert!((mean - 1.0).abs() < 0.01 * (1.0 + cv), "mean {mean} for {cv}");
            assert!((deviation / cv - 1.0).abs() < 0.03, "deviation {deviation} for {cv}");
        }
    }

    #[test]
    fn the_first_gap_is_the_rest_of_a_gap_already_begun() {
        let draws = Luck::new(2, 0).stream(Stream::Arrivals);
        for cv in [0.3, 1.0, 3.0] {
            let gaps = Gaps::new(cv);
            let (mean, _) = moments((0..400_000).map(|place| gaps.first(Rolls::new(draws, place, 0))));
            let expected = (cv * cv + 1.0) / 2.0;
            assert!((mean / expected - 1.0).abs() < 0.02, "{mean} against {expected}");
        }
    }
}
