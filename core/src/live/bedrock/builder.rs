//! Putting a live router together.

use std::{fmt, sync::Arc, time::Duration};

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;

use super::{Router, clients::Clients};
use crate::{
    event::{Blind, Observer},
    live::{BuildError, Clock, LeanRouter, MakeDice, Names, Shell, ShellParts, dice},
    strategy::StrategySpec,
    target::{Known, OnDemand, Profile, TargetId, TargetSpec},
};

/// What a router is made of. Targets and a strategy are needed; the rest has defaults.
pub struct Builder {
    targets: Vec<(String, TargetSpec)>,
    strategy: Option<StrategySpec>,
    config: Option<SdkConfig>,
    endpoint: Option<String>,
    observer: Box<dyn Observer + Send>,
    clock: Option<Clock>,
    dice: Option<Box<MakeDice>>,
    names: Option<Names>,
}

impl Builder {
    pub(super) fn new() -> Builder {
        Builder {
            targets: Vec::new(),
            strategy: None,
            config: None,
            endpoint: None,
            observer: Box::new(Blind),
            clock: None,
            dice: None,
            names: None,
        }
    }

    /// Adds a way to reach a model, under the name by which the strategy knows it.
    pub fn target(mut self, name: impl Into<String>, target: TargetSpec) -> Builder {
        self.targets.push((name.into(), target));
        self
    }

    /// Adds a base model in one Region.
    pub fn on_demand(
        self,
        name: impl Into<String>,
        region: impl Into<String>,
        model: impl Into<String>,
    ) -> Builder {
        let (region, model) = (region.into(), model.into());
        self.target(name, TargetSpec::OnDemand(OnDemand { region, model, ..OnDemand::default() }))
    }

    /// Adds a cross-Region inference profile, called from its source Region.
    pub fn profile(
        self,
        name: impl Into<String>,
        source: impl Into<String>,
        id: impl Into<String>,
    ) -> Builder {
        let (source, id) = (source.into(), id.into());
        self.target(name, TargetSpec::Profile(Profile { source, id, ..Profile::default() }))
    }

    /// Decides where requests go. The settings are those of a scenario file, so `serde_json` or a YAML reader gives
    /// them: `{ "composed": { "preset": "balanced", "tiers": [["east", "west"]] } }`.
    pub fn strategy(mut self, strategy: StrategySpec) -> Builder {
        self.strategy = Some(strategy);
        self
    }

    /// Credentials and whatever else the SDK's configuration holds; by default it is loaded from the environment as
    /// the AWS SDKs do. Its retries and timeouts are not used, since the strategy has its own; its Region is
    /// each target's. If it brings an HTTP client, that one is used as it is.
    pub fn sdk_config(mut self, config: SdkConfig) -> Builder {
        self.config = Some(config);
        self
    }

    /// Sends every call here instead of to the service's own endpoints, but for targets that have an endpoint. A proxy
    /// from the environment is never used for an address of this machine.
    pub fn endpoint_url(mut self, url: impl Into<String>) -> Builder {
        self.endpoint = Some(url.into());
        self
    }

    /// Is told every event. It is called on the path of the traffic, under the router's lock: it must be quick, and
    /// must not call the router.
    pub fn observer(mut self, observer: impl Observer + Send + 'static) -> Builder {
        self.observer = Box::new(observer);
        self
    }

    /// The clock to go by; by default one that starts when the router is built.
    pub fn clock(mut self, clock: Clock) -> Builder {
        self.clock = Some(clock);
        self
    }

    /// Makes all chance a function of this seed; by default nobody can foresee it.
    pub fn seed(mut self, seed: u64) -> Builder {
        self.dice = Some(dice::seeded(seed));
        self
    }

    /// Takes dice from here: for each input, those of this request and step.
    pub fn dice(mut self, dice: Box<MakeDice>) -> Builder {
        self.dice = Some(dice);
        self
    }

    /// The names that tracing spans use; by default as the environment wants them.
    pub fn names(mut self, names: Names) -> Builder {
        self.names = Some(names);
        self
    }

    /// Checks everything and builds the router. It calls nobody: credentials are looked up with the first request.
    pub async fn build(mut self) -> Result<Router, BuildError> {
        let strategy = self.check()?;
        let config = self.config.take();
        let clients = self.clients(config).await;
        let (connect, used) = (strategy.connect_limit(), self.used());
        Ok(Router::new(self.shell(strategy), clients, connect, used))
    }

    /// Builds one router for each of these configurations. They share one strategy with all that it knows, and each has
    /// clients of its own: connections belong to the runtime that they were made on, so a program with several
    /// runtimes wants one for each. The configurations take the place of [`Builder::sdk_config`].
    pub async fn build_each(self, configs: Vec<SdkConfig>) -> Result<Vec<Router>, BuildError> {
        let strategy = self.check()?;
        let mut clients = Vec::new();
        for config in configs {
            clients.push(self.clients(Some(config)).await);
        }
        let (connect, used) = (strategy.connect_limit(), self.used());
        let shell = self.shell(strategy);
        let router = |clients| Router::new(Arc::clone(&shell), clients, connect, used.clone());
        Ok(clients.into_iter().map(router).collect())
    }

    /// As [`Builder::build_each`], with the lean client in place of the SDK's. `connector` makes what calls leave by, for each
    /// configuration and with the strategy's limit on connecting: [`lean_connector`](crate::live::lean_connector), or something
    /// around it.
    pub async fn build_each_lean(
        self,
        configs: Vec<SdkConfig>,
        connector: impl Fn(Option<Duration>) -> SharedHttpConnector,
    ) -> Result<Vec<LeanRouter>, BuildError> {
        let strategy = self.check()?;
        let (connect, used) = (strategy.connect_limit(), self.used());
        let mut each = Vec::new();
        for config in configs {
            each.push((self.clients(Some(config)).await, connector(connect)));
        }
        let shell = self.shell(strategy);
        let router =
            |(clients, connector)| LeanRouter::new(Arc::clone(&shell), clients, connector, used.clone());
        Ok(each.into_iter().map(router).collect())
    }

    /// Targets that the strategy names.
    fn used(&self) -> Vec<TargetId> {
        let named = self.strategy.iter().flat_map(StrategySpec::targets);
        let mut used: Vec<TargetId> = named.filter_map(|(_, name)| Some(self.find(name)?.id)).collect();
        used.sort_unstable();
        used.dedup();
        used
    }

    async fn clients(&self, config: Option<SdkConfig>) -> Clients {
        let specs = self.targets.iter().map(|(_, spec)| spec.clone()).collect();
        Clients::new(config, self.endpoint.clone(), specs).await
    }

    fn shell(self, strategy: Box<dyn crate::strategy::Strategy>) -> Arc<Shell> {
        Shell::new(ShellParts {
            strategy,
            targets: self.targets,
            clock: self.clock.unwrap_or_default(),
            dice: self.dice.unwrap_or_else(|| dice::seeded(dice::unforeseen())),
            observer: self.observer,
            names: self.names.unwrap_or_else(Names::from_env),
        })
    }

    fn check(&self) -> Result<Box<dyn crate::strategy::Strategy>, BuildError> {
        if self.targets.is_empty() {
            return Err(BuildError::NoTarget);
        }
        let spec = self.strategy.as_ref().ok_or(BuildError::NoStrategy)?;
        let twice = self.targets.iter().enumerate().find(|(at, target)| self.place(&target.0) != Some(*at));
        if let Some((_, (name, _))) = twice {
            return Err(BuildError::NamedTwice(name.clone()));
        }
        let find = |name: &str| self.find(name);
        if let Some((_, name)) = spec.targets().into_iter().find(|(_, name)| find(name).is_none()) {
            return Err(BuildError::UnknownTarget(name.to_owned()));
        }
        let problems: Vec<_> = spec.problems().into_iter().chain(spec.misfits(&find)).collect();
        if !problems.is_empty() {
            return Err(BuildError::Strategy(problems));
        }
        spec.build(&find).ok_or(BuildError::NoTarget)
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.targets.iter().position(|(known, _)| known == name)
    }

    fn find(&self, name: &str) -> Option<Known<'_>> {
        let place = self.place(name)?;
        Some(Known { id: TargetId(u16::try_from(place).ok()?), spec: &self.targets[place].1 })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("targets", &self.targets)
            .field("strategy", &self.strategy)
            .finish_non_exhaustive()
    }
}
