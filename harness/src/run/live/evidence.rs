//! What the service's own log and metrics say of a live run. A mock in this process gets an account that is watched
//! before its time begins, and is read before it goes, cell by cell; any other service is set up by `richter observe
//! setup`, and read once all is over.

use std::time::Duration;

use anyhow::Context as _;
use aws_config::{Region, SdkConfig};
use richter_core::live::{Trust, http_client};
use richter_reports::run_file::Observed;
use tokio::runtime::Runtime;

use super::super::board::{Board, Snapshot, State};
use crate::{
    clock,
    observe::{
        cloud::{
            Cloud, Patience,
            collect::{Collector, Place, Search, Wait, Window},
        },
        join::Sent,
        plan,
        scene::scenes,
        state,
        walk::walk,
        wanted::Wanted,
    },
    record::series,
    scenario::plan::Plan,
};

/// Where the evidence of a run is.
#[derive(Debug)]
pub struct Watched {
    /// Log groups and metrics of a service that is not ours; none where each cell has a mock of its own.
    pub places: Vec<Place>,
    pub wait: Wait,
}

/// The evidence as far as it is gathered.
#[derive(Debug)]
pub struct Evidence<'a> {
    watched: &'a Watched,
    runtime: Runtime,
    collector: Collector,
    /// Of cells whose records are read when all is over.
    sent: Sent,
    from_ms: i64,
}

impl<'a> Evidence<'a> {
    pub fn new(watched: &'a Watched, plan: &Plan) -> std::io::Result<Evidence<'a>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let bucket_s = series::width(plan.length()) as f64 / 1e9;
        let collector = Collector::new(bucket_s);
        Ok(Evidence { watched, runtime, collector, sent: Sent::default(), from_ms: now_ms() })
    }

    /// Makes log groups, logging and filters in the account of a mock that is about to begin.
    pub fn set_up(
        &self,
        plan: &Plan,
        account: &str,
        url: &str,
        config: &SdkConfig,
    ) -> anyhow::Result<Vec<Place>> {
        self.runtime.block_on(async {
            let mut places = Vec::new();
            for scene in scenes(plan, account) {
                let region = scene.region.clone();
                let wanted = Wanted::new(&plan.written.observe, &scene, true).map_err(|unfit| {
                    anyhow::anyhow!(unfit.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
                })?;
                let cloud = Cloud::new(&in_region(config, url, &region), Patience::default());
                let place = watch(&wanted, cloud, &plan.written.observe.namespace).await;
                places.push(place.with_context(|| format!("cannot set up the log of {region}"))?);
            }
            Ok(places)
        })
    }

    /// Reads what a mock has of a cell, before it goes. `pending` says whether anything is still on its way.
    pub fn read(
        &mut self,
        sent: Sent,
        places: &[Place],
        board: (&Board, &mut Snapshot),
        pending: impl Fn() -> bool,
    ) -> anyhow::Result<()> {
        let window = self.window();
        let told = teller(board);
        let Evidence { runtime, collector, watched, .. } = self;
        let search = Search { places, window, wait: watched.wait, pending: &pending };
        runtime.block_on(collector.collect(sent, search, told))
    }

    /// Keeps what was sent for the reading at the end.
    pub fn keep(&mut self, sent: Sent) {
        self.sent.and(sent);
    }

    /// Everything is over; what was kept is read now.
    pub fn finish(mut self, board: (&Board, &mut Snapshot)) -> (Observed, anyhow::Result<()>) {
        let mut read = Ok(());
        if !self.sent.cells.is_empty() {
            let sent = std::mem::take(&mut self.sent);
            read = self.read(sent, &self.watched.places, board, || true);
        }
        (self.collector.finish(), read)
    }

    fn window(&self) -> Window {
        Window::around(self.from_ms, now_ms())
    }
}

fn teller<'b>((board, snapshot): (&'b Board, &'b mut Snapshot)) -> impl FnMut(u64, u64) + 'b {
    snapshot.state = State::Waiting;
    move |found, wanted| {
        snapshot.note = format!("reading the log: {found} of {wanted} records");
        board.publish(snapshot.clone());
    }
}

async fn watch(wanted: &Wanted, cloud: Cloud, namespace: &str) -> anyhow::Result<Place> {
    let found = cloud.look(wanted, None).await?;
    let plan = plan::setup(wanted, &found, None).map_err(|differences| {
        anyhow::anyhow!(differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    })?;
    let mut state = state::State::new(&wanted.account, &wanted.region, &wanted.group);
    // The account goes with its mock, so nobody has to remember what was there before.
    walk(&plan, &mut state, async |call| cloud.act(call).await, |_| Ok(()))
        .await
        .map_err(|trouble| anyhow::anyhow!("{trouble}"))?;
    let (region, group) = (wanted.region.clone(), wanted.group.clone());
    Ok(Place { cloud, region, group, namespace: namespace.to_owned() })
}

fn in_region(config: &SdkConfig, url: &str, region: &str) -> SdkConfig {
    let http = config.http_client().unwrap_or_else(|| http_client(&Trust::System));
    let config = config.to_builder().region(Region::new(region.to_owned())).endpoint_url(url);
    config.http_client(http).build()
}

fn now_ms() -> i64 {
    i64::try_from(clock::unix_ms()).unwrap_or(i64::MAX)
}

/// How long to wait where nobody says: a mock in this process knows itself when nothing is on its way any more.
pub const fn wait(own_mock: bool, most: Option<Duration>) -> Wait {
    let (usual, pause) = if own_mock {
        (Duration::from_secs(60), Duration::from_millis(50))
    } else {
        (Duration::from_secs(300), Duration::from_secs(5))
    };
    let most = match most {
        Some(most) => most,
        None => usual,
    };
    Wait { most, pause }
}
