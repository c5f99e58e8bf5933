//! What the service did for each call, for an owner in the same process who wants to know it exactly: which Region
//! served it, and how much of an answer was made, whoever still listened. Kept only when asked for, and bounded.

use std::collections::VecDeque;

use super::Running;
use crate::{
    Nanos,
    engine::{Answer, BodyEnd, Call, CallId, Engine, Reported, Stop},
    world::{RegionId, RouteId},
};

/// One call that was let in and is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// Keys of its draws.
    pub request: u64,
    pub attempt: u32,
    /// The route that it took: of a prompt router, that of the model.
    pub route: RouteId,
    pub region: RegionId,
    /// The prompt as it was worked on.
    pub prompt: Reported,
    /// Output tokens that were made.
    pub output_tokens: u32,
    /// The answer stops at `max_tokens`, or at the model's maximum.
    pub stops_early: bool,
}

/// Calls under way by slot, and those that are over until somebody takes them.
#[derive(Debug, Default)]
pub struct Works {
    keep_max: usize,
    open: Vec<Option<Done>>,
    done: VecDeque<Done>,
    dropped: u64,
}

impl Works {
    /// Keeps up to this many; none at all for 0.
    pub fn new(keep_max: usize) -> Works {
        Works { keep_max, ..Works::default() }
    }

    pub fn opened(&mut self, call: &Call, answer: &Answer) {
        if self.keep_max == 0 {
            return;
        }
        let slot = answer.call.slot as usize;
        if slot >= self.open.len() {
            self.open.resize(slot + 1, None);
        }
        self.open[slot] = Some(Done {
            request: call.request,
            attempt: call.attempt,
            route: answer.route,
            region: answer.region,
            prompt: answer.prompt,
            output_tokens: 0,
            stops_early: matches!(answer.end, BodyEnd::Complete { stop: Stop::MaxTokens }),
        });
    }

    /// What the engine says of a call's end; nothing for one that is over already.
    pub fn ended(&mut self, call: CallId, output_tokens: Option<u32>) {
        let Some(output_tokens) = output_tokens else { return };
        let Some(open) = self.open.get_mut(call.slot as usize).and_then(Option::take) else { return };
        if self.done.len() < self.keep_max {
            self.done.push_back(Done { output_tokens, ..open });
        } else {
            self.dropped += 1;
        }
    }

    /// Hands over what is done, oldest first, and how many found no room since the last time.
    pub fn take(&mut self) -> (Vec<Done>, u64) {
        (self.done.drain(..).collect(), std::mem::take(&mut self.dropped))
    }

    pub fn clear(&mut self) {
        *self = Works::new(self.keep_max);
    }
}

impl Running {
    /// What was done for calls that have ended since the last time, oldest first, and how many found no room.
    pub fn works(&self) -> (Vec<Done>, u64) {
        self.site.live.look(&self.site.clock, |inside, _| inside.works.take())
    }

    /// Looks at the engine as it is now.
    pub fn look<T>(&self, at: impl FnOnce(Nanos, &mut Engine) -> T) -> T {
        self.site.live.look(&self.site.clock, |inside, moment| at(moment.now, &mut inside.engine))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Operation;

    fn call(request: u64) -> Call {
        Call {
            route: RouteId(0),
            operation: Operation::Converse,
            request,
            attempt: 2,
            input_tokens: 7,
            cache_read: 0,
            cache_write: 0,
            prefix: None,
            max_tokens: None,
            output_tokens: 9,
            tenant: 0,
            connect_within: None,
        }
    }

    fn answer(slot: u32) -> Answer {
        Answer {
            call: CallId { slot, generation: 0 },
            route: RouteId(1),
            region: RegionId(2),
            head_at: 0,
            first_at: 0,
            last_at: 1,
            tokens: 9,
            gap: 0.0,
            silence_max: 0,
            silence_from: 0,
            end: BodyEnd::Complete { stop: Stop::MaxTokens },
            usage: Reported::default(),
            prompt: Reported { input: 7, ..Reported::default() },
            wire: None,
        }
    }

    #[test]
    fn each_call_is_told_once_with_what_was_made_for_it() {
        let mut works = Works::new(8);
        works.opened(&call(5), &answer(0));
        works.opened(&call(6), &answer(1));
        let id = |slot| CallId { slot, generation: 0 };
        works.ended(id(1), Some(4));
        works.ended(id(1), Some(4));
        works.ended(id(0), None);
        let (done, dropped) = works.take();
        let told: Vec<_> = done.iter().map(|done| (done.request, done.attempt, done.output_tokens)).collect();
        assert_eq!((told, dropped), (vec![(6, 2, 4)], 0));
        assert_eq!((done[0].route, done[0].region, done[0].stops_early), (RouteId(1), RegionId(2), true));
        assert_eq!(works.take(), (Vec::new(), 0));
    }

    #[test]
    fn what_finds_no_room_is_counted_and_nothing_is_kept_unasked() {
        let mut works = Works::new(1);
        for request in 0..3 {
            works.opened(&call(request), &answer(0));
            works.ended(CallId { slot: 0, generation: 0 }, Some(1));
        }
        let (done, dropped) = works.take();
        assert_eq!((done.len(), dropped), (1, 2));
        let mut none = Works::new(0);
        none.opened(&call(0), &answer(0));
        none.ended(CallId { slot: 0, generation: 0 }, Some(1));
        assert_eq!(none.take(), (Vec::new(), 0));
    }
}
