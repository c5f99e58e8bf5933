//! Setup, setup again and teardown against the mock, with nothing and with a configuration there before, and with a failure
//! injected at each changing call in turn: the account is told byte by byte, and is the same before and after.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use richter_core::live::{Trust, http_client};
use richter_mock_bedrock::server::{Running, Settings, start};
use serde_json::json;

use crate::observe::{
    call::Call,
    cloud::{Cloud, Patience},
    conduct::{self, state_path},
    plan,
    spec::{Existing, ObserveSpec, RoleSpec},
    state::State,
    wanted::{Logging, Scene, Wanted},
};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "us-east-1";

/// Lets the n-th changing call fail: before it leaves, or after it took effect.
#[derive(Debug, Clone)]
struct Breaking<C> {
    inner: C,
    changes: Arc<AtomicUsize>,
    at: usize,
    in_effect: bool,
}

impl HttpClient for Breaking<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Breaking {
            inner: self.inner.http_connector(settings, components),
            changes: self.changes.clone(),
            at: self.at,
            in_effect: self.in_effect,
        })
    }
}

impl HttpConnector for Breaking<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or(request.uri()).to_owned();
        let changes = ["Put", "Create", "Delete"].iter().any(|verb| target.contains(verb))
            || matches!(request.method(), "PUT" | "DELETE");
        if !changes || self.changes.fetch_add(1, Ordering::Relaxed) + 1 != self.at {
            return self.inner.call(request);
        }
        let lost = || ConnectorError::other("injected".into(), None);
        if !self.in_effect {
            return HttpConnectorFuture::ready(Err(lost()));
        }
        let inner = self.inner.clone();
        HttpConnectorFuture::new(async move {
            inner.call(request).await?;
            Err(lost())
        })
    }
}

async fn config(url: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client(&Trust::default()))
        .region(Region::new(REGION))
        .endpoint_url(url)
        .credentials_provider(Credentials::new("mock", "mock", None, None, "test"))
        .load()
        .await
}

fn patience() -> Patience {
    let short = std::time::Duration::from_millis(1);
    Patience { role: short, first: short, attempts: 1 }
}

/// One that breaks at the n-th change, or never for 0.
async fn cloud(url: &str, at: usize, in_effect: bool) -> Cloud {
    let config = config(url).await;
    let inner = config.http_client().expect("set above");
    let breaking = Breaking { inner, changes: Arc::default(), at, in_effect };
    let config = config.to_builder().http_client(SharedHttpClient::new(breaking)).build();
    Cloud::new(&config, patience())
}

/// The mock has no IAM, so the role is one that is there.
fn wanted(existing: Existing) -> Wanted {
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/delivery");
    let role = RoleSpec { arn: Some(arn), name: None };
    let scene = Scene {
        account: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        models: vec!["us.anthropic.claude-3-haiku-20240307-v1:0".to_owned()],
        ..Scene::default()
    };
    Wanted::new(&ObserveSpec { existing, role, ..ObserveSpec::default() }, &scene, false).expect("fits")
}

/// Everything that these calls could touch, as the account itself tells it.
async fn dump(cloud: &Cloud) -> String {
    let logging = cloud.logging().await.expect("told");
    let groups = cloud.logs.describe_log_groups().send().await.expect("told");
    let mut text = format!("{logging:?}\n");
    for group in groups.log_groups() {
        let name = group.log_group_name().expect("a name");
        let filters = cloud.logs.describe_metric_filters().log_group_name(name).send().await.expect("told");
        let streams = cloud.logs.describe_log_streams().log_group_name(name).send().await.expect("told");
        let tags = cloud
            .logs
            .list_tags_for_resource()
            .resource_arn(group.arn().unwrap_or_default().trim_end_matches(":*"));
        let tags = tags.send().await.map(|got| format!("{:?}", got.tags()));
        text.push_str(&format!(
            "{name} {:?} {:?} {:?} {:?}\n",
            group.retention_in_days(),
            filters.metric_filters(),
            streams.log_streams().iter().map(|stream| stream.log_stream_name()).collect::<Vec<_>>(),
            tags.unwrap_or_default(),
        ));
    }
    let boards = cloud.metrics.list_dashboards().send().await.expect("told");
    let alarms = cloud.metrics.describe_alarms().send().await.expect("told");
    let boards: Vec<_> = boards.dashboard_entries().iter().map(|board| board.dashboard_name()).collect();
    text.push_str(&format!("{boards:?} {:?}\n", alarms.metric_alarms()));
    text
}

async fn mock() -> Running {
    start(Settings::default()).await.expect("a mock")
}

/// What may stand there before.
async fn prepare(cloud: &Cloud, existing: Existing) {
    let logging = match existing {
        Existing::Merge => return,
        Existing::Adopt | Existing::Replace => {
            cloud
                .act(&Call::CreateGroup { group: "theirs".to_owned(), tags: Default::default() })
                .await
                .expect("made");
            cloud.act(&Call::PutRetention { group: "theirs".to_owned(), days: 7 }).await.expect("made");
            json!({
                "cloudWatchConfig": { "logGroupName": "theirs", "roleArn": format!("arn:aws:iam::{ACCOUNT}:role/theirs") },
                "textDataDeliveryEnabled": true,
            })
        }
    };
    let config: Logging = serde_json::from_value(logging).expect("a configuration");
    cloud.act(&Call::PutLogging { config, fresh_role: false }).await.expect("put");
}

async fn set_up(cloud: &Cloud, wanted: &Wanted, folder: &std::path::Path) -> Result<usize, conduct::Failed> {
    let path = state_path(folder, ACCOUNT, REGION);
    let state = State::read(&path, ACCOUNT, REGION).expect("readable");
    let at = state.as_ref().map(|state| state.group.as_str());
    let found = cloud.look(wanted, at).await.expect("looked");
    let plan = plan::setup(wanted, &found, state.as_ref()).expect("nothing against it");
    conduct::set_up(wanted, &plan, state.as_ref(), &path, cloud).await?;
    Ok(plan.steps.len())
}

async fn tear_down(cloud: &Cloud, wanted: &Wanted, folder: &std::path::Path) -> Result<(), conduct::Failed> {
    let path = state_path(folder, ACCOUNT, REGION);
    let Some(state) = State::read(&path, ACCOUNT, REGION).expect("readable") else { return Ok(()) };
    let found = cloud.look(wanted, Some(&state.group)).await.expect("looked");
    let plan = plan::teardown(&found, &state, false);
    assert!(plan.left.is_empty(), "{:?}", plan.left);
    conduct::tear_down(&plan, state, &path, cloud).await.map(drop)
}

const WAYS: [Existing; 3] = [Existing::Merge, Existing::Adopt, Existing::Replace];

#[tokio::test]
async fn twice_set_up_and_torn_down_the_account_is_byte_for_byte_as_before() {
    for existing in WAYS {
        let (mock, folder) = (mock().await, tempfile::tempdir().expect("a folder"));
        let cloud = cloud(&mock.base_url(), 0, false).await;
        prepare(&cloud, existing).await;
        let before = dump(&cloud).await;
        let wanted = wanted(existing);
        let steps = set_up(&cloud, &wanted, folder.path()).await.expect("set up");
        assert!(steps > 15, "{existing:?}: {steps}");
        let during = dump(&cloud).await;
        assert_ne!(before, during);
        assert_eq!(set_up(&cloud, &wanted, folder.path()).await.expect("again"), 0, "{existing:?}");
        assert_eq!(dump(&cloud).await, during);
        tear_down(&cloud, &wanted, folder.path()).await.expect("torn down");
        assert_eq!(dump(&cloud).await, before, "{existing:?}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 0, "no state is left");
    }
}

#[tokio::test]
async fn a_failure_at_each_changing_call_of_setup_leaves_the_account_byte_for_byte_as_before() {
    for existing in WAYS {
        for in_effect in [false, true] {
            let (mock, folder) = (mock().await, tempfile::tempdir().expect("a folder"));
            let sound = cloud(&mock.base_url(), 0, false).await;
            prepare(&sound, existing).await;
            let before = dump(&sound).await;
            let wanted = wanted(existing);
            let mut failures = 0;
            for at in 1..40 {
                let broken = cloud(&mock.base_url(), at, in_effect).await;
                let Err(failed) = set_up(&broken, &wanted, folder.path()).await else { break };
                failures += 1;
                assert!(failed.remains.is_empty(), "{existing:?} at {at}: {failed}");
                assert_eq!(dump(&sound).await, before, "{existing:?} at {at}: {failed}");
            }
            assert!(failures >= 11, "{existing:?}: {failures}");
            tear_down(&sound, &wanted, folder.path()).await.expect("torn down");
            assert_eq!(dump(&sound).await, before);
        }
    }
}

#[tokio::test]
async fn a_failure_at_each_changing_call_of_teardown_is_made_good_by_the_next_teardown() {
    for existing in WAYS {
        let (mock, folder) = (mock().await, tempfile::tempdir().expect("a folder"));
        let sound = cloud(&mock.base_url(), 0, false).await;
        prepare(&sound, existing).await;
        let before = dump(&sound).await;
        let wanted = wanted(existing);
        for (at, in_effect) in (1..12).flat_map(|at| [(at, false), (at, true)]) {
            set_up(&sound, &wanted, folder.path()).await.expect("set up");
            let broken = cloud(&mock.base_url(), at, in_effect).await;
            tear_down(&broken, &wanted, folder.path()).await.expect_err("injected");
            tear_down(&sound, &wanted, folder.path()).await.expect("the rest");
            assert_eq!(dump(&sound).await, before, "{existing:?} at {at}, {in_effect}");
        }
    }
}
