//! What a live run tells the outside while it goes on: OpenTelemetry metrics and spans pushed by OTLP, the same metrics for
//! a Prometheus server to fetch, and CloudWatch's embedded metric format as lines of a file.
//!
//! All of it is made from the events that make the run file, by one witness ([`Teller`]), which is told after the
//! traffic has gone its way: nothing here waits on the traffic's path. One set of instruments feeds OTLP and
//! Prometheus, so that both have the same names; the names are in [`names`], the dashboard that asks for them
//! in [`dashboard`]. The numbers of record are the run file's; these are the live view.

pub mod dashboard;
mod emf;
mod facts;
mod follow;
mod meter;
pub mod names;
mod otlp;
mod scrape;
mod spans;

use std::{
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use clap::Args;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::{
    Resource,
    metrics::{MeterProviderBuilder, SdkMeterProvider},
    trace::SdkTracerProvider,
};
use richter_core::{
    event::{Event, Observer},
    live::Names,
};
use richter_mock_bedrock::Nanos;

use self::{
    emf::Lines,
    facts::Facts,
    follow::{Done, Follower},
    meter::Meter,
    scrape::Scrape,
    spans::Spans,
};
use crate::{
    ground::{Witness, Work},
    load::Arrival,
    scenario::plan::Plan,
};

/// Where a live run is told of.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Telemetry of live runs")]
pub struct TelemetryArgs {
    /// Push metrics and spans by OTLP over HTTP to this collector, such as http://127.0.0.1:4318.
    #[arg(long, value_name = "URL", value_parser = otlp::endpoint)]
    pub otlp: Option<String>,
    /// Let Prometheus fetch metrics here, under /metrics; after the run it stays for one scrape interval.
    #[arg(long, value_name = "ADDRESS")]
    pub prometheus: Option<SocketAddr>,
    /// The interval at which Prometheus fetches; in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 15, requires = "prometheus")]
    pub scrape_interval: u64,
    /// Write CloudWatch's embedded metric format to this file, a line for each strategy and target every ten seconds.
    #[arg(long, value_name = "FILE")]
    pub emf: Option<PathBuf>,
}

impl TelemetryArgs {
    /// Whether anybody is to be told.
    pub fn wanted(&self) -> bool {
        self.otlp.is_some() || self.prometheus.is_some() || self.emf.is_some()
    }
}

/// Why nothing can be told.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("--otlp: {0}")]
    Otlp(String),
    #[error("--prometheus: cannot listen on {0}: {1}")]
    Prometheus(SocketAddr, std::io::Error),
    #[error("--emf: cannot write {0}: {1}")]
    Emf(PathBuf, std::io::Error),
}

/// Everything that was asked for, under way.
#[derive(Debug)]
pub struct Telemetry {
    names: Names,
    metrics: Option<(SdkMeterProvider, Meter)>,
    traces: Option<SdkTracerProvider>,
    scrape: Option<Scrape>,
    lines: Option<Lines>,
    linger: Duration,
}

impl Telemetry {
    /// Begins it. Called outside any async runtime, since the OTLP client has one of its own.
    pub fn start(args: &TelemetryArgs, names: Names) -> Result<Telemetry, TelemetryError> {
        let resource = || Resource::builder().with_service_name("richter").build();
        let mut builder = SdkMeterProvider::builder().with_resource(resource());
        let (mut metered, mut scrape, mut traces) = (false, None, None);
        if let Some(address) = args.prometheus {
            let (reader, endpoint) = Scrape::start(address)?;
            (builder, scrape, metered) = (builder.with_reader(reader), Some(endpoint), true);
        }
        if let Some(url) = &args.otlp {
            builder = builder.with_reader(otlp::metrics(url)?);
            (traces, metered) = (Some(otlp::traces(url, resource())?), true);
        }
        let metrics = metered.then(|| metered_by(builder, names));
        let lines = args.emf.as_ref().map(|path| Lines::create(path)).transpose()?;
        let linger = Duration::from_secs(args.scrape_interval);
        Ok(Telemetry { names, metrics, traces, scrape, lines, linger })
    }

    /// Where Prometheus can fetch, if it can.
    pub fn address(&self) -> Option<SocketAddr> {
        self.scrape.as_ref().map(Scrape::address)
    }

    /// The witness of one strategy's cell, whose time began at `zero`.
    pub fn teller(&self, plan: &Plan, strategy: usize, zero: SystemTime) -> Teller {
        Teller {
            facts: Facts::of(plan, strategy, self.names),
            follower: Follower::default(),
            meter: self.metrics.as_ref().map(|(_, meter)| meter.clone()),
            spans: self.traces.as_ref().map(|provider| Spans::new(otlp::tracer(provider), zero)),
            lines: self.lines.as_ref().map(|lines| lines.of(zero)),
        }
    }

    /// Pushes what is left, and waits for Prometheus to fetch the last of it. Gives what could not be told.
    pub fn finish(self) -> Vec<String> {
        let mut lost = Vec::new();
        if let Some(lines) = self.lines {
            lost.extend(lines.finish().err().map(|error| format!("--emf: {error}")));
        }
        if let Some(traces) = self.traces {
            lost.extend(traces.shutdown().err().map(|error| format!("--otlp: spans: {error}")));
        }
        if let Some(scrape) = &self.scrape {
            scrape.linger(self.linger);
        }
        if let Some((metrics, _)) = self.metrics {
            lost.extend(metrics.shutdown().err().map(|error| format!("--otlp: metrics: {error}")));
        }
        lost
    }
}

fn metered_by(builder: MeterProviderBuilder, names: Names) -> (SdkMeterProvider, Meter) {
    let provider = builder.build();
    let meter = Meter::new(&provider.meter("richter"), names);
    (provider, meter)
}

/// Tells of one strategy's requests.
#[derive(Debug)]
pub struct Teller {
    facts: Facts,
    follower: Follower,
    meter: Option<Meter>,
    spans: Option<Spans>,
    lines: Option<Lines>,
}

impl Teller {
    /// Requests that began and have not ended.
    pub fn under_way(&self) -> usize {
        self.follower.under_way()
    }
}

impl Observer for Teller {
    fn on(&mut self, now: Nanos, event: &Event<'_>) {
        let Some(done) = self.follower.on(now, event) else { return };
        if let Some(meter) = &self.meter {
            meter.on(&self.facts, &done);
        }
        if let (Some(spans), Done::Request(done)) = (&self.spans, &done) {
            spans.draw(&self.facts, done);
        }
        if let Some(lines) = &self.lines {
            lines.on(now, &self.facts, &done);
        }
    }
}

impl Witness for Teller {
    fn arrived(&mut self, _: &Arrival) {}

    fn worked(&mut self, _: Nanos, work: &Work) {
        if let Some(meter) = &self.meter {
            meter.worked(&self.facts, work);
        }
    }
}

#[cfg(test)]
mod tests;
