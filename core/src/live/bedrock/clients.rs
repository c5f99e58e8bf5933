//! The SDK's clients: one for each account and Region, made when it is first needed and used for ever after. They do
//! not retry and have no timeouts but the one for connecting, which only the SDK can keep. A strategy has one such
//! limit, so it multiplies nothing; it is a part of the key because the SDK wants it per client.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_config::{Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_bedrockruntime::{
    Client,
    config::{self, StalledStreamProtectionConfig},
};
use aws_smithy_types::body::SdkBody;
use tokio::task::JoinSet;

use super::accounts::Accounts;
use crate::target::{TargetId, TargetSpec};

pub(in crate::live) struct Clients {
    accounts: Accounts,
    endpoint: Option<String>,
    targets: Vec<TargetSpec>,
    made: Mutex<BTreeMap<Key, Client>>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// Place in the accounts.
    account: usize,
    region: String,
    /// A target's own.
    endpoint: Option<String>,
    connect: Option<Duration>,
}

/// A client, and what to call its model.
pub(super) struct At<'a> {
    pub(super) client: Client,
    pub(super) model: &'a str,
}

impl Clients {
    /// `config` is the caller's own, if it brings one; `endpoint` is for targets that have none.
    pub(super) async fn new(
        config: Option<SdkConfig>,
        endpoint: Option<String>,
        targets: Vec<TargetSpec>,
    ) -> Clients {
        let accounts = Accounts::new(config, &targets).await;
        Clients { accounts, endpoint, targets, made: Mutex::default() }
    }

    pub(super) fn at(&self, target: TargetId, connect: Option<Duration>) -> At<'_> {
        let key = self.key(target, connect);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let client =
            made.entry(key).or_insert_with_key(|key| Client::from_conf(self.config(key).build())).clone();
        At { client, model: self.spec(target).model_id() }
    }

    /// Makes all that these targets have, and opens a connection for each. Addresses that were given by hand are not knocked
    /// at: they are near, and whoever counts there would count it.
    pub(super) async fn warm(&self, targets: &[TargetId], connect: Option<Duration>) {
        let mut knocks = JoinSet::new();
        for target in targets {
            self.at(*target, connect);
        }
        for target in self.far(targets) {
            knocks.spawn(knock(self.at(target, connect).client));
        }
        knocks.join_all().await;
    }

    /// One target for each client that calls the service's own addresses.
    pub(in crate::live) fn far(&self, targets: &[TargetId]) -> Vec<TargetId> {
        let mut seen = BTreeSet::new();
        let by_hand = |target| self.endpoint.is_some() || self.spec(target).endpoint().is_some();
        let far = targets.iter().copied().filter(|target| !by_hand(*target));
        far.filter(|target| seen.insert(self.key(*target, None))).collect()
    }

    pub(in crate::live) fn targets(&self) -> &[TargetSpec] {
        &self.targets
    }

    /// Each account's, in the order of the accounts' places.
    pub(in crate::live) fn accounts(&self) -> impl Iterator<Item = &SdkConfig> {
        self.accounts.all()
    }

    /// How a client for the target is made, the place of its account, and what to call its model.
    pub(in crate::live) fn made_of(&self, target: TargetId) -> (config::Builder, usize, &str) {
        let key = self.key(target, None);
        (self.config(&key), key.account, self.spec(target).model_id())
    }

    fn spec(&self, target: TargetId) -> &TargetSpec {
        let spec = self.targets.get(usize::from(target.0));
        spec.expect("a strategy is built from the targets that the clients know")
    }

    fn key(&self, target: TargetId, connect: Option<Duration>) -> Key {
        let spec = self.spec(target);
        let account = self.accounts.place(spec.account());
        Key {
            account: account.expect("the accounts are those of the targets"),
            region: spec.region().to_owned(),
            endpoint: spec.endpoint().map(str::to_owned),
            connect,
        }
    }

    fn config(&self, key: &Key) -> config::Builder {
        let mut config = config::Builder::from(self.accounts.at(key.account))
            .region(Region::new(key.region.clone()))
            .retry_config(RetryConfig::disabled())
            // It would break an answer off by itself that stands still for twenty seconds.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .timeout_config(only_connect(key.connect));
        if let Some(url) = key.endpoint.as_ref().or(self.endpoint.as_ref()) {
            config = config.endpoint_url(url);
        }
        config
    }
}

/// Calls nothing, by the way that calls take: the same credentials, the same endpoint, the same connections.
async fn knock(client: Client) {
    let call = client.converse().model_id("none").customize().mutate_request(|request| {
        let root = request.uri().split_once("://").map(|(scheme, rest)| {
            let host = rest.split(['/', '?']).next().unwrap_or(rest);
            format!("{scheme}://{host}/")
        });
        let known = root.is_some_and(|root| request.set_uri(root).is_ok());
        if known && request.set_method("GET").is_ok() {
            *request.body_mut() = SdkBody::empty();
            request.headers_mut().remove("content-type");
            request.headers_mut().remove("content-length");
        }
    });
    // The answer is a refusal; what counts is that it came.
    drop(call.send().await);
}

/// Whatever is left unset, the SDK fills in by itself.
fn only_connect(limit: Option<Duration>) -> TimeoutConfig {
    let others = TimeoutConfig::builder()
        .disable_read_timeout()
        .disable_operation_timeout()
        .disable_operation_attempt_timeout();
    match limit {
        Some(limit) => others.connect_timeout(limit).build(),
        None => others.disable_connect_timeout().build(),
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").field("targets", &self.targets).finish_non_exhaustive()
    }
}
