//! The gates that compare or count: concurrency, adaptive throttle, outliers, the ramp after recovery and the guard on
//! throughput. Here is what they are told and asked; cool-downs, breakers and books are in `choose` and `learn`.

use rand_core::Rng;

use super::{
    choose::Ask,
    learn::{Heard, is_fault},
    state::{Composed, Place},
};
use crate::{
    Nanos,
    failure::{Failure, FailureClass, Timer},
    flight::FlightView,
    policy::{
        Verdict,
        concurrency::Sample,
        outlier::Outliers,
        selector::{self, Wish},
    },
    strategy::{Lesson, Reason},
};

impl Composed {
    /// A request asks what to do next.
    pub(super) fn asks(&mut self, flight: &FlightView<'_>, dice: &mut dyn Rng) {
        let waited = flight.asked.is_some();
        if waited {
            self.waiting.remove(flight.id);
        }
        for pool in &mut self.pools {
            if let Some(throttle) = &mut pool.throttle {
                throttle.asked(selector::share(dice), waited);
            }
        }
    }

    /// What the selector picks of those on the list, unless the picked one's pool turns it away: then of the others. Else
    /// what stood in the way.
    pub(super) fn select(&mut self, ask: &mut Ask<'_>) -> Result<usize, Option<(Nanos, Reason)>> {
        self.spare_the_weak(ask);
        let wish = Wish { prefix: ask.flight.request.prefix, now: ask.now };
        let mut turned_away = None;
        while let Some(at) = self.selector.pick(&self.candidates, wish, ask.dice) {
            let throttle = self.pools[self.places[at].pool].throttle.as_mut();
            if !throttle.is_some_and(|throttle| throttle.turns_away(ask.now)) {
                return Ok(at);
            }
            turned_away = Some((ask.now, Reason::ThrottledLocally));
            self.candidates.retain(|one| one.place != at);
        }
        Err(turned_away)
    }

    /// Takes those on a ramp and those that are slow off the list as often as their share says, unless nobody would be
    /// left.
    fn spare_the_weak(&mut self, ask: &mut Ask<'_>) {
        let mut at = 0;
        while at < self.candidates.len() && self.candidates.len() > 1 {
            let share = self.places[self.candidates[at].place].share(ask.now);
            if share < 1.0 && selector::share(ask.dice) >= share {
                self.candidates.remove(at);
            } else {
                at += 1;
            }
        }
    }

    /// Whether one more attempt may be in the air somewhere.
    pub(super) fn has_room(&self, now: Nanos) -> bool {
        let room = |place: &Place| {
            let concurrency = place.concurrency.as_ref();
            concurrency.is_some_and(|limit| limit.check(place.in_flight, now) == Verdict::Allow)
        };
        self.places.iter().any(room)
    }

    /// How many of the places in tiers are well.
    pub(super) fn well(&self, outliers: &Outliers, now: Nanos) -> usize {
        let tiered = self.tiered();
        let well = |at: &usize| outliers.ejected(*at, now).is_none() && self.places[*at].is_well(now);
        (0..tiered).filter(well).count()
    }

    /// Comes before the lesson reaches the other parts: the attempt still counts as in the air.
    pub(super) fn tell_gates(&mut self, heard: Heard<'_>, lesson: &Lesson) {
        let Heard { at, attempt, now, .. } = heard;
        let pool = &mut self.pools[self.places[at].pool];
        match *lesson {
            Lesson::Sent { .. } => {
                if let Some(throttle) = &mut pool.throttle {
                    throttle.sent(now);
                }
                return;
            }
            Lesson::Opened { .. } => return,
            Lesson::Answered { usage, .. } => {
                if let Some(outliers) = &mut self.outliers {
                    outliers.passed(at, now);
                }
                let place = &mut self.places[at];
                let first_token = place.first_token_of(attempt, usage, now);
                let sample = Sample { sent: attempt.sent, first_token, in_flight: place.in_flight };
                if let Some(concurrency) = &mut place.concurrency {
                    concurrency.answered(sample, now);
                }
                if let Some((_, first)) = attempt.opened.zip(attempt.first)
                    && let Some(throughput) = &mut place.throughput
                {
                    throughput.streamed(usage.output, first, now);
                }
            }
            Lesson::Failed { failure, .. } => self.tell_failure(heard, failure),
            Lesson::Cancelled { .. } => {}
        }
        if self.settings.concurrency.is_some() {
            self.waiting.landed();
        }
    }

    fn tell_failure(&mut self, heard: Heard<'_>, failure: Failure) {
        let Heard { at, attempt, now, .. } = heard;
        let refused =
            matches!(failure, Failure::Capacity { .. }) || failure.class() == FailureClass::Throttle;
        let place = &mut self.places[at];
        if refused && let Some(throttle) = &mut self.pools[place.pool].throttle {
            throttle.refused(now);
        }
        let pushed_back = refused || failure == Failure::Timeout(Timer::FirstToken);
        if pushed_back && let Some(concurrency) = &mut place.concurrency {
            concurrency.pushed_back(attempt.sent, now);
        }
        if failure == Failure::Timeout(Timer::Pace)
            && let Some(throughput) = &mut place.throughput
        {
            throughput.slow(now);
        }
        if is_fault(failure)
            && let Some(outliers) = &mut self.outliers
            && let Some(until) = outliers.failed(at, attempt.sent, now, self.jitter)
        {
            place.well_from(until);
        }
    }
}

impl Place {
    /// The target has come back, or will at that time.
    pub(super) fn well_from(&mut self, at: Nanos) {
        if let Some(ramp) = &mut self.ramp {
            ramp.begin(at);
        }
    }

    /// Share of the choices in which it takes part.
    fn share(&self, now: Nanos) -> f64 {
        let ramp = self.ramp.as_ref().map_or(1.0, |ramp| ramp.share(now));
        let throughput = self.throughput.as_ref().map_or(1.0, |throughput| throughput.share(now));
        ramp * throughput
    }

    fn is_well(&self, now: Nanos) -> bool {
        let denied = |verdict| matches!(verdict, Verdict::Deny { .. });
        now >= self.barred_until
            && !self.breaker.as_ref().is_some_and(|breaker| denied(breaker.check(now)))
            && !self.cooldown.as_ref().is_some_and(|cooldown| denied(cooldown.check(now)))
    }
}
