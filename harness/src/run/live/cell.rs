//! One cell of a live run: what it stands on is put up, time begins, and this thread writes down what is heard until
//! nothing is open any more.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, SystemTime},
};

use richter_core::live::Clock;
use richter_mock_bedrock::{Nanos, luck::Luck};
use richter_reports::run_file::{Cell, Ground, LiveCell};

use super::{
    Books, LiveError, LiveOptions, Stage, doubts,
    machine::CpuWatch,
    view::{self, Moment},
};
use crate::{
    clock,
    ground::{
        Witness,
        live::{
            LEAD, LEAD_FAR, Wiring,
            agenda::Part,
            ask::{Asker, Language},
            callers,
            crew::{Crew, CrewParts},
            lane::Lane,
            mock::{Mock, Starter, Translation},
            pacer::PaceError,
        },
    },
    record::{
        books::Outside,
        export::{self, Aside, Place},
        journal::Line,
        names::Names,
        quota::{self, QuotaWatch},
        tape::{Tape, Told, What},
        trace::AttemptLog,
    },
    run::{RunError, board::State, guard::Halt, log_error, parts::Parts},
};

/// How often what was heard is written down.
const TICK: Duration = Duration::from_millis(10);
/// How often the view is renewed, and how often the service's side goes to the journal.
const SHOW_EVERY: Nanos = 250_000_000;
const ASIDE_EVERY: Nanos = 1_000_000_000;
/// How long open requests may still run when the run is stopped before its end.
const STOP_WITHIN: Nanos = 10_000_000_000;
/// For the mock to notice that a caller has left.
const LAST_WORDS: Duration = Duration::from_millis(60);

/// What came of one cell.
#[derive(Debug)]
pub struct Done {
    pub cell: Cell,
    pub live: LiveCell,
    pub doubts: Vec<String>,
}

/// The mock of this cell, and how its places are ours.
struct Own {
    mock: Mock,
    translation: Translation,
    quota: QuotaWatch,
    lost: u64,
    /// Where its log is, if that is to be read.
    #[cfg(feature = "observe")]
    places: Vec<crate::observe::cloud::collect::Place>,
}

pub fn play(
    stage: &mut Stage<'_>,
    place: Place,
    part: Option<(&Parts<'_>, usize)>,
) -> Result<Done, LiveError> {
    let plan = stage.plan;
    let luck = Luck::new(plan.seed, place.replication);
    let own = own_mock(stage, place)?;
    let told_by_service = own.is_some();
    let tape = Arc::new(Tape::default());
    let mut books = Books::new(plan, told_by_service);
    books.log = part
        .zip(stage.options.trace)
        .map(|((parts, index), path)| {
            let file = parts.create(index).map_err(|source| log_error(path, source))?;
            Ok::<_, RunError>(AttemptLog::new(plan, place.strategy, place.replication, file))
        })
        .transpose()?;
    #[cfg(feature = "observe")]
    let named = stage.evidence.is_some();
    #[cfg(not(feature = "observe"))]
    let named = false;
    books.names = named.then(Names::default);
    let near = told_by_service || stage.options.endpoint.is_some();
    let lead = if near { LEAD } else { LEAD_FAR };
    let clock = Clock::starting_in(lead);
    let zero = clock::wall() + lead;
    books.outside = Outside(
        stage
            .options
            .telemetry
            .map(|telemetry| -> Box<dyn Witness> { Box::new(telemetry.teller(plan, place.strategy, zero)) }),
    );
    let configs = (stage.options.configs)();
    let crew = Crew::new(CrewParts {
        traffic: plan.traffic.clone(),
        luck,
        clock,
        tape: Arc::clone(&tape),
        guard: Arc::clone(&stage.guard),
        asker: asker(stage, place)?,
        starter: own.as_ref().map(|own| own.mock.starter()),
        lanes: configs.len(),
        in_flight_max: stage.options.in_flight_max,
        keyed: stage.options.ground == Ground::Mock,
        named,
        injections: stage.options.injections.clone(),
    });
    let lanes = lanes(stage, place, &crew, configs)?;
    stage.journal.line(&Line::Cell(place));
    let cpu = CpuWatch::start();
    let mut teller = Listener { stage, place, own, books, crew: &crew, zero, told: Vec::new(), dropped: 0 };
    teller.listen();
    let paced: Vec<Result<(), PaceError>> = lanes.into_iter().map(Lane::end).collect();
    let done = teller.end(&cpu);
    paced.into_iter().collect::<Result<(), _>>()?;
    done
}

fn own_mock(stage: &Stage<'_>, place: Place) -> Result<Option<Own>, LiveError> {
    if stage.options.endpoint.is_some() || stage.options.ground != Ground::Mock {
        return Ok(None);
    }
    let mock = Mock::start(stage.plan, place.replication)?;
    let ours = &stage.plan.world;
    let (translation, pools) =
        mock.look(|_, engine| (Translation::new(ours, engine.world()), quota::same(ours, engine.world())));
    let width =
        crate::record::windows::width(stage.plan.end, crate::record::series::width(stage.plan.length()));
    Ok(Some(Own {
        #[cfg(feature = "observe")]
        places: watched(stage, &mock)?,
        mock,
        translation,
        quota: QuotaWatch::new(width, pools),
        lost: 0,
    }))
}

/// Makes the mock's account a watched one, where its log is to be read.
#[cfg(feature = "observe")]
fn watched(stage: &Stage<'_>, mock: &Mock) -> Result<Vec<crate::observe::cloud::collect::Place>, LiveError> {
    let Some(evidence) = &stage.evidence else { return Ok(Vec::new()) };
    let config = (stage.options.configs)().into_iter().next();
    let config = config.ok_or_else(|| LiveError::Watch("there is no lane".to_owned()))?;
    let places = evidence.set_up(stage.plan, mock.account(), &mock.url(), &config);
    places.map_err(|error| LiveError::Watch(format!("{error:#}")))
}

fn asker(stage: &Stage<'_>, place: Place) -> Result<Asker, LiveError> {
    let strategy = &stage.plan.strategies[place.strategy];
    let targets = strategy.spec.targets();
    let named = |name: &str| targets.iter().any(|(_, target)| *target == name);
    let models = stage.plan.targets.iter().filter(|target| named(&target.name));
    let invokes = stage.plan.traffic.classes.iter().any(|class| {
        use richter_core::request::Api;
        matches!(class.api, Api::InvokeModel | Api::InvokeModelWithResponseStream)
    });
    let models: Vec<&str> = models.map(|target| target.spec.model_id()).collect();
    let language = match Language::common(models.iter().copied()) {
        Err(source) if invokes => {
            return Err(LiveError::Language { strategy: strategy.name.clone(), source });
        }
        language => language.unwrap_or(Language::Anthropic),
    };
    Ok(Asker::new(stage.options.prompts.clone(), language))
}

fn lanes(
    stage: &Stage<'_>,
    place: Place,
    crew: &Arc<Crew>,
    configs: Vec<aws_config::SdkConfig>,
) -> Result<Vec<Lane>, LiveError> {
    let LiveOptions { client, trust, .. } = stage.options;
    let own = crew.starter.as_ref().map(Starter::url);
    let endpoint = own.or_else(|| stage.options.endpoint.clone());
    let lanes = configs.len();
    let (client, luck, clock) = (*client, crew.luck, crew.clock);
    let wiring = Wiring { client, configs, trust, endpoint, luck, clock, tape: &crew.tape };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(LiveError::Thread)?;
    let spec = &stage.plan.strategies[place.strategy].spec;
    let callers = runtime.block_on(callers(stage.plan, spec, wiring))?;
    let start = |(lane, caller)| {
        Lane::start(Part { lane, lanes }, Arc::clone(crew), caller).map_err(LiveError::Thread)
    };
    callers.into_iter().enumerate().map(start).collect()
}

/// Writes down what is heard.
struct Listener<'s, 'p> {
    stage: &'s mut Stage<'p>,
    place: Place,
    own: Option<Own>,
    books: Books<'p>,
    crew: &'s Arc<Crew>,
    /// When the crew's clock stands at zero.
    zero: SystemTime,
    told: Vec<Told>,
    dropped: u64,
}

impl Listener<'_, '_> {
    /// Until everything is over, or has taken too long.
    fn listen(&mut self) {
        let (mut shown, mut asides) = (0, 0);
        let mut stop_at = self.stage.plan.length();
        loop {
            clock::rest(TICK);
            self.look_outside();
            self.take();
            let now = self.crew.clock.now();
            if now >= asides + ASIDE_EVERY {
                asides = now;
                self.aside(now);
            }
            self.flush();
            if now >= shown + SHOW_EVERY {
                shown = now;
                let state = if self.crew.all_due() { State::Draining } else { State::Running };
                self.show(now, state);
            }
            if self.stage.guard.stopped() {
                let within = if self.stage.options.board.stop_asked() { 0 } else { STOP_WITHIN };
                stop_at = stop_at.min(now.saturating_add(within));
            }
            if self.crew.all_due() && (self.crew.open() == 0 || now >= stop_at) {
                return;
            }
        }
    }

    fn look_outside(&mut self) {
        let Stage { options, guard, .. } = &*self.stage;
        let wanted = options.interrupted.load(Ordering::Relaxed) || options.board.stop_asked();
        if wanted && !guard.stopped() {
            self.stage.guard.stop(Halt::Interrupted);
        }
        let now = self.crew.clock.now();
        let due = |own: &&mut Own| now > 0 && now >= own.quota.next();
        if let Some(own) = self.own.as_mut().filter(due) {
            let Own { mock, quota, .. } = own;
            mock.look(|now, engine| quota.look(now, engine));
        }
    }

    /// Writes down what was heard since the last time. What the service made comes first: it knows before its caller does.
    fn take(&mut self) {
        // Of these the tape has told already, and of what the tape tells the service knows already: so each is asked
        // after the other.
        let ended = self.stage.guard.take_ended();
        let mut told = std::mem::take(&mut self.told);
        self.dropped = self.crew.tape.take(&mut told);
        if let Some(own) = &mut self.own {
            let (made, lost) = own.mock.made(&own.translation);
            own.lost += lost;
            let at = self.crew.clock.now();
            for made in made {
                let told = Told::Made { at, made };
                self.stage.journal.line(&Line::Told(told));
                self.books.write(&told);
            }
        }
        for told in &told {
            self.stage.journal.line(&Line::Told(*told));
            self.books.write(told);
            if let Told::Event { what: What::Finished { finish, .. }, .. } = told {
                let answered = matches!(finish.outcome, richter_core::flight::Outcome::Answered(_));
                self.stage.guard.ended(answered);
            }
        }
        told.clear();
        self.told = told;
        self.judge();
        self.stage.guard.let_go(ended);
    }

    /// Limits and rules, by what has come in.
    fn judge(&mut self) {
        let Stage { guard, spent_usd, tokens, .. } = &*self.stage;
        let recorder = &self.books.recorder;
        guard.used(tokens + recorder.tokens(), spent_usd + recorder.abort.spent_usd());
        if let Some(broken) = recorder.abort.broken() {
            guard.stop(Halt::Rule { strategy: self.place.strategy, broken: broken.clone() });
        }
    }

    fn aside(&mut self, _: Nanos) {
        if let Some(aside) = self.ask_aside() {
            self.stage.journal.line(&Line::Aside(Box::new(aside)));
        }
    }

    fn ask_aside(&mut self) -> Option<Aside> {
        let Own { mock, quota, .. } = self.own.as_ref()?;
        Some(mock.look(|now, engine| export::aside(now, quota, engine)))
    }

    /// A journal that cannot be written stops the run: what is measured could be lost.
    fn flush(&mut self) {
        if let Err(error) = self.stage.journal.flush() {
            let path = self.stage.journal.path().display();
            let what = format!("stopped, because the journal {path} cannot be written: {error}");
            self.stage.guard.stop(Halt::Broken(what));
        }
    }

    fn show(&mut self, now: Nanos, state: State) {
        let moment = Moment {
            plan: self.stage.plan,
            place: self.place,
            before: self.stage.begun,
            now,
            state,
            in_flight: self.crew.open(),
            recorder: &self.books.recorder,
            punctual: &self.books.punctual,
            lag_max: self.stage.options.lag_max,
            dropped: self.dropped,
        };
        let spent = self.stage.spent_usd + self.books.recorder.abort.spent_usd();
        let Stage { snapshot, guard, .. } = &mut *self.stage;
        view::update(snapshot, &moment);
        snapshot.spent_usd = snapshot.spent_usd.map(|_| spent);
        snapshot.note = guard.why().map_or_else(String::new, |why| view::words(&why));
        self.stage.options.board.publish(self.stage.snapshot.clone());
    }

    /// Nothing is heard from now on; what was open stays open.
    fn end(mut self, cpu: &CpuWatch) -> Result<Done, LiveError> {
        self.crew.tape.close();
        let (now, used) = (self.crew.clock.now(), cpu.used());
        if self.own.is_some() {
            clock::rest(LAST_WORDS);
        }
        self.take();
        self.books.close(now);
        #[cfg(feature = "observe")]
        self.gather();
        let aside = self.ask_aside().unwrap_or_default();
        let live = self.live_cell(now, &used);
        let mut doubts = doubts::of(&live, self.stage.options.lag_max);
        let lost = self.own.as_ref().map_or(0, |own| own.lost);
        doubts.extend((lost > 0).then(|| format!("the mock could not tell of {lost} answers")));
        self.stage.journal.line(&Line::Aside(Box::new(aside.clone())));
        self.stage.journal.line(&Line::CellEnd(Box::new(live.clone())));
        self.flush();
        self.show(now, State::Draining);
        view::over(&mut self.stage.snapshot, self.place);
        self.stage.spent_usd += self.books.recorder.abort.spent_usd();
        self.stage.tokens += self.books.recorder.tokens();
        let written = export::written(self.stage.plan, self.place, &self.books, aside, live);
        if let Some(log) = self.books.log {
            let path = self.stage.options.trace.unwrap_or(std::path::Path::new(""));
            log.finish().map_err(|source| log_error(path, source))?;
        }
        Ok(Done { cell: written.cell, live: written.live, doubts })
    }

    /// Reads the log of a mock that is about to go, or keeps what was sent for when all is over.
    #[cfg(feature = "observe")]
    fn gather(&mut self) {
        let Place { strategy, replication } = self.place;
        let Stage { evidence, snapshot, options, unread, .. } = &mut *self.stage;
        let (Some(names), Some(evidence)) = (self.books.names.take(), evidence) else { return };
        let sent = names.close(crate::observe::join::CellId { strategy, replication });
        match &self.own {
            None => evidence.keep(sent),
            Some(own) => {
                let pending = || own.mock.still_logs();
                let read = evidence.read(sent, &own.places, (&options.board, snapshot), pending);
                unread.extend(read.err().map(|error| format!("{error:#}")));
            }
        }
    }

    fn live_cell(&self, now: Nanos, used: &super::machine::Used) -> LiveCell {
        let counts = &self.crew.counts;
        let linked = self.crew.links.linked();
        LiveCell {
            due: counts.due.load(Ordering::Relaxed),
            begun: counts.begun.load(Ordering::Relaxed),
            connect_us_p99: linked.wait_us_p99,
            connect_us_max: linked.wait_us_max,
            connect_refused_here: linked.refused,
            in_flight_max: counts.open_max.load(Ordering::Relaxed),
            began: clock::told(self.zero),
            cpu_share: used.share,
            cpu_s: used.cpu_s,
            dropped: self.dropped,
            ..export::live_cell(&self.books, now)
        }
    }
}
