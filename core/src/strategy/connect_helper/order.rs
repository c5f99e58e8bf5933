//! The list that is walked, and the calls that a request makes along it.

use rand_core::Rng;

use super::Settings;
use crate::{Nanos, strategy::backoff, target::TargetId};

/// One call of a request whose calls before it have all failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Try {
    pub(super) endpoint: usize,
    pub(super) target: TargetId,
    /// The first at its endpoint: only its failure marks the endpoint.
    pub(super) first: bool,
}

/// Endpoints that are available by then, in the order in which they are asked.
pub(super) fn list(settings: &Settings, available: &[Nanos], by: Nanos, dice: &mut dyn Rng) -> Vec<usize> {
    let kept = (0..settings.endpoints.len()).filter(|place| available[*place] <= by);
    if !settings.distribute {
        return kept.collect();
    }
    let (mut list, others): (Vec<_>, Vec<_>) = kept.partition(|place| settings.endpoints[*place].primary);
    if list.len() > 1 {
        let lot = (backoff::share(dice) * list.len() as f64) as usize;
        list[..=lot].rotate_right(1);
    }
    list.extend(others);
    list
}

/// The calls along a list. An endpoint without a prefix of its own is called with the one that the endpoint before it
/// left; one whose record has none at all ends the walk.
pub(super) fn tries(settings: &Settings, list: &[usize]) -> Vec<Try> {
    let mut prefix = None;
    let mut tries = Vec::new();
    let mut counted = 0;
    for &endpoint in list {
        let record = &settings.endpoints[endpoint];
        if settings.through_profiles {
            match record.prefix.as_deref() {
                None => break,
                Some("") => {}
                own => prefix = own,
            }
        }
        let target = prefix.map_or(Some(record.target), |prefix| record.profiles.get(prefix).copied());
        let left = settings.cap - counted;
        let here = settings.attempts_each.min(left);
        counted += here;
        // An id that the Region does not know is refused; it counts, whoever is asked.
        let calls = target.into_iter().flat_map(|target| (0..here).map(move |call| (target, call)));
        tries.extend(calls.map(|(target, call)| Try { endpoint, target, first: call == 0 }));
    }
    tries
}
