//! One Region, one model: from their settings as written to plain numbers, with the defaults that apply.

use super::{
    Model, Region,
    spec::{CapacitySpec, ModelSpec, RegionSpec, WorldSpec},
};
use crate::{
    dist::{Dist, Sampler},
    latency::{Capacity, ModelLatency, salt},
    units::{Quantity, Span},
};

/// Round trip to a Region that says nothing: a caller in it or near it.
const RTT: f64 = 10e6;
/// AWS speaks of "double-digit milliseconds" for a call that is sent to another Region.
const HOP_P50: f64 = 30e6;
const HOP_P99: f64 = 90e6;
const KNEE: f64 = 0.8;
const SLOWDOWN: f64 = 3.0;

pub(super) fn default_hop() -> Sampler {
    Dist::LogNormal { p50: Span::from_base(HOP_P50), p99: Span::from_base(HOP_P99) }.sampler()
}

/// A Region, or the endpoint outside AWS that has this address.
pub(super) fn region(spec: &WorldSpec, name: &str) -> Region {
    let written = spec.regions.as_ref().and_then(|regions| regions.get(name));
    let external = spec.external.as_ref().and_then(|external| external.get(name));
    let rtt = written.and_then(|RegionSpec { rtt, .. }| rtt.as_ref());
    let rtt = rtt.or(external.and_then(|external| external.rtt.as_ref()));
    let limits = spec.capacity.as_ref().and_then(|regions| regions.get(name));
    Region {
        salt: salt(name),
        rtt: rtt.map_or(Sampler::Constant(RTT), |rtt| rtt.sampler()),
        capacity: limits.or(external.and_then(|external| external.capacity.as_ref())).map(capacity),
    }
}

fn capacity(spec: &CapacitySpec) -> Capacity {
    let concurrent = spec.concurrent.max(1);
    Capacity {
        concurrent,
        knee: spec.knee.map_or(KNEE, |knee| knee.0),
        slowdown: spec.slowdown.unwrap_or(SLOWDOWN),
        // A share of whole answers: full at 10, refusing above 1.25, means that the 13th is refused.
        refuse_at: spec.refuse_above.map(|share| (share * f64::from(concurrent)).max(1.0) as u32),
    }
}

pub(super) fn model(name: &str, spec: &ModelSpec) -> Model {
    Model {
        salt: salt(name),
        latency: ModelLatency {
            first_token: spec.first_token.sampler(),
            per_token: spec.per_token.sampler(),
            per_input_token: spec.per_1k_input.map_or(0.0, |span| span.base() / 1_000.0),
            outliers: spec.outliers.as_ref().map(|o| (o.share.0, o.first_token.sampler())),
        },
        max_output: u32::try_from(spec.max_output.0).unwrap_or(u32::MAX),
        context: spec.context.map(|context| context.0),
        burndown: spec.burndown.unwrap_or(1.0),
    }
}
