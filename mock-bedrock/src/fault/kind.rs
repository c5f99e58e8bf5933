//! What one kind of fault is to everything around it.
//!
//! A kind is one file with its [`Settings`], its [`Kind`] and its texts; the list in `fault.rs` makes the
//! rest of it. Kinds are a closed set and live in an enum. [`Kind`] is a trait all the same: it lets a file
//! hold only the stages that its kind takes part in, so that a new kind touches no other file.

use super::{
    BodyFault, Delivery, FaultInfo, HandshakeFault, LatencyChange, NetworkFault, Shows, Subject,
    rule::checks::Checks,
};
use crate::{
    Nanos,
    dist::Sampler,
    engine::{Page, Quirk},
    exception::Exception,
    luck::Draws,
    world::{PoolId, RegionId},
};

/// Where in a call's way a rule is asked, in the order of that way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Whether a connection comes about: the first hit decides.
    Network,
    /// Whether and how slowly TLS agrees: the first failure decides, delays add up.
    Handshake,
    /// How long connecting takes: all hits add up.
    Connect,
    /// Whether something on the way answers in the service's stead.
    Proxy,
    Auth,
    Availability,
    /// Which Regions a profile may use.
    Routing,
    /// How large a quota is: all hits multiply.
    Quota,
    /// Who else uses a quota: all hits add up.
    Shadow,
    Capacity,
    /// All hits compose: factors multiply, then delays add.
    Latency,
    Body,
    Usage,
    /// What an error's head says.
    Error,
    /// Bytes that change no outcome; asked on the wire alone.
    Wire,
    /// What is logged and counted of it afterwards: all hits compose.
    Log,
}

impl Stage {
    pub(super) const COUNT: usize = Stage::Log as usize + 1;

    pub const fn name(self) -> &'static str {
        match self {
            Stage::Network => "network",
            Stage::Handshake => "handshake",
            Stage::Connect => "connect",
            Stage::Proxy => "proxy",
            Stage::Auth => "auth",
            Stage::Availability => "availability",
            Stage::Routing => "routing",
            Stage::Quota => "quota",
            Stage::Shadow => "shadow",
            Stage::Capacity => "capacity",
            Stage::Latency => "latency",
            Stage::Body => "body",
            Stage::Usage => "usage",
            Stage::Error => "error",
            Stage::Wire => "wire",
            Stage::Log => "log",
        }
    }

    /// Whether the stage looks at a pool or a Region, and not at one call.
    pub(super) const fn is_shared(self) -> bool {
        matches!(self, Stage::Routing | Stage::Quota | Stage::Shadow)
    }
}

/// Which of a call's Regions a selector is held against. They differ behind a cross-Region profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The one whose endpoint is called.
    Endpoint,
    /// The one whose machines answer.
    Serving,
    /// Any of both; the kind sorts out which.
    Either,
}

/// How a rule of some kind is asked and rolled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Nature {
    pub stage: Stage,
    pub place: Place,
    /// Chance that an attempt is chosen.
    pub share: f64,
    /// The envelope scales the effect; otherwise it scales the chance.
    pub scales: bool,
}

impl Nature {
    /// Certain, and in the place where that stage happens.
    pub fn at(stage: Stage) -> Nature {
        let place = match stage {
            Stage::Error | Stage::Log => Place::Endpoint,
            stage if stage <= Stage::Auth => Place::Endpoint,
            _ => Place::Serving,
        };
        Nature { stage, place, share: 1.0, scales: false }
    }

    pub fn by_chance(stage: Stage, share: f64) -> Nature {
        Nature { share, ..Nature::at(stage) }
    }

    pub fn scaled(stage: Stage, share: f64) -> Nature {
        Nature { share, scales: true, ..Nature::at(stage) }
    }
}

/// An attempt that a rule was rolled for and chose.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chosen {
    pub now: Nanos,
    pub subject: Subject,
    /// The envelope's value now, above 0.
    pub intensity: f64,
    /// Whether the endpoint called is one that the rule selects.
    pub at_endpoint: bool,
    /// Whether the serving Region is one that the rule selects.
    pub at_serving: bool,
    /// The rule was rolled for this attempt before.
    pub again: bool,
    pub(super) draws: Draws,
    pub(super) key: u32,
}

impl Chosen {
    /// The n-th draw for what the effect is, independent of the one that chose the attempt.
    pub fn unit(&self, n: u32) -> f64 {
        let purpose = self.key.wrapping_add(n.wrapping_mul(0x9e37_79b9));
        self.draws.draw(self.subject.request, self.subject.attempt, purpose).unit()
    }

    /// After how many tokens a body of `tokens` breaks; `None` when it ends before.
    pub fn position(&self, after: &Sampler, tokens: u32) -> Option<u32> {
        let position = after.at(self.unit(0)) as u32;
        (position <= tokens).then_some(position)
    }

    /// `factor` at full intensity, no change at none.
    pub fn scaled(&self, factor: f64) -> f64 {
        1.0 + (factor - 1.0) * self.intensity
    }
}

/// The settings of one kind.
pub(super) trait Settings {
    type Kind: Kind;
    const INFO: FaultInfo;

    /// Puts every problem into `checks`; what it returns counts only if there is none.
    fn resolve(&self, checks: &mut Checks<'_>) -> Self::Kind;
}

/// One kind of fault, resolved. `None` from a stage means that it could not change anything.
pub(super) trait Kind {
    fn nature(&self) -> Nature;

    /// Which grounds can show it.
    fn shows(&self) -> Shows {
        Shows::Everywhere
    }

    /// Whether the rule is rolled for this attempt at all, beyond what its selector says.
    fn concerns(&mut self, _now: Nanos, _subject: &Subject) -> bool {
        true
    }
    fn network(&mut self, _chosen: &Chosen) -> Option<NetworkFault> {
        None
    }
    fn handshake(&mut self, _chosen: &Chosen) -> Option<HandshakeFault> {
        None
    }
    fn page(&mut self, _chosen: &Chosen) -> Option<Page> {
        None
    }
    /// How much longer the connection takes.
    fn connect(&mut self, _chosen: &Chosen) -> Option<Nanos> {
        None
    }
    fn exception(&mut self, _chosen: &Chosen) -> Option<Exception> {
        None
    }
    fn latency(&mut self, _chosen: &Chosen) -> Option<LatencyChange> {
        None
    }
    fn body(&mut self, _chosen: &Chosen, _tokens: u32) -> Option<BodyFault> {
        None
    }
    fn usage(&mut self, _chosen: &Chosen) -> Option<f64> {
        None
    }
    /// The error as the client gets it. `wait` is when the quota would admit the call, where that is known.
    fn error(&mut self, _chosen: &Chosen, _error: &Exception, _wait: Option<Nanos>) -> Option<Exception> {
        None
    }
    /// `tokens` is how many the answer has; `None` for an error.
    fn quirk(&mut self, _chosen: &Chosen, _tokens: Option<u32>) -> Option<Quirk> {
        None
    }
    fn delivery(&mut self, _chosen: &Chosen) -> Option<Delivery> {
        None
    }
    /// The pools that the rule changes.
    fn pools(&self) -> &[PoolId] {
        &[]
    }
    /// Factor on a covered pool's quota, `since` after the window began.
    fn quota_factor(&self, _since: Nanos, _intensity: f64) -> f64 {
        1.0
    }
    /// Requests and tokens per second that others ask of a covered pool.
    fn shadow_rates(&self) -> (f64, f64) {
        (0.0, 0.0)
    }
    fn drains(&self, _region: RegionId, _intensity: f64) -> bool {
        false
    }
}

/// Makes modules, settings, dispatch and the table of kinds out of one list.
macro_rules! kinds {
    ($($name:ident: $spec:ident => $kind:ident),* $(,)?) => {
        $(pub mod $name;)*

        /// A fault as written: exactly one kind, and for whom, when and how strongly.
        #[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        #[schemars(transform = rule::spec::exactly_one_kind)]
        pub struct FaultSpec {
            $(pub $name: Option<$name::$spec>,)*
            pub flap: Option<flap::FlapSpec>,
            /// Which calls it strikes; all, when not given.
            pub on: SelectorSpec,
            /// When; the whole run, when not given.
            pub during: DuringSpec,
            /// How strong it is in the course of its window; constant, when not given. It scales the chance,
            /// or the effect of kinds that change a quantity.
            pub envelope: EnvelopeSpec,
            /// It ends after so many hits.
            pub hits: Option<u64>,
            /// Rules of one group strike together: they share one draw per request, and the pattern of
            /// `flap`.
            pub group: Option<String>,
        }

        /// One kind with its settings.
        #[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum KindSpec {
            $($kind($name::$spec),)*
        }

        impl FaultSpec {
            /// The kinds that are given, `flap` aside.
            fn plain_kinds(&self) -> Vec<KindSpec> {
                let kinds = [$(self.$name.clone().map(KindSpec::$kind),)*];
                kinds.into_iter().flatten().collect()
            }
        }

        impl KindSpec {
            const fn name(&self) -> &'static str {
                match self {
                    $(KindSpec::$kind(_) => stringify!($name),)*
                }
            }

            fn resolve(&self, checks: &mut Checks<'_>) -> Action {
                match self {
                    $(KindSpec::$kind(spec) => Action::$kind(spec.resolve(checks)),)*
                }
            }
        }

        /// What a rule does when it strikes.
        #[derive(Debug, Clone)]
        enum Action {
            $($kind($name::$kind),)*
        }

        impl Action {
            fn kind(&self) -> &dyn Kind {
                match self {
                    $(Action::$kind(kind) => kind,)*
                }
            }

            fn kind_mut(&mut self) -> &mut dyn Kind {
                match self {
                    $(Action::$kind(kind) => kind,)*
                }
            }
        }

        /// All kinds, in the order of a call's way.
        pub const FAULTS: &[FaultInfo] = &[$(<$name::$spec as Settings>::INFO,)* flap::INFO];
    };
}
pub(super) use kinds;
