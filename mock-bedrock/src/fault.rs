//! What goes wrong, when, and for whom.
//!
//! A rule is a kind with its settings, a selector, a window, a chance, an envelope, a budget of hits and
//! perhaps a group. One kind, one file: to add one, write `fault/NAME.rs` (its text says which real event it
//! imitates) and its line in the list below. What all kinds share is `fault/rule.rs`, what a kind must answer
//! is `fault/kind.rs`, and what the engine asks is `fault/stages.rs`.
//!
//! The engine asks [`Faults`] stage by stage, in the fixed order of a call's way, and stops at the first
//! stage that ends the call. Inside a stage the first hit wins and later rules that were chosen count as
//! missed; delays, factors and takings compose instead. A rule rolls once per attempt, keyed and never by the
//! order of calls.
//!
//! Nothing here changes the engine's own state: a fault only says what should happen.

mod effect;
pub mod flap;
mod journal;
mod kind;
mod rule;
mod show;
mod stages;
#[cfg(test)]
mod testing;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    Nanos,
    luck::{Draws, Luck, Stream},
};
pub use effect::{BodyFault, Delivery, HandshakeFault, LatencyChange, NetworkFault, Subject};
pub use journal::{Journal, Strike};
pub use kind::Stage;
use kind::{Kind, Settings, kinds};
pub use rule::{
    FaultRule,
    envelope::{EnvelopeSpec, LevelSpec},
    selector::{Names, OperationSpec, PoolKind, SelectorSpec},
    window::DuringSpec,
};
use rule::{Running, checks::Checks};
pub use show::{Ground, Shows};

kinds! {
    dns: DnsSpec => Dns,
    connect_refused: ConnectRefusedSpec => ConnectRefused,
    connect_blackhole: ConnectBlackholeSpec => ConnectBlackhole,
    idle_close: IdleCloseSpec => IdleClose,
    outage: OutageSpec => Outage,
    tls_handshake_fail: TlsHandshakeFailSpec => TlsHandshakeFail,
    tls_bad_certificate: TlsBadCertificateSpec => TlsBadCertificate,
    tls_slow: TlsSlowSpec => TlsSlow,
    connect_slow: ConnectSlowSpec => ConnectSlow,
    backlog_full: BacklogFullSpec => BacklogFull,
    body_html_proxy: BodyHtmlProxySpec => BodyHtmlProxy,
    body_not_json: BodyNotJsonSpec => BodyNotJson,
    status_200_error_body: Status200ErrorBodySpec => Status200ErrorBody,
    access_denied: AccessDeniedSpec => AccessDenied,
    model_not_ready: ModelNotReadySpec => ModelNotReady,
    reroute_drain: RerouteDrainSpec => RerouteDrain,
    quota_step: QuotaStepSpec => QuotaStep,
    quota_shadow: QuotaShadowSpec => QuotaShadow,
    error_burst: ErrorBurstSpec => ErrorBurst,
    latency_scale: LatencyScaleSpec => LatencyScale,
    first_token_slow: FirstTokenSlowSpec => FirstTokenSlow,
    tokens_slow: TokensSlowSpec => TokensSlow,
    slow_head: SlowHeadSpec => SlowHead,
    trickle: TrickleSpec => Trickle,
    reset_before_head: ResetBeforeHeadSpec => ResetBeforeHead,
    reset_after_head: ResetAfterHeadSpec => ResetAfterHead,
    eof_after_head: EofAfterHeadSpec => EofAfterHead,
    stall_mid_stream: StallMidStreamSpec => StallMidStream,
    reset_mid_stream: ResetMidStreamSpec => ResetMidStream,
    eof_mid_stream: EofMidStreamSpec => EofMidStream,
    exception_mid_stream: ExceptionMidStreamSpec => ExceptionMidStream,
    frame_truncated: FrameTruncatedSpec => FrameTruncated,
    frame_crc: FrameCrcSpec => FrameCrc,
    frame_length_lie: FrameLengthLieSpec => FrameLengthLie,
    gzip_unasked: GzipUnaskedSpec => GzipUnasked,
    event_order: EventOrderSpec => EventOrder,
    usage_wrong: UsageWrongSpec => UsageWrong,
    retry_after_hint: RetryAfterHintSpec => RetryAfterHint,
    head_missing: HeadMissingSpec => HeadMissing,
    wrong_content_type: WrongContentTypeSpec => WrongContentType,
    frame_unknown: FrameUnknownSpec => FrameUnknown,
    conn_max_age: ConnMaxAgeSpec => ConnMaxAge,
    log_delay: LogDelaySpec => LogDelay,
    log_reorder: LogReorderSpec => LogReorder,
    log_drop: LogDropSpec => LogDrop,
    log_dup: LogDupSpec => LogDup,
    log_field_missing: LogFieldMissingSpec => LogFieldMissing,
    metric_delay: MetricDelaySpec => MetricDelay,
}

/// A row of `richter list faults` and of the README.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultInfo {
    pub name: &'static str,
    pub summary: &'static str,
    /// Where in a call's way it strikes.
    pub stage: &'static str,
    /// What becomes of the quota of a call that it strikes.
    pub quota: &'static str,
    pub client_sees: &'static str,
    /// What of it is to be seen in the simulation, which knows outcomes and times but no bytes.
    pub in_simulation: &'static str,
    /// What the server does on the wire.
    pub on_the_wire: &'static str,
    /// The kind with usual settings, as written in a scenario.
    pub example: &'static str,
}

/// What each rule did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hits {
    /// Attempts that the rule was rolled for.
    pub rolled: u64,
    /// Attempts it changed.
    pub hit: u64,
    /// Attempts it was chosen for but could not change: another rule had decided already, or there was
    /// nothing to change.
    pub missed: u64,
}

/// How finely pools live on while a fault changes them.
const TICK: Nanos = 1_000_000_000;

/// All rules of a run, with their state; the engine asks it stage by stage.
#[derive(Debug, Clone)]
pub struct Faults {
    rules: Vec<Running>,
    draws: Draws,
    /// Rules that are active, by stage, in the order as written.
    active: [Vec<u32>; Stage::COUNT],
    quiet: bool,
    /// Until when the takings of others have been told, by pool.
    told: Vec<Nanos>,
    /// When `active` must be looked over again.
    next_edge: Nanos,
    journal: Option<Journal>,
}

impl Faults {
    pub fn new(rules: Vec<FaultRule>, luck: Luck) -> Faults {
        let origin = |rule: &FaultRule| {
            let joined = rules.iter().filter(|other| rule.group.is_some() && other.group == rule.group);
            joined.map(|other| other.from).min().unwrap_or(rule.from)
        };
        let origins: Vec<Nanos> = rules.iter().map(origin).collect();
        Faults {
            rules: rules.into_iter().zip(origins).map(|(rule, origin)| Running::new(rule, origin)).collect(),
            draws: luck.stream(Stream::Faults),
            active: Default::default(),
            quiet: true,
            told: Vec::new(),
            next_edge: 0,
            journal: None,
        }
    }

    /// Adds a rule while others run. One that has its name goes.
    pub fn start(&mut self, rule: FaultRule) {
        self.stop(&rule.name.clone());
        let origin = rule.from;
        self.rules.push(Running::new(rule, origin));
        self.next_edge = 0;
    }

    /// Takes a rule away, whose hits are forgotten with it. Says whether there was one.
    pub fn stop(&mut self, name: &str) -> bool {
        let before = self.rules.len();
        self.rules.retain(|running| running.rule.name != name);
        self.next_edge = 0;
        self.rules.len() < before
    }

    /// Whether a rule can do anything at a time.
    pub fn is_active(&self, name: &str, now: Nanos) -> bool {
        self.rules.iter().any(|running| running.rule.name == name && running.is_active(now))
    }

    /// Keeps the last `limit` strikes, one by one. Off unless asked for: the counts are always there.
    pub fn keep_journal(&mut self, limit: usize) {
        self.journal = Some(Journal::new(limit));
    }

    pub fn journal(&self) -> Option<&Journal> {
        self.journal.as_ref()
    }

    pub fn hits(&self) -> impl Iterator<Item = (&FaultRule, &Hits)> {
        self.rules.iter().map(|running| (&running.rule, &running.hits))
    }

    /// Refreshes the active set; costs nothing unless an edge was passed.
    #[inline]
    pub fn advance(&mut self, now: Nanos) {
        if now >= self.next_edge {
            self.refresh(now);
        }
    }

    /// The next edge up to `now`: a window opens or closes, or a second passes in which quotas may have
    /// changed. Pools that nobody looks at live on too, so the engine brings all pools to each edge in turn.
    #[inline]
    pub fn edge(&self, now: Nanos) -> Option<Nanos> {
        (self.next_edge <= now).then_some(self.next_edge)
    }

    fn refresh(&mut self, now: Nanos) {
        self.active.iter_mut().for_each(Vec::clear);
        self.quiet = true;
        self.next_edge = Nanos::MAX;
        for (index, running) in (0..).zip(&self.rules) {
            if !running.spent() {
                self.next_edge = self.next_edge.min(running.rule.window().next_edge(now));
            }
            if running.is_active(now) {
                self.active[running.nature.stage as usize].push(index);
                self.quiet = false;
            }
        }
        if [Stage::Quota, Stage::Shadow].iter().any(|stage| !self.active[*stage as usize].is_empty()) {
            self.next_edge = self.next_edge.min(now.saturating_add(TICK));
        }
    }

    /// Whether no rule is active, so that the engine can skip all else.
    #[inline]
    pub fn quiet(&self) -> bool {
        self.quiet
    }
}

#[cfg(test)]
mod tests;
