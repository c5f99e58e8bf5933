//! A lane: a thread with a single-threaded runtime and a router with clients of its own. A request lives in one task
//! from its arrival to its end; no request ever moves to another thread.

use std::{io, sync::Arc, thread::JoinHandle, time::Duration};

use richter_core::{
    live::{AnswerStream, Hints, Router, Transport},
    request::Api,
};
use tokio::sync::{mpsc, oneshot};

use super::{
    crew::Crew,
    wire::{self, OnTheWire},
};
use crate::{load::Arrival, record::tape::Told};

/// Before the first moment of the schedule a lane is ready, whether its connections stand or not.
const READY_BEFORE: Duration = Duration::from_millis(50);
/// How long a lane may take to let go of what is still open when it is stopped.
const STOP_WITHIN: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct Lane {
    orders: mpsc::UnboundedSender<Arrival>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Lane {
    pub fn start(number: usize, crew: Arc<Crew>, router: Router) -> io::Result<Lane> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (orders, taken) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let router = Arc::new(router);
        let work = move || {
            runtime.block_on(serve(&crew, &router, taken, stopped));
            runtime.shutdown_timeout(STOP_WITHIN);
        };
        let thread = std::thread::Builder::new().name(format!("lane-{number}")).spawn(work)?;
        Ok(Lane { orders, stop: Some(stop), thread: Some(thread) })
    }

    pub fn give(&self, arrival: Arrival) {
        // A lane that is gone was stopped, and then the pacer was too.
        let _ = self.orders.send(arrival);
    }
}

/// Stopping gives up what is still open.
impl Drop for Lane {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(
    crew: &Arc<Crew>,
    router: &Arc<Router>,
    mut orders: mpsc::UnboundedReceiver<Arrival>,
    mut stopped: oneshot::Receiver<()>,
) {
    let left = crew.clock.left_until(0).saturating_sub(READY_BEFORE);
    tokio::select! {
        biased;
        _ = &mut stopped => return,
        // One that could not be had in time is opened by the first request that needs it.
        () = tokio::time::sleep(left) => {}
        () = router.warm() => {}
    }
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped => return,
            order = orders.recv() => match order {
                Some(arrival) => { tokio::spawn(request(Arc::clone(crew), Arc::clone(router), arrival)); }
                None => return,
            },
        }
    }
}

/// One request, from its arrival to its end.
async fn request(crew: Arc<Crew>, router: Arc<Router>, arrival: Arrival) {
    let class = &crew.traffic.classes[usize::from(arrival.class)];
    let on_the_wire = OnTheWire::new(&crew, &arrival);
    let errand = Errand { crew: &crew, router: &router, arrival: &arrival, api: class.api };
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
    crew.ended(&arrival, answered);
}

struct Errand<'a> {
    crew: &'a Crew,
    router: &'a Router,
    arrival: &'a Arrival,
    api: Api,
}

impl Errand<'_> {
    /// Whether the caller got a whole answer.
    async fn run(&self) -> bool {
        let Errand { crew, router, arrival, .. } = *self;
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
        match self.api {
            Api::Converse => router.converse_with(asker.converse(arrival), &hints).await.is_ok(),
            Api::InvokeModel => router.invoke_model_with(asker.invoke(arrival), &hints).await.is_ok(),
            Api::ConverseStream => {
                let began = router.converse_stream_with(asker.converse_stream(arrival), &hints).await;
                match began {
                    Ok(stream) => self.listen(stream).await,
                    Err(_) => false,
                }
            }
            Api::InvokeModelWithResponseStream => {
                let input = asker.invoke_stream(arrival);
                match router.invoke_model_with_response_stream_with(input, &hints).await {
                    Ok(stream) => self.listen(stream).await,
                    Err(_) => false,
                }
            }
        }
    }

    /// Reads a stream to its end. If that is not reached, what came of it is told.
    async fn listen<T: Transport>(&self, stream: AnswerStream<T>) -> bool {
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
