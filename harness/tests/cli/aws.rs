//! `doctor` and `iam-policy` as a user meets them, against the mock in this process.

use std::process::Command;

use aws_sdk_bedrock::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::{LoggingConfig, S3Config},
};
use richter::{ground::served, scenario};
use richter_core::live::{Trust, http_client};
use richter_mock_bedrock::server::{
    self, Running, Settings,
    asked::{Asked, Need},
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use super::{Desk, Ran};

const HAIKU: &str = "anthropic.claude-3-haiku-20240307-v1:0";

/// Every kind of target that AWS has.
const SCENARIO: &str = "version: 1
name: all-ways
question: Can all of this be called from here?
targets:
  east: { on_demand: { region: us-east-1, model: anthropic.claude-3-haiku-20240307-v1:0 } }
  us: { profile: { source: us-east-1, id: us.anthropic.claude-3-haiku-20240307-v1:0 } }
  world: { profile: { source: us-east-1, id: global.anthropic.claude-3-haiku-20240307-v1:0 } }
world:
  regions: { us-east-1: {}, us-east-2: {}, us-west-2: {} }
  models:
    anthropic.claude-3-haiku-20240307-v1:0: { first_token: 20ms, per_token: 1ms, max_output: 100 }
  quotas:
    on_demand: { us-east-1: { requests: 6000/min, tokens: 9M/min } }
    profile: { us-east-1: { requests: 60/min, tokens: 9M/min } }
    global_profile: { us-east-1: { requests: 6000/min, tokens: 9M/min } }
traffic:
  mix:
    ask: { share: 50%, api: converse, input: 10, output: 10, max_tokens: 50 }
    talk: { share: 50%, api: converse_stream, input: 10, output: 10, max_tokens: 50 }
  phases:
    - { name: all, for: 20s, rate: 20/s }
strategies:
  only: { direct: { target: east } }
  profile: { direct: { target: us } }
  everywhere: { direct: { target: world } }
";

struct Clinic {
    desk: Desk,
    runtime: Runtime,
    mock: Running,
}

impl Clinic {
    fn new(change: impl FnOnce(&mut Settings)) -> Clinic {
        let desk = Desk::new();
        desk.file("s.yaml", SCENARIO);
        let checked = scenario::load(&desk.path("s.yaml"));
        let plan = checked.unwrap_or_else(|problems| panic!("{}", problems.render(false))).plan;
        let mut settings = served::settings(&plan).expect("a world without problems");
        let known = json!({ "access_keys": {
            "AKIAUSER": { "secret": "s" },
            "ASIAOLD": { "secret": "s", "session_token": "t", "expires_unix_s": 1 },
        } });
        settings.credentials = serde_json::from_value(known).expect("credentials");
        change(&mut settings);
        let runtime = Runtime::new().expect("a runtime");
        let mock = runtime.block_on(server::start(settings)).expect("it starts");
        Clinic { desk, runtime, mock }
    }

    /// With little to complain of: logging is on, to a bucket.
    fn sound(change: impl FnOnce(&mut Settings)) -> Clinic {
        let clinic = Clinic::new(change);
        let bucket = S3Config::builder().bucket_name("logs").build().expect("whole");
        let config = LoggingConfig::builder().s3_config(bucket).build();
        let put = clinic.client().put_model_invocation_logging_configuration().logging_config(config).send();
        clinic.runtime.block_on(put).expect("it is put");
        clinic
    }

    fn client(&self) -> Client {
        let config = aws_sdk_bedrock::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("AKIAUSER", "s", None, None, "test"))
            .http_client(http_client(&Trust::System))
            .endpoint_url(self.mock.base_url());
        Client::from_conf(config.build())
    }

    fn command(&self) -> Command {
        let mut command = self.desk.command();
        command
            .env("HOME", self.desk.path(""))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_ENDPOINT_URL", self.mock.base_url());
        for name in ["AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_BEARER_TOKEN_BEDROCK"] {
            command.env_remove(name);
        }
        command.env("AWS_ACCESS_KEY_ID", "AKIAUSER").env("AWS_SECRET_ACCESS_KEY", "s");
        command
    }

    fn doctor(&self) -> Report {
        self.doctor_with(|_| ())
    }

    fn doctor_with(&self, change: impl FnOnce(&mut Command)) -> Report {
        let mut command = self.command();
        command.args(["doctor", "s.yaml", "--json"]);
        change(&mut command);
        let ran = Ran::of(command.output().expect("it starts"));
        let json = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err));
        Report { code: ran.code, json }
    }
}

struct Report {
    code: u8,
    json: Value,
}

impl Report {
    fn checks(&self) -> impl Iterator<Item = &Value> {
        self.json["checks"].as_array().expect("a list").iter()
    }

    /// Check and what it is about, of those with a status.
    fn with(&self, status: &str) -> Vec<String> {
        let wanted = self.checks().filter(|check| check["status"] == status);
        wanted.map(|check| format!("{} {}", text(&check["check"]), text(&check["about"]))).collect()
    }

    /// All text of one failed check.
    fn failed(&self, kind: &str) -> String {
        assert_eq!(self.code, 4, "{:#}", self.json);
        let check = self.checks().find(|check| check["check"] == kind && check["status"] == "fail");
        check.unwrap_or_else(|| panic!("{kind} did not fail: {:#}", self.json)).to_string()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

#[test]
fn a_sound_account_has_only_a_quota_and_a_log_group_to_be_warned_of() {
    let report = Clinic::sound(|_| ()).doctor();
    assert_eq!(report.code, 0, "{:#}", report.json);
    let quota = "quota profile anthropic.claude-3-haiku-20240307-v1:0 in us-east-1 (us)";
    let mut warned = report.with("warn");
    warned.sort();
    assert_eq!(warned, ["logging us-east-1", quota], "{:#}", report.json);
    let ok = report.with("ok");
    for about in ["credentials ", "clock ", "identity ", "destination us-west-2", "open_files "] {
        assert!(ok.iter().any(|check| check == about), "no {about} in {ok:?}");
    }
    assert_eq!(report.json["version"], 1);
    assert_eq!(report.json["fail"], 0);
}

#[test]
fn each_thing_that_is_wrong_with_an_account_fails_with_its_fix() {
    let clinic = Clinic::sound(|_| ());
    let none = clinic.doctor_with(|command| {
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    });
    assert!(none.failed("credentials").contains("aws login"));
    let old = clinic.doctor_with(|command| {
        command.env("AWS_ACCESS_KEY_ID", "ASIAOLD").env("AWS_SESSION_TOKEN", "t");
    });
    assert!(old.failed("identity").contains("ExpiredToken"), "{:#}", old.json);

    let withheld = Clinic::sound(|settings| settings.forbidden.models = vec![HAIKU.into()]).doctor();
    assert!(withheld.failed("model").contains("no access"));

    let closed = Clinic::sound(|settings| settings.forbidden.regions = vec!["us-west-2".into()]).doctor();
    let told = closed.failed("destination");
    assert!(
        told.contains("us-west-2") && told.contains("organisation") && told.contains("breaks us"),
        "{told}"
    );

    let moved = SCENARIO.replace("source: us-east-1, id: us.", "source: us-east-2, id: us.");
    clinic.desk.file("s.yaml", &moved);
    assert!(clinic.doctor().with("ok").iter().any(|check| check.starts_with("profile us: us.")));
    clinic.desk.file("s.yaml", &SCENARIO.replace(HAIKU, "anthropic.claude-3-sonnet-20240229-v1:0"));
    let missing = clinic.doctor();
    assert!(missing.failed("model").contains("ResourceNotFoundException"), "{:#}", missing.json);
    assert!(missing.failed("profile").contains("ResourceNotFoundException"), "{:#}", missing.json);
}

#[test]
fn a_clock_that_is_an_hour_off_and_too_few_open_files_fail() {
    let clinic = Clinic::sound(|_| ());
    let late = clinic.runtime.block_on(async {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(404).insert_header("date", "Fri, 27 Nov 2015 06:00:00 GMT");
        Mock::given(any()).respond_with(answer).mount(&server).await;
        server
    });
    let off = clinic.doctor_with(|command| {
        command.env("AWS_ENDPOINT_URL_BEDROCK", late.uri());
    });
    assert!(off.failed("clock").contains("ahead of AWS"));
    let busy =
        SCENARIO.replace("rate: 20/s", "rate: 200000/s").replace("first_token: 20ms", "first_token: 2s");
    clinic.desk.file("s.yaml", &busy);
    let few = clinic.doctor_with(|command| {
        let mut shell = Command::new("sh");
        let set = command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        shell.envs(set).current_dir(clinic.desk.path("")).arg("-c");
        shell.arg("ulimit -n 256; exec \"$0\" doctor s.yaml --json").arg(command.get_program());
        *command = shell;
    });
    assert!(few.failed("open_files").contains("ulimit -n"));
    assert!(few.failed("cpu").contains("cores"));
}

#[test]
fn doctor_prints_for_people_and_its_lines_fit_a_terminal() {
    let clinic = Clinic::new(|settings| settings.forbidden.regions = vec!["us-west-2".into()]);
    let mut command = clinic.command();
    let ran = Ran::of(command.args(["doctor", "s.yaml"]).output().expect("richter starts"));
    assert_eq!(ran.code, 4);
    assert!(ran.out.lines().all(|line| line.chars().count() <= 110), "{}", ran.out);
    assert!(ran.out.contains("fail  destination  us-west-2: closed by a policy"), "{}", ran.out);
    assert!(ran.out.contains("fix: turn it on in the Bedrock console"), "{}", ran.out);
    assert!(ran.out.ends_with(" fail\n"), "{}", ran.out);
}

/// As IAM judges one question.
fn allows(statement: &Value, action: &str, need: &Need) -> bool {
    let any = |list: &Value, value: &str| {
        list.as_array().expect("a list").iter().any(|pattern| like(text(pattern), value))
    };
    let holds = |key: &str, values: &Value| match key {
        "aws:RequestedRegion" => any(values, &need.requested_region),
        "bedrock:InferenceProfileArn" => {
            need.inference_profile.as_ref().is_some_and(|profile| any(values, profile))
        }
        key => panic!("no request says anything of {key}"),
    };
    let conditions = statement["Condition"].as_object().into_iter().flatten();
    let mut tests = conditions.flat_map(|(_, tests)| tests.as_object().expect("tests"));
    any(&statement["Action"], action)
        && any(&statement["Resource"], &need.resource)
        && tests.all(|(key, values)| holds(key, values))
}

fn like(pattern: &str, value: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == value,
        Some((start, rest)) => value.strip_prefix(start).is_some_and(|value| {
            (0..=value.len()).any(|at| value.is_char_boundary(at) && like(rest, &value[at..]))
        }),
    }
}

fn statements(policy: &Value) -> Vec<Value> {
    policy["Statement"].as_array().expect("a list").clone()
}

/// Everything that was asked is allowed, and everything that is allowed was asked: each action on each resource, and
/// each value of each condition.
fn hold_against(policy: &Value, asked: &[Asked]) {
    let statements = statements(policy);
    for asked in asked {
        for need in &asked.needs {
            let allowed = statements.iter().any(|statement| allows(statement, &asked.action, need));
            assert!(allowed, "not allowed: {} on {need:?}\n{policy:#}", asked.action);
        }
    }
    for statement in &statements {
        let used = |narrowed: &Value| {
            asked.iter().any(|asked| asked.needs.iter().any(|need| allows(narrowed, &asked.action, need)))
        };
        for (list, value) in ["Action", "Resource"].into_iter().flat_map(|list| {
            let values = statement[list].as_array().expect("a list").clone();
            values.into_iter().map(move |value| (list, value))
        }) {
            let mut narrowed = statement.clone();
            narrowed[list] = json!([value]);
            assert!(used(&narrowed), "never asked: {value} of {statement:#}");
        }
        for (operator, tests) in statement["Condition"].as_object().into_iter().flatten() {
            for (key, values) in tests.as_object().expect("tests") {
                for value in values.as_array().expect("a list") {
                    let mut narrowed = statement.clone();
                    narrowed["Condition"][operator][key] = json!([value]);
                    assert!(used(&narrowed), "never asked: {key} {value} of {statement:#}");
                }
            }
        }
    }
}

fn policy(clinic: &Clinic, args: &[&str]) -> Value {
    let ran = clinic.desk.richter(&[&["iam-policy", "s.yaml", "--account", "111122223333"], args].concat());
    assert_eq!((ran.code, &*ran.err), (0, ""), "{}", ran.out);
    serde_json::from_str(&ran.out).expect("JSON")
}

#[test]
fn doctors_policy_allows_what_doctor_asks_and_nothing_else() {
    let clinic = Clinic::new(|_| ());
    assert_eq!(clinic.doctor().code, 0);
    hold_against(&policy(&clinic, &["--mode", "doctor"]), &clinic.mock.asked());
}

/// As the run's driver calls them: each target by each operation of the traffic.
async fn call_everything(url: &str) {
    use aws_sdk_bedrockruntime::{
        Client,
        types::{ContentBlock, ConversationRole, Message},
    };
    let config = aws_config::SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(aws_sdk_bedrock::config::SharedCredentialsProvider::new(Credentials::new(
            "AKIAUSER", "s", None, None, "test",
        )))
        .http_client(http_client(&Trust::System))
        .endpoint_url(url)
        .build();
    let sts = aws_sdk_sts::Client::new(&config);
    sts.get_caller_identity().send().await.expect("an identity");
    let client = Client::new(&config);
    let question =
        Message::builder().role(ConversationRole::User).content(ContentBlock::Text("Hello".into()));
    let question = question.build().expect("whole");
    for prefix in ["", "us.", "global."] {
        let id = format!("{prefix}{HAIKU}");
        client.converse().model_id(&id).messages(question.clone()).send().await.expect("an answer");
        client.converse_stream().model_id(&id).messages(question.clone()).send().await.expect("a stream");
    }
}

#[test]
fn runs_policy_allows_what_a_run_calls_and_nothing_else() {
    let clinic = Clinic::new(|_| ());
    clinic.runtime.block_on(call_everything(&clinic.mock.base_url()));
    hold_against(&policy(&clinic, &[]), &clinic.mock.asked());
}

#[test]
fn a_policy_that_lacks_something_or_allows_too_much_is_found_out() {
    let clinic = Clinic::new(|_| ());
    clinic.runtime.block_on(call_everything(&clinic.mock.base_url()));
    let (whole, asked) = (policy(&clinic, &[]), clinic.mock.asked());
    let holds = |policy: &Value| std::panic::catch_unwind(|| hold_against(policy, &asked)).is_ok();
    for place in 0..statements(&whole).len() {
        let mut less = whole.clone();
        less["Statement"].as_array_mut().expect("a list").remove(place);
        assert!(!holds(&less), "without {}", whole["Statement"][place]);
    }
    let mut more = whole.clone();
    more["Statement"][0]["Action"].as_array_mut().expect("a list").push("bedrock:DeleteEverything".into());
    assert!(!holds(&more));
}

#[test]
fn an_account_that_no_target_is_of_and_an_id_that_is_none_are_wrong_usage() {
    let desk = Desk::new();
    desk.file("s.yaml", SCENARIO);
    let ran = desk.richter(&["iam-policy", "s.yaml", "--of", "444455556666"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("no target is of account 444455556666"), "{}", ran.err);
    assert_eq!(desk.richter(&["iam-policy", "s.yaml", "--account", "4444"]).code, 2);
    let ran = desk.richter(&["iam-policy", "s.yaml"]);
    assert!(ran.code == 0 && ran.err.contains("--account ID narrows"), "{}", ran.err);
}
