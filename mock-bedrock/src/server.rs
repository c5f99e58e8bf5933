//! The engine over HTTP: a Bedrock that any client in any language can be pointed at.
//!
//! The life of a request: `front` accepts the connection and reads the request, within limits. [`caller`] says who asks
//! and of which Region, [`path`] what for, and [`ways`] which route of the world that is. `runtime` makes a call of
//! it for the pure engine, which `live` keeps under a lock and up with [`clock`], and turns what the engine decides into
//! bytes, each at the time that `pacer` wakes for. Errors get their form in [`reply`].
//!
//! Nothing here reads a file or opens a connection outwards.

mod admin;
pub mod asked;
pub mod auth;
pub mod caller;
pub mod clock;
mod cloud;
pub mod control;
pub mod forbidden;
mod front;
mod h2;
mod indoors;
mod line;
mod live;
mod pacer;
pub mod path;
pub mod records;
pub mod reply;
mod running;
pub mod runtime;
pub mod standard;
pub mod tls;
pub mod ways;
pub mod works;

use std::{
    borrow::Cow,
    io,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};

pub use self::running::{Running, start};
use self::{
    asked::Book,
    auth::{Auth, CredentialsSpec},
    caller::{Caller, Usual},
    clock::{Clock, Moment, StartBy},
    control::Control,
    forbidden::Forbidden,
    live::Live,
    pacer::Pacer,
    path::Place,
    records::{Delivered, Ring},
    reply::{Cut, Out},
    runtime::answer::AnswerSettings,
    tls::Tls,
    ways::Ways,
    works::Works,
};
use crate::{
    cloudwatch::CloudWatch,
    dist::{Dist, Sampler},
    engine::{Engine, Operation},
    exception::Exception,
    fault::{FaultRule, HandshakeFault},
    latency::Purpose,
    luck::{Draws, Luck, Stream},
    record::{RecordSettings, uuid},
    units::Tokens,
    world::{RegionId, RouteId, World},
};

pub use indoors::Indoors;

/// Most bytes of a request's body; what Bedrock's own model of InvokeModel allows.
pub const BODY_BYTES_MAX: usize = 25_000_000;
/// Most bytes of a request's line and headers.
pub const HEADER_BYTES_MAX: usize = 64 << 10;
/// Most headers of a request.
pub const HEADERS_MAX: usize = 100;

/// How a server runs.
#[derive(Debug, Clone)]
pub struct Settings {
    pub bind: IpAddr,
    /// 0 lets the system choose.
    pub port: u16,
    /// Regions with a port of their own besides, each on the next port after `port`, or on any where that is 0.
    pub region_ports: Vec<String>,
    /// The Region of callers that name none.
    pub region: String,
    pub account: String,
    /// Seconds of the engine in a real one.
    pub speed: f64,
    pub start: StartBy,
    pub luck: Luck,
    pub world: World,
    pub faults: Vec<FaultRule>,
    /// Who asks, by the numbers that faults know them by.
    pub tenants: Vec<String>,
    /// The classes of traffic.
    pub classes: Vec<Class>,
    /// How long generated answers are where no class says.
    pub output: Sampler,
    pub answers: AnswerSettings,
    /// Tokens in one event of a stream.
    pub tokens_per_event: u32,
    /// Whether `totalTokens` counts what the prompt cache read and wrote.
    pub total_counts_cache: bool,
    /// Invocation records kept for the admin page and the journal.
    pub records_max: usize,
    /// Calls of which [`Running::works`] can tell; 0 for none.
    pub works_max: usize,
    /// From a call's end until its record can be read there.
    pub records_after: Duration,
    /// From making or changing a role of IAM until Bedrock can use it.
    pub role_usable_after: Duration,
    /// From a call's end until its record is in the log group that the account's logging names.
    pub log_delay: Duration,
    /// From a point of a metric until it can be read back.
    pub metric_delay: Duration,
    /// Speak TLS, by a certificate made for this run.
    pub tls: bool,
    /// Who may call; an empty list lets everybody in.
    pub credentials: CredentialsSpec,
    pub forbidden: Forbidden,
    /// From asking for provisioned throughput until it is in service.
    pub provision_within: Duration,
    pub limits: Limits,
}

/// A class of the traffic, as a server needs it.
#[derive(Debug, Clone)]
pub struct Class {
    pub name: String,
    /// Calls of this operation are of this class unless they say otherwise.
    pub operation: Operation,
    pub output: Sampler,
}

impl Settings {
    /// The class that a request names, or else the first that calls its operation.
    fn class(&self, operation: Operation, name: Option<&str>) -> Option<&Class> {
        self.classes.iter().find(|class| name.map_or(class.operation == operation, |name| class.name == name))
    }

    /// The tenant that a request names, or else the one that is called like its class.
    fn tenant(&self, name: Option<&str>, class: Option<&Class>) -> u16 {
        let name = name.or(class.map(|class| &*class.name));
        let place = name.and_then(|name| self.tenants.iter().position(|tenant| tenant == name));
        place.and_then(|place| u16::try_from(place).ok()).unwrap_or(0)
    }

    fn engine(&self, starts_at_unix_ms: u64) -> Engine {
        let mut engine = Engine::new(self.world.clone(), self.faults.clone(), self.luck);
        engine.record(RecordSettings {
            account_id: self.account.clone(),
            caller_arn: String::new(),
            starts_at_unix_ms,
            // Each is taken out as it is written.
            keep_max: 16,
        });
        if let Some(records) = engine.records() {
            records.leave_out_what_is_known();
        }
        engine
    }
}

/// What a server takes from its callers, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub connections: usize,
    /// Answers under way.
    pub answers: usize,
    /// For a request's line and headers to arrive, the idle time of a connection included.
    pub headers_within: Duration,
    /// For a request's body to arrive.
    pub body_within: Duration,
    /// For open answers to end when the server stops.
    pub drain_within: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 20_000,
            answers: 20_000,
            headers_within: Duration::from_secs(350),
            body_within: Duration::from_secs(60),
            drain_within: Duration::from_secs(10),
        }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            region_ports: Vec::new(),
            region: "us-east-1".to_owned(),
            account: "111122223333".to_owned(),
            speed: 1.0,
            start: StartBy::Start,
            luck: Luck::new(42, 0),
            world: standard::resolved(),
            faults: Vec::new(),
            tenants: Vec::new(),
            classes: Vec::new(),
            output: Dist::LogNormal { p50: Tokens(150), p99: Tokens(800) }.sampler(),
            answers: AnswerSettings::default(),
            tokens_per_event: 1,
            total_counts_cache: false,
            records_max: 1_000,
            works_max: 0,
            records_after: Duration::ZERO,
            role_usable_after: Duration::ZERO,
            log_delay: Duration::ZERO,
            metric_delay: Duration::ZERO,
            tls: false,
            credentials: CredentialsSpec::default(),
            forbidden: Forbidden::default(),
            provision_within: Duration::from_secs(60),
            limits: Limits::default(),
        }
    }
}

/// Everything that requests share.
#[derive(Debug)]
pub(crate) struct Site {
    pub settings: Settings,
    pub clock: Clock,
    pub world: World,
    pub ways: Ways,
    pub live: Live,
    auth: Auth,
    control: Mutex<Control>,
    book: Mutex<Book>,
    cloud: Arc<Mutex<CloudWatch>>,
    tls: Option<Tls>,
    pub pacer: Pacer,
    ids: Draws,
    asked: AtomicU64,
    shaken: AtomicU64,
    pub connections: Arc<AtomicUsize>,
}

impl Site {
    fn new(mut settings: Settings) -> io::Result<Site> {
        control::stand(&mut settings.world, &settings.account);
        let provision_within = u64::try_from(settings.provision_within.as_nanos()).unwrap_or(u64::MAX);
        let clock = Clock::new(settings.start, settings.speed);
        let engine = settings.engine(clock.unix_ms_at_zero());
        let cloud = Arc::new(Mutex::new(CloudWatch::new(cloud::settings(&settings))));
        let regions =
            (0..settings.world.regions()).filter_map(|place| u16::try_from(place).ok()).map(RegionId);
        let regions: Vec<&str> = regions.map(|region| settings.world.region_name(region)).collect();
        let tls = settings.tls.then(|| Tls::generate(regions, clock.unix_s())).transpose();
        Ok(Site {
            tls: tls.map_err(io::Error::other)?,
            live: Live::new(
                engine,
                Ring::new(settings.records_max),
                Works::new(settings.works_max),
                settings.limits.answers,
            ),
            auth: Auth::new(settings.credentials.clone()),
            control: Mutex::new(Control::new(
                control::Settings {
                    provision_within,
                    role_usable_after: u64::try_from(settings.role_usable_after.as_nanos())
                        .unwrap_or(u64::MAX),
                    forbidden: settings.forbidden.clone(),
                },
                &settings.world,
                cloud.clone(),
            )),
            cloud,
            book: Mutex::default(),
            pacer: Pacer::start()?,
            ways: Ways::of(&settings.world),
            world: settings.world.clone(),
            clock,
            ids: settings.luck.stream(Stream::Routing),
            asked: AtomicU64::new(0),
            shaken: AtomicU64::new(0),
            connections: Arc::default(),
            settings,
        })
    }

    /// A request id for an answer that the engine had no part in.
    pub fn request_id(&self) -> String {
        uuid(self.ids, self.asked.fetch_add(1, Ordering::Relaxed), u32::MAX)
    }

    /// What becomes of a handshake with a Region's endpoint, and when that was decided.
    fn handshake(&self, region: &str) -> (Option<HandshakeFault>, Moment) {
        let n = self.shaken.fetch_add(1, Ordering::Relaxed);
        let mut regions =
            (0..self.world.regions()).filter_map(|place| u16::try_from(place).ok()).map(RegionId);
        let known = regions.find(|id| self.world.region_name(*id) == region);
        self.live.look(&self.clock, |inside, moment| {
            (known.and_then(|region| inside.engine.handshake(moment.now, region, n)), moment)
        })
    }

    fn usual(&self) -> Usual {
        Usual { region: self.settings.region.clone(), account: self.settings.account.clone(), only: false }
    }

    /// Everything as at the start. Answers under way go on, and touch nothing that comes after.
    fn reset(&self) {
        self.live.reset(&self.clock, |unix_s| self.settings.engine(unix_s));
        let mut control = self.control();
        control.reset();
        self.cloud().reset();
        self.book().clear();
    }

    fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The records from number `from` on, as far as they are delivered.
    fn records_since(&self, from: u64) -> Delivered {
        let after = u64::try_from(self.settings.records_after.as_nanos()).unwrap_or(u64::MAX);
        self.live.look(&self.clock, |inside, moment| match moment.now.checked_sub(after) {
            Some(ended_by) => inside.ring.since(from, ended_by),
            None => Delivered { records: Vec::new(), from, next: from },
        })
    }

    /// Answers one request that was read whole.
    pub async fn answer(
        self: &Arc<Self>,
        request: Request<Bytes>,
        usual: &Usual,
    ) -> Result<Response<Out>, Cut> {
        let place = Place::of(request.method(), request.uri().path());
        if place == Place::Admin {
            return Ok(admin::answer(self, &request).map(Out::whole));
        }
        let mut caller = Caller::of(&request, usual);
        match self.auth.check(&request, &caller, self.clock.unix_s()) {
            Ok(holder) => {
                caller.account = holder.account.map_or(caller.account, Cow::into_owned);
                caller.role = holder.role;
            }
            Err(refusal) => {
                let id = self.request_id();
                let refused = cloud::refuse(&request, &refusal, &id);
                let response = refused.unwrap_or_else(|| control::refuse(&request, &refusal, &id));
                return Ok(response.map(Out::whole));
            }
        }
        match place {
            Place::Runtime(operation, model) => {
                runtime::serve(self, operation, &model, &caller, request).await
            }
            Place::Admin | Place::Elsewhere => {
                if let Some(refusal) = self.note(&caller, &request) {
                    return Ok(control::refuse(&request, &refusal, &self.request_id()).map(Out::whole));
                }
                if let Some(response) = cloud::answer(self, &caller, &request) {
                    return Ok(response.map(Out::whole));
                }
                if request.uri().path().starts_with("/logging/") {
                    // What ended under the old configuration is logged under it.
                    self.tell_cloud();
                }
                let when = self.when();
                Ok(self.control().answer(&caller, &request, when, &self.request_id()).map(Out::whole))
            }
        }
    }

    /// The way in that a model id means, and the model that a prompt router chose for it. Only what callers made, and
    /// prompt routers, need the control plane.
    fn lead(&self, caller: &Caller, model: &str) -> Result<(RouteId, Option<String>), Exception> {
        match self.ways.find(&caller.account, &caller.region, model) {
            Ok(route) => Ok((route, None)),
            Err(unknown) if !model.starts_with("arn:") => Err(unknown),
            Err(_) => {
                let asked = self.asked.fetch_add(1, Ordering::Relaxed);
                let unit = self.ids.draw(asked, 0, Purpose::PromptRouter as u32).unit();
                let found = self.control().resolve(caller, model, self.clock.read().now, unit)?;
                Ok((self.ways.find(&caller.account, &caller.region, &found.id)?, found.invoked))
            }
        }
    }
}

#[cfg(test)]
mod tests;
