use std::collections::BTreeMap;

use super::*;
use crate::rig::{MS, SECOND};

/// The example that the AWS SDKs share as a test: replies every 0.2 s, throttles at 2.0 s and 3.2 s.
const PUBLISHED: [(f64, f64); 17] = [
    (0.0, 0.5),
    (0.0, 0.5),
    (4.8, 0.5),
    (4.8, 0.5),
    (4.16, 0.5),
    (4.16, 0.6912),
    (4.16, 1.0976),
    (5.632, 1.6384),
    (5.632, 2.3328),
    (4.3264, 3.02848),
    (4.3264, 3.486639),
    (4.3264, 3.821874),
    (5.66528, 4.053386),
    (5.66528, 4.200373),
    (4.333056, 4.282037),
    (4.333056, 2.997426),
    (4.333056, 3.452226),
];

#[test]
fn measured_rate_and_sending_rate_follow_the_published_example() {
    let mut limiter = Limiter::default();
    for (place, (measured, rate)) in (1..).zip(PUBLISHED) {
        limiter.reply(place * 200 * MS, place == 10 || place == 16);
        assert!((limiter.measured - measured).abs() < 1e-6, "{place}: measured {}", limiter.measured);
        assert!((limiter.rate - rate).abs() < 1e-6, "{place}: rate {}", limiter.rate);
    }
}

#[test]
fn the_rate_never_falls_below_its_floor() {
    let mut limiter = Limiter::default();
    for reply in 1..200 {
        limiter.reply(reply * 2 * SECOND, true);
    }
    assert_eq!(limiter.rate, RATE_MIN);
    assert_eq!(limiter.capacity, CAPACITY_MIN);
}

const fn flight(slot: u32) -> FlightId {
    FlightId { slot, generation: 0 }
}

/// A limiter that is on, lets four a second through, and at one second has half a token.
fn limiter() -> Limiter {
    let mut limiter = Limiter::default();
    (1..=8).for_each(|reply| limiter.reply(reply * 125 * MS, reply == 8));
    limiter.set_rate(1.0, 4.0);
    limiter.tokens = 0.5;
    limiter
}

/// Callers of a limiter, each looking again when it was told to.
struct Crowd {
    limiter: Limiter,
    looks: BTreeMap<(Nanos, u32), ()>,
    /// How often each has looked.
    looked: Vec<u32>,
    sent: Vec<(Nanos, u32)>,
}

impl Crowd {
    fn new(limiter: Limiter) -> Crowd {
        Crowd { limiter, looks: BTreeMap::new(), looked: Vec::new(), sent: Vec::new() }
    }

    fn come(&mut self, count: u32, now: Nanos) {
        for _ in 0..count {
            self.looked.push(0);
            self.look(self.looked.len() as u32 - 1, now);
        }
    }

    fn leave(&mut self, slot: u32, now: Nanos) {
        self.looks.retain(|(_, other), ()| *other != slot);
        self.limiter.leave(flight(slot));
        self.call(now);
    }

    fn reply(&mut self, throttled: bool, now: Nanos) {
        self.limiter.reply(now, throttled);
        self.call(now);
    }

    fn look(&mut self, slot: u32, now: Nanos) {
        self.looked[slot as usize] += 1;
        match self.limiter.hold(flight(slot), now) {
            None => self.sent.push((now, slot)),
            Some(at) => {
                assert!(at > now, "told to look at {at}, now is {now}");
                self.looks.insert((at, slot), ());
            }
        }
        self.call(now);
    }

    fn call(&mut self, now: Nanos) {
        if let Some((called, at)) = self.limiter.call(now) {
            self.looks.retain(|(_, other), ()| *other != called.slot);
            self.looks.insert((at, called.slot), ());
        }
    }

    /// Plays until then, with a reply some time after each sending.
    fn play(&mut self, until: Nanos, mut throttled: impl FnMut(usize) -> Option<bool>) {
        let mut replies = self.sent.len();
        loop {
            let reply = self.sent.get(replies).map(|(at, _)| at + 100 * MS);
            let look = self.looks.first_key_value().map(|(look, ())| *look);
            match (reply, look) {
                (Some(at), look) if at < until && look.is_none_or(|(next, _)| at < next) => {
                    if let Some(throttled) = throttled(replies) {
                        self.reply(throttled, at);
                    }
                    replies += 1;
                }
                (_, Some((at, slot))) if at < until => {
                    self.looks.pop_first();
                    self.look(slot, at);
                }
                _ => return,
            }
        }
    }

    fn order(&self) -> Vec<u32> {
        self.sent.iter().map(|(_, slot)| *slot).collect()
    }
}

#[test]
fn before_the_first_throttle_it_holds_nobody_back() {
    let mut limiter = Limiter::default();
    limiter.reply(SECOND, false);
    assert!((0..1_000).all(|slot| limiter.hold(flight(slot), SECOND).is_none()));
}

#[test]
fn at_a_steady_rate_callers_go_one_by_one_in_the_order_in_which_they_came() {
    let mut crowd = Crowd::new(limiter());
    crowd.come(1_000, SECOND);
    crowd.play(3_600 * SECOND, |_| None);
    assert_eq!(crowd.order(), (0..1_000).collect::<Vec<_>>());
    for (place, (at, _)) in crowd.sent.iter().enumerate() {
        let due = 1.0 + (place as f64 + 0.5) / 4.0;
        assert!((*at as f64 / 1e9 - due).abs() < 1e-4, "the {place}th went at {at}, due at {due} s");
    }
    // Once on coming and once when the turn is there; a look may come a rounding too early.
    assert!(crowd.looked.iter().all(|times| *times <= 3), "{:?}", crowd.looked);
}

#[test]
fn a_caller_does_not_overtake_those_who_wait() {
    let mut limiter = limiter();
    assert!(limiter.hold(flight(0), SECOND).is_some());
    // By now there are tokens for both.
    assert!(limiter.hold(flight(1), 2 * SECOND).is_some());
    assert_eq!(limiter.hold(flight(0), 2 * SECOND), None);
    assert_eq!(limiter.hold(flight(1), 2 * SECOND), None);
}

#[test]
fn callers_who_leave_give_their_places_on() {
    let mut crowd = Crowd::new(limiter());
    crowd.come(1_000, SECOND);
    (0..1_000).filter(|slot| slot % 100 != 7).for_each(|slot| crowd.leave(slot, SECOND));
    crowd.play(5 * SECOND, |_| None);
    assert_eq!(crowd.order(), (0..10).map(|n| n * 100 + 7).collect::<Vec<_>>());
}

#[test]
fn callers_who_left_have_taken_no_token() {
    let mut limiter = limiter();
    (0..1_000).for_each(|slot| assert!(limiter.hold(flight(slot), SECOND).is_some()));
    (0..1_000).for_each(|slot| limiter.leave(flight(slot)));
    // A second fills the bucket, and no more than that.
    let full = (0..10).filter(|slot| limiter.hold(flight(2_000 + slot), 9 * SECOND).is_none()).count();
    assert_eq!(full, 4);
}

#[test]
fn a_rate_that_rises_is_felt_by_those_who_wait_already() {
    let until_sent = |replies: bool| {
        let mut crowd = Crowd::new(limiter());
        crowd.come(100, SECOND);
        crowd.play(60 * SECOND, |_| replies.then_some(false));
        (crowd.sent.len(), crowd.sent.last().unwrap().0)
    };
    let (sent, steady) = until_sent(false);
    assert_eq!(sent, 100);
    assert!(steady > 22 * SECOND, "the last went at {steady}");
    let (sent, rising) = until_sent(true);
    assert_eq!(sent, 100);
    assert!(rising < 10 * SECOND, "the last went at {rising}");
}

#[test]
fn a_rate_that_goes_up_and_down_costs_few_looks_and_lets_nobody_overtake() {
    let mut crowd = Crowd::new(limiter());
    crowd.come(1_000, SECOND);
    crowd.play(3_600 * SECOND, |reply| Some(reply % 50 == 49));
    assert_eq!(crowd.order(), (0..1_000).collect::<Vec<_>>());
    let (total, most) = (crowd.looked.iter().sum::<u32>(), *crowd.looked.iter().max().unwrap());
    assert!(total < 2_100 && most <= 4, "{total} looks, {most} by one caller");
}
