use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use super::*;
use crate::observe::{
    spec::ObserveSpec,
    walk::{Trouble, walk},
    wanted::{Scene, ToBucket, ToLogs},
};

/// An account in memory that does what the calls say, and fails when it is told to.
#[derive(Debug, Clone, Default, PartialEq)]
struct Account {
    found: Found,
    tags: BTreeMap<String, String>,
    /// Calls made that change something.
    changes: usize,
    fail_at: Option<usize>,
    /// Whether the failing call takes effect all the same, as one does whose answer is lost.
    in_effect: bool,
}

impl Account {
    fn act(&mut self, call: &Call) -> anyhow::Result<()> {
        if call.only_asks() {
            return Ok(());
        }
        self.changes += 1;
        let fails = self.fail_at == Some(self.changes);
        if !fails || self.in_effect {
            self.take(call);
        }
        anyhow::ensure!(!fails, "injected");
        Ok(())
    }

    fn take(&mut self, call: &Call) {
        let found = &mut self.found;
        match call.clone() {
            Call::CreateGroup { tags, .. } => {
                found.group = Some(FoundGroup::default());
                self.tags = tags;
            }
            Call::PutRetention { days, .. } => {
                found.group.as_mut().expect("a group").retention_days = Some(days)
            }
            Call::DeleteGroup { .. } => {
                (found.group, found.filters) = (None, BTreeMap::new());
                self.tags.clear();
            }
            Call::CreateRole { .. } => found.role = true,
            Call::PutRolePolicy { .. } => found.role_policy = true,
            Call::DeleteRolePolicy { .. } => found.role_policy = false,
            Call::DeleteRole { .. } => found.role = false,
            Call::PutLogging { config, .. } => found.logging = Some(config),
            Call::DeleteLogging => found.logging = None,
            Call::TestFilter { .. } => {}
            Call::PutFilter { filter, .. } => drop(found.filters.insert(filter.name.clone(), filter)),
            Call::DeleteFilter { name, .. } => drop(found.filters.remove(&name)),
            Call::PutDashboard { body, .. } => found.dashboard = Some(body),
            Call::DeleteDashboard { .. } => found.dashboard = None,
            Call::PutAlarm { alarm, .. } => drop(found.alarms.insert(alarm.name.clone(), alarm)),
            Call::DeleteAlarm { name } => drop(found.alarms.remove(&name)),
        }
    }
}

/// None of these futures waits for anything.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing here waits"),
    }
}

fn wanted(existing: Existing) -> Wanted {
    let scene = Scene {
        account: "111122223333".to_owned(),
        region: "us-east-1".to_owned(),
        models: vec!["us.m".to_owned()],
        quotas: BTreeMap::new(),
    };
    Wanted::new(&ObserveSpec { existing, ..ObserveSpec::default() }, &scene, true).expect("fits")
}

fn to_logs(group: &str) -> Logging {
    let logs = ToLogs {
        log_group_name: group.to_owned(),
        role_arn: "arn:aws:iam::111122223333:role/theirs".to_owned(),
        large_data_delivery_s3_config: None,
    };
    Logging { cloud_watch_config: Some(logs), text_data_delivery_enabled: Some(true), ..Logging::default() }
}

fn to_s3(bodies: bool) -> Logging {
    Logging {
        s3_config: Some(ToBucket { bucket_name: "theirs".to_owned(), key_prefix: None }),
        text_data_delivery_enabled: Some(bodies),
        image_data_delivery_enabled: Some(false),
        embedding_data_delivery_enabled: Some(false),
        video_data_delivery_enabled: Some(false),
        audio_data_delivery_enabled: Some(false),
        ..Logging::default()
    }
}

/// Sets up, and takes back what was begun if that fails; gives the state that is left.
fn set_up(account: &mut Account, wanted: &Wanted, before: Option<State>) -> (Result<usize, Trouble>, State) {
    let plan = setup(wanted, &account.found, before.as_ref()).expect("nothing stands against it");
    let group = group_of(wanted, account.found.logging.as_ref());
    let mut state = before.clone().unwrap_or_else(|| State::new("111122223333", "us-east-1", &group));
    let done = now(walk(&plan, &mut state, async |call| account.act(call), |_| Ok(())));
    if let Err(trouble) = done {
        let new = state.since(before.as_ref());
        account.fail_at = None;
        let back = teardown(&account.found, &new, false);
        now(walk(&back, &mut state, async |call| account.act(call), |_| Ok(()))).expect("taken back");
        return (Err(trouble), state);
    }
    (Ok(plan.steps.len()), state)
}

fn tear_down(account: &mut Account, state: &mut State) -> Plan {
    let plan = teardown(&account.found, state, false);
    now(walk(&plan, state, async |call| account.act(call), |_| Ok(()))).expect("torn down");
    plan
}

/// What may stand in an account before, with the rule by which observe gets along with it.
fn beginnings() -> Vec<(&'static str, Existing, Found)> {
    let with = |logging: Logging| Found { logging: Some(logging), ..Found::default() };
    let group = Some(FoundGroup { retention_days: Some(365), foreign_streams: vec!["app".to_owned()] });
    vec![
        ("nothing", Existing::Merge, Found::default()),
        ("a group of that name", Existing::Merge, Found { group: group.clone(), ..Found::default() }),
        ("delivery to S3", Existing::Merge, with(to_s3(false))),
        ("another group, replaced", Existing::Replace, with(to_logs("theirs"))),
        ("another group, adopted", Existing::Adopt, Found { group, ..with(to_logs("theirs")) }),
    ]
}

#[test]
fn setup_twice_and_teardown_leave_the_account_as_it_was() {
    for (name, existing, before) in beginnings() {
        let mut account = Account { found: before.clone(), ..Account::default() };
        let wanted = wanted(existing);
        let (first, state) = set_up(&mut account, &wanted, None);
        assert!(first.expect(name) > 10, "{name}");
        let after_one = account.found.clone();
        let (second, mut state) = set_up(&mut account, &wanted, Some(state));
        assert_eq!(second.expect(name), 0, "{name}: nothing is left to do");
        assert_eq!(account.found, after_one, "{name}");
        let plan = tear_down(&mut account, &mut state);
        assert_eq!((account.found, plan.left.len()), (before, 0), "{name}");
        assert!(state.items.is_empty() && account.tags.is_empty(), "{name}: {state:?}");
    }
}

#[test]
fn a_failure_at_any_step_of_setup_is_taken_back_whether_the_call_took_effect_or_not() {
    for (name, existing, before) in beginnings() {
        for in_effect in [false, true] {
            let wanted = wanted(existing);
            let mut failures = 0;
            for step in 1..100 {
                let mut account =
                    Account { found: before.clone(), fail_at: Some(step), in_effect, ..Account::default() };
                let (done, state) = set_up(&mut account, &wanted, None);
                let Err(trouble) = done else { break };
                failures += 1;
                assert!(trouble.to_string().contains("injected"), "{trouble}");
                assert_eq!(account.found, before, "{name}, failed at {step}: {trouble}");
                assert!(state.items.is_empty(), "{name}, failed at {step}: {state:?}");
            }
            assert!(failures >= 11, "{name}: {failures}");
        }
    }
}

#[test]
fn a_failure_at_any_step_of_teardown_leaves_the_rest_to_the_next() {
    for (name, existing, before) in beginnings() {
        for (in_effect, step) in (1..12).flat_map(|step| [(false, step), (true, step)]) {
            let mut account = Account { found: before.clone(), ..Account::default() };
            let (_, mut state) = set_up(&mut account, &wanted(existing), None);
            (account.changes, account.fail_at, account.in_effect) = (0, Some(step), in_effect);
            let plan = teardown(&account.found, &state, false);
            let done = now(walk(&plan, &mut state, async |call| account.act(call), |_| Ok(())));
            assert!(done.is_err(), "{name}: step {step} of {}", plan.steps.len());
            account.fail_at = None;
            tear_down(&mut account, &mut state);
            assert_eq!(account.found, before, "{name}, failed at {step}");
            assert!(state.items.is_empty());
        }
    }
}

#[test]
fn a_setup_that_fails_on_top_of_an_earlier_one_takes_back_only_its_own() {
    let mut account = Account::default();
    let small = Wanted { alarms: Vec::new(), ..wanted(Existing::Merge) };
    let (_, state) = set_up(&mut account, &small, None);
    let before = account.found.clone();
    account.fail_at = Some(account.changes + 2);
    let (done, after) = set_up(&mut account, &wanted(Existing::Merge), Some(state.clone()));
    assert!(done.is_err());
    assert_eq!((account.found, after), (before, state), "one alarm was made and is gone again");
}

#[test]
fn what_is_not_ours_is_refused_with_both_sides_shown() {
    let theirs = wanted(Existing::Merge);
    let filter = Filter { pattern: "{ $.x = 1 }".to_owned(), ..theirs.filters[0].clone() };
    let alarm = Alarm { threshold: 1.0, ..theirs.alarms[0].clone() };
    let found = Found {
        logging: Some(to_logs("theirs")),
        filters: BTreeMap::from([(filter.name.clone(), filter)]),
        role: true,
        dashboard: Some(serde_json::json!({})),
        alarms: BTreeMap::from([(alarm.name.clone(), alarm)]),
        ..Found::default()
    };
    let against = setup(&theirs, &found, None).expect_err("five differences");
    let text: Vec<String> = against.iter().map(ToString::to_string).collect();
    let what = ["the logging configuration", "role richter-", "metric filter", "dashboard", "alarm"];
    for (difference, what) in text.iter().zip(what) {
        assert!(difference.starts_with(what) && difference.contains("found:"), "{difference}");
    }
    assert_eq!(text.len(), what.len());
    assert!(text[0].contains("theirs") && text[0].contains("--existing adopt"), "{}", text[0]);
}

#[test]
fn bodies_that_go_to_s3_are_not_let_into_the_log_group_unasked() {
    let found = |bodies| Found { logging: Some(to_s3(bodies)), ..Found::default() };
    let against = setup(&wanted(Existing::Merge), &found(true), None).expect_err("bodies are on");
    assert!(against[0].hint.contains("bodies"), "{against:?}");
    let plan = setup(&wanted(Existing::Merge), &found(false), None).expect("merged");
    let put = plan.steps.iter().find_map(|step| match &step.call {
        Call::PutLogging { config, .. } => Some(config),
        _ => None,
    });
    let put = put.expect("the group is added");
    assert_eq!(put.s3_config, to_s3(false).s3_config, "S3 goes on");
    assert_eq!(put.cloud_watch_config.as_ref().map(|logs| &*logs.log_group_name), Some("/richter/bedrock"));
}

#[test]
fn teardown_leaves_what_somebody_changed_since_and_a_group_that_others_use() {
    let mut account = Account::default();
    let (_, mut state) = set_up(&mut account, &wanted(Existing::Merge), None);
    account.found.logging = Some(to_logs("another"));
    let foreign = Filter { name: "theirs".to_owned(), ..wanted(Existing::Merge).filters[0].clone() };
    account.found.filters.insert("theirs".to_owned(), foreign.clone());
    let plan = tear_down(&mut account, &mut state);
    assert_eq!(plan.left.len(), 2, "{:?}", plan.left);
    assert_eq!(account.found.logging, Some(to_logs("another")));
    assert_eq!(account.found.filters.keys().collect::<Vec<_>>(), ["theirs"]);
    let remain: Vec<String> = state.items.iter().map(|item| item.made.describe(&state.group)).collect();
    assert_eq!(remain, ["log group /richter/bedrock", "the logging configuration"]);
}

#[test]
fn logs_are_kept_when_that_is_asked_and_everything_else_goes() {
    let mut account = Account::default();
    let (_, mut state) = set_up(&mut account, &wanted(Existing::Merge), None);
    let plan = teardown(&account.found, &state, true);
    now(walk(&plan, &mut state, async |call| account.act(call), |_| Ok(()))).expect("torn down");
    assert!(account.found.group.is_some() && account.found.logging.is_none());
    assert!(state.items.is_empty(), "it is the user's from now on");
}

#[test]
fn a_changed_wish_changes_what_is_ours_and_remembers_what_stood_there_first() {
    let mut account = Account {
        found: Found { logging: Some(to_logs("theirs")), ..Found::default() },
        ..Account::default()
    };
    let (_, state) = set_up(&mut account, &wanted(Existing::Replace), None);
    let mut other = wanted(Existing::Replace);
    other.logging.text_data_delivery_enabled = Some(true);
    other.retention_days = 7;
    other.alarms[0].threshold = 1.0;
    let (steps, mut state) = set_up(&mut account, &other, Some(state));
    assert_eq!(steps.expect("changed"), 3, "retention, configuration, alarm");
    assert_eq!(account.found.alarms[&other.alarms[0].name].threshold, 1.0);
    tear_down(&mut account, &mut state);
    assert_eq!(account.found.logging, Some(to_logs("theirs")));
}
