//! Numbers over time, in buckets of one second, or wider for runs of many hours.

use richter_mock_bedrock::Nanos;

use super::tally::CLASSES;

/// Most buckets kept; a longer run gets wider buckets. Two hours of seconds.
pub const BUCKETS_MAX: u64 = 7_200;
const SECOND: Nanos = 1_000_000_000;

/// One bucket: a row, so that what happens in one second touches one place in memory.
#[derive(Debug, Clone, Default)]
pub struct Bucket {
    pub offered: u32,
    pub good_by_arrival: u32,
    pub good: u32,
    pub answered: u32,
    pub failed: u32,
    pub abandoned: u32,
    pub attempts: u32,
    pub throttles: u32,
    pub in_flight: u32,
    pub failed_by_class: [u32; CLASSES],
}

#[derive(Debug)]
pub struct TimeSeries {
    width: Nanos,
    buckets: Vec<Bucket>,
    /// Row-major, `regions` wide.
    by_region: Vec<u32>,
    regions: usize,
    /// Row-major, `targets` wide.
    by_target: Vec<u32>,
    targets: usize,
    in_flight: u32,
}

/// How wide the buckets of a run of this length are.
pub fn width(length: Nanos) -> Nanos {
    let seconds = length.div_ceil(SECOND).max(1);
    seconds.div_ceil(BUCKETS_MAX).max(1) * SECOND
}

impl TimeSeries {
    /// For a run that lasts at most `length`.
    pub fn new(length: Nanos, regions: usize, targets: usize) -> TimeSeries {
        let width = width(length);
        let series = TimeSeries {
            width,
            buckets: Vec::new(),
            by_region: Vec::new(),
            regions,
            by_target: Vec::new(),
            targets,
            in_flight: 0,
        };
        series.with_room(length.div_ceil(width))
    }

    fn with_room(mut self, buckets: u64) -> TimeSeries {
        let buckets = usize::try_from(buckets).unwrap_or(usize::MAX).min(BUCKETS_MAX as usize + 1);
        self.buckets.reserve_exact(buckets);
        self.by_region.reserve_exact(buckets * self.regions);
        self.by_target.reserve_exact(buckets * self.targets);
        self
    }

    pub fn width(&self) -> Nanos {
        self.width
    }

    pub fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    pub fn region_row(&self, bucket: usize) -> &[u32] {
        &self.by_region[bucket * self.regions..(bucket + 1) * self.regions]
    }

    pub fn target_row(&self, bucket: usize) -> &[u32] {
        &self.by_target[bucket * self.targets..(bucket + 1) * self.targets]
    }

    /// The bucket of a moment. Buckets that nothing touched carry the number in flight on.
    #[inline]
    pub fn at(&mut self, now: Nanos) -> &mut Bucket {
        let index = (now / self.width) as usize;
        if index >= self.buckets.len() {
            self.grow(index);
        }
        &mut self.buckets[index]
    }

    #[cold]
    fn grow(&mut self, index: usize) {
        let carried = Bucket { in_flight: self.in_flight, ..Bucket::default() };
        self.buckets.resize(index + 1, carried);
        self.by_region.resize((index + 1) * self.regions, 0);
        self.by_target.resize((index + 1) * self.targets, 0);
    }

    #[inline]
    pub fn began(&mut self, now: Nanos) {
        self.in_flight += 1;
        let in_flight = self.in_flight;
        let bucket = self.at(now);
        bucket.offered += 1;
        bucket.in_flight = bucket.in_flight.max(in_flight);
    }

    /// A request that came and was never begun.
    pub fn shed(&mut self, now: Nanos) {
        self.at(now).offered += 1;
    }

    #[inline]
    pub fn ended(&mut self, now: Nanos) -> &mut Bucket {
        // The bucket opens with the number in flight before this end.
        self.at(now);
        self.in_flight = self.in_flight.saturating_sub(1);
        self.at(now)
    }

    #[inline]
    pub fn served(&mut self, now: Nanos, region: Option<usize>, target: usize) {
        self.at(now);
        let bucket = (now / self.width) as usize;
        if let Some(region) = region {
            self.by_region[bucket * self.regions + region] += 1;
        }
        self.by_target[bucket * self.targets + target] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untouched_seconds_carry_the_number_in_flight() {
        let mut series = TimeSeries::new(10 * SECOND, 1, 1);
        series.began(0);
        series.began(SECOND / 2);
        series.ended(4 * SECOND).answered += 1;
        let in_flight: Vec<u32> = series.buckets().iter().map(|bucket| bucket.in_flight).collect();
        assert_eq!(in_flight, [2, 2, 2, 2, 2]);
        series.at(5 * SECOND);
        assert_eq!(series.buckets()[5].in_flight, 1);
    }

    #[test]
    fn a_day_is_kept_in_wider_buckets() {
        let series = TimeSeries::new(86_400 * SECOND, 3, 1);
        assert_eq!(series.width(), 12 * SECOND);
    }
}
