//! One attempt's way through the simulation: sent, first content, end or cancellation, and what the service did for it.

use richter_core::{
    flight::{AttemptId, FlightId},
    span,
    strategy::{StreamRules, Timeouts},
    target::TargetId,
};
use richter_mock_bedrock::{
    Nanos,
    engine::{Abandoned, Call, CallId, Operation},
    world::RouteId,
};

use super::{
    Simulation,
    air::{self, Flown, Planned, Sent},
};
use crate::ground::{
    Witness, Work,
    heap::{AirId, Due},
};

/// What an attempt is sent with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Orders {
    pub(super) timeouts: Timeouts,
    pub(super) max_tokens: Option<u32>,
    pub(super) rules: StreamRules,
    pub(super) prefill: Option<u32>,
}

impl<W: Witness> Simulation<'_, W> {
    pub(super) fn send(
        &mut self,
        attempt: AttemptId,
        target: TargetId,
        Orders { timeouts, max_tokens, rules, prefill }: Orders,
    ) {
        // Who goes on with an answer reads what there is of it, and has only the rest to say.
        let said = prefill.unwrap_or(0);
        let left = |tokens: u32| if said == 0 { tokens } else { tokens.saturating_sub(said).max(1) };
        let arrival = self.callers.seated(attempt.flight).arrival;
        let operation = operation(self.plan.traffic.classes[usize::from(arrival.class)].api);
        let call = Call {
            route: RouteId(target.0),
            operation,
            request: arrival.number,
            attempt: attempt.number,
            input_tokens: arrival.input_tokens.saturating_add(said),
            cache_read: 0,
            cache_write: 0,
            prefix: arrival.prefix,
            max_tokens: max_tokens.or(arrival.max_tokens.map(left)),
            output_tokens: left(arrival.output_tokens),
            tenant: arrival.tenant,
            connect_within: timeouts.connect.map(span::nanos),
        };
        let served = self.engine.call(self.now, &call);
        let lowered = max_tokens.is_some_and(|set| arrival.max_tokens.is_none_or(|own| set < left(own)));
        let streams = operation.streams();
        let hold_back = rules.hold_back.filter(|_| prefill.is_none());
        let sent = Sent { at: self.now, attempt, target, timeouts, streams, lowered, hold_back, prefill };
        let flown = air::plan(served, &sent);
        self.launch(attempt.flight, flown);
    }

    fn launch(&mut self, flight: FlightId, flown: Flown) {
        let (head_at, ends_at) = (flown.head_at, flown.ends_at);
        let id = self.air.add(flown);
        self.callers.seated(flight).in_air.push(id);
        match head_at {
            Some(head_at) => self.heap.push(head_at, Due::Head(id)),
            None => self.expect_end(id, ends_at),
        }
        self.expect_until(flight, ends_at);
    }

    fn expect_end(&mut self, id: AirId, ends_at: Nanos) {
        if ends_at < Nanos::MAX {
            self.heap.push(ends_at, Due::End(id));
        }
    }

    pub(super) fn head(&mut self, id: AirId) {
        let Some(flown) = self.air.get(id) else { return };
        let (attempt, ends_at) = (flown.attempt, flown.ends_at);
        match flown.first_at {
            Some(first_at) => self.heap.push(first_at, Due::FirstToken(id)),
            None => self.expect_end(id, ends_at),
        }
        self.hear(attempt.flight, |router, turn| router.opened(turn, attempt));
    }

    pub(super) fn first_token(&mut self, id: AirId) {
        let Some(flown) = self.air.get(id) else { return };
        let (attempt, ends_at) = (flown.attempt, flown.ends_at);
        if let Some(released_at) = flown.released_at {
            self.heap.push(released_at, Due::Release(id));
        }
        self.expect_end(id, ends_at);
        self.turn(attempt.flight, |router, turn| router.first_content(turn, attempt));
    }

    pub(super) fn release(&mut self, id: AirId) {
        let Some(flown) = self.air.get(id) else { return };
        let attempt = flown.attempt;
        self.hear(attempt.flight, |router, turn| router.released(turn, attempt));
    }

    pub(super) fn end(&mut self, id: AirId) {
        let Some(flown) = self.air.take(id) else { return };
        let attempt = flown.attempt;
        self.callers.seated(attempt.flight).in_air.retain(|other| *other != id);
        self.account(&flown);
        if let Some(content) = flown.content() {
            self.router.came(attempt, content);
        }
        self.turn(attempt.flight, |router, turn| {
            router.ended(turn, attempt, flown.end.as_attempt_end());
        });
    }

    pub(super) fn cancel(&mut self, attempt: AttemptId) {
        let caller = self.callers.seated(attempt.flight);
        let found =
            caller.in_air.iter().position(|id| self.air.get(*id).is_some_and(|f| f.attempt == attempt));
        let Some(at) = found else { return };
        let id = caller.in_air.swap_remove(at);
        if let Some(mut flown) = self.air.take(id) {
            flown.end = Planned::Cancelled;
            self.account(&flown);
        }
    }

    /// Settles the service's side of an attempt that is over for the caller, and tells what work it was.
    fn account(&mut self, flown: &Flown) {
        let Some(answer) = &flown.answer else { return };
        let Some(output_tokens) = self.settle(flown, answer.call) else { return };
        let delivered = matches!(flown.end, Planned::Complete(_));
        let streamed = flown.first_at.filter(|_| delivered && output_tokens > 1);
        let work = Work {
            attempt: flown.attempt,
            target: flown.target,
            route: answer.route,
            region: Some(answer.region),
            input: answer.input,
            output_tokens,
            cut_short: delivered && flown.lowered && answer.stops_early,
            delivered,
            built_on: flown.prefill.filter(|_| delivered).unwrap_or(0),
            streamed_for: streamed.map(|first| self.now - first),
        };
        self.witness.worked(self.now, &work);
    }

    /// Gives the output tokens that the service makes for it, all told.
    fn settle(&mut self, flown: &Flown, call: CallId) -> Option<u32> {
        if !flown.cut_short() {
            return self.engine.finish(self.now, call);
        }
        let Abandoned { works_until, tokens } = self.engine.abandon(self.now, call)?;
        if let Some(until) = works_until {
            self.heap.push(until, Due::Settle(call));
        }
        Some(tokens)
    }
}

const fn operation(api: richter_core::request::Api) -> Operation {
    use richter_core::request::Api;
    match api {
        Api::Converse => Operation::Converse,
        Api::ConverseStream => Operation::ConverseStream,
        Api::InvokeModel => Operation::InvokeModel,
        Api::InvokeModelWithResponseStream => Operation::InvokeModelWithResponseStream,
    }
}
