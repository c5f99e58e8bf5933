//! One request, from its arrival to its end: its call is made, its answer is read, and who cares is told.

use std::sync::Arc;

use richter_core::{
    live::{AnswerStream, Carried, Hints, RouteError, Transport},
    request::Api,
};

use super::{
    caller::Caller,
    crew::Crew,
    pacer::Inbox,
    wire::{self, OnTheWire},
};
use crate::{load::Arrival, record::tape::Told};

pub async fn run(crew: Arc<Crew>, caller: Arc<Caller>, inbox: Arc<Inbox>, arrival: Arrival) {
    let on_the_wire = OnTheWire::new(&crew, &arrival);
    let errand = Errand { crew: &crew, caller: &caller, arrival: &arrival };
    let patience = arrival.patience.map(|patience| arrival.at.saturating_add(patience));
    let answered = wire::carrying(on_the_wire, async {
        match patience {
            None => errand.run().await,
            Some(until) => tokio::select! {
                biased;
                answered = errand.run() => answered,
                () = crew.clock.sleep_until(until) => false,
            },
        }
    });
    let answered = answered.await;
    crew.ended(&arrival, answered, &inbox);
}

struct Errand<'a> {
    crew: &'a Crew,
    caller: &'a Caller,
    arrival: &'a Arrival,
}

impl Errand<'_> {
    /// Whether the caller got a whole answer.
    async fn run(&self) -> bool {
        let Errand { crew, caller, arrival } = *self;
        let class = &crew.traffic.classes[usize::from(arrival.class)];
        let hints = Hints {
            number: Some(arrival.number),
            class: arrival.class,
            tenant: arrival.tenant,
            priority: class.priority,
            prefix: arrival.prefix.map(|prefix| prefix.key),
            input_tokens: Some(arrival.input_tokens),
            intended: Some(arrival.at),
            needs: class.needs,
        };
        let asker = &crew.asker;
        match (caller, class.api) {
            (Caller::Sdk(router), Api::Converse) => {
                router.converse_with(asker.converse(arrival), &hints).await.is_ok()
            }
            (Caller::Sdk(router), Api::InvokeModel) => {
                router.invoke_model_with(asker.invoke(arrival), &hints).await.is_ok()
            }
            (Caller::Sdk(router), Api::ConverseStream) => {
                self.listen(router.converse_stream_with(asker.converse_stream(arrival), &hints).await).await
            }
            (Caller::Sdk(router), Api::InvokeModelWithResponseStream) => {
                let input = asker.invoke_stream(arrival);
                self.listen(router.invoke_model_with_response_stream_with(input, &hints).await).await
            }
            (Caller::Lean(router), api) => match router.send(asker.lean(api, arrival), &hints).await {
                Ok(Carried::Whole(_)) => true,
                Ok(Carried::Stream(stream)) => self.listen(Ok(stream)).await,
                Err(_) => false,
            },
        }
    }

    /// Reads a stream to its end, if it began. If its end is not reached, what came of it is told.
    async fn listen<T: Transport>(&self, began: Result<AnswerStream<T>, RouteError>) -> bool {
        let Ok(stream) = began else { return false };
        let heard = Heard { crew: self.crew, request: self.arrival.number, parts: 0, whole: false };
        let mut ear = Ear { stream, heard };
        loop {
            match ear.stream.recv().await {
                Ok(Some(_)) => ear.heard.parts += 1,
                Ok(None) => {
                    ear.heard.whole = true;
                    return true;
                }
                Err(_) => return false,
            }
        }
    }
}

/// Fields are dropped in their order: first the router hears that the stream is over, and then how much of it came.
struct Ear<'a, T: Transport> {
    stream: AnswerStream<T>,
    heard: Heard<'a>,
}

/// Says how much of an answer came, however it stops.
struct Heard<'a> {
    crew: &'a Crew,
    request: u64,
    parts: u32,
    whole: bool,
}

/// Events of a stream around its content: the head, the end of the block, the stop.
const AROUND: u32 = 1;

impl Drop for Heard<'_> {
    fn drop(&mut self) {
        if !self.whole {
            let tokens = self.parts.saturating_sub(AROUND);
            let at = self.crew.clock.now();
            self.crew.tape.tell(Told::Heard { at, request: self.request, tokens });
        }
    }
}
