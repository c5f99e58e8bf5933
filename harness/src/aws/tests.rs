//! Every way in, against the mock with its checks of signatures switched on. The environment of a process cannot be
//! changed safely while it runs, so each look at AWS is a child: this test binary once more, with one test and an
//! environment of its own.

use std::{env, fs, path::PathBuf, process::Command};

use richter_mock_bedrock::server::{self, Running, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, method, path, query_param},
};

use super::*;

/// Names the child's arguments: `--profile` and so on, as JSON.
const CHILD: &str = "RICHTER_TEST_AWS_ARGS";
const MARK: &str = "the child says: ";

#[derive(Debug, clap::Parser)]
struct Line {
    #[command(flatten)]
    aws: AwsArgs,
}

/// The child's part: finds its way in as a command does, and says what came of it.
#[test]
fn child() {
    let Ok(args) = env::var(CHILD) else { return };
    let args: Vec<String> = serde_json::from_str(&args).expect("arguments");
    let line = <Line as clap::Parser>::parse_from(std::iter::once("richter".to_owned()).chain(args));
    let said = runtime().block_on(async {
        let access = match load(&line.aws, Some("us-east-1")).await {
            Ok(access) => access,
            Err(error) => return json!({ "what": error.what, "fix": error.fix }),
        };
        let bedrock = aws_sdk_bedrock::Client::new(access.config());
        let models = bedrock.list_foundation_models().send().await;
        let models = models
            .map(|models| models.model_summaries().len())
            .map_err(|error| access.refused("bedrock:ListFoundationModels", &error).to_string());
        let identity = access.identity().await;
        json!({
            "source": access.source().to_string(),
            "debug": format!("{access:?}"),
            "region": access.region(),
            "expires": access.expires().is_some(),
            "fips": access.config().use_fips(),
            "models": models.as_ref().ok(),
            "arn": identity.as_ref().ok().map(|identity| identity.arn.clone()),
            "refused": identity.err().map(|error| json!([error.what, error.fix])),
            "bedrock": models.err(),
        })
    });
    println!("\n{MARK}{said}");
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// A home with its files, and a mock that knows one user's keys.
struct Bench {
    runtime: Runtime,
    home: TempDir,
    mock: Option<Running>,
}

const KEYS: &str = "aws_access_key_id = AKIAUSER\naws_secret_access_key = secret-of-user\n";

impl Bench {
    fn new() -> Bench {
        Bench::with(Settings::default())
    }

    fn with(settings: Settings) -> Bench {
        let credentials = serde_json::from_value(json!({
            "access_keys": {
                "AKIAUSER": { "secret": "secret-of-user" },
                "ASIAOLD": { "secret": "old", "session_token": "stale-token", "expires_unix_s": 1 },
                "ASIASSO": { "secret": "secret-of-sso", "session_token": "token-of-sso", "account": "222233334444" },
            },
            "api_keys": [{ "key": "ABSKZ29vZA==" }],
        }));
        let settings = Settings { credentials: credentials.expect("credentials"), ..settings };
        let runtime = runtime();
        let mock = runtime.block_on(server::start(settings)).expect("it starts");
        Bench { runtime, home: tempfile::tempdir().expect("a folder"), mock: Some(mock) }
    }

    fn url(&self) -> String {
        self.mock.as_ref().expect("it runs").base_url()
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, text).expect("written");
        path
    }

    fn config(&self, text: &str) -> &Bench {
        self.file(".aws/config", text);
        self
    }

    /// What a look at AWS says, with these arguments and variables and none besides.
    fn look(&self, args: &[&str], variables: &[(&str, &str)]) -> Value {
        let mut child = Command::new(env::current_exe().expect("a path"));
        child
            .args(["--exact", "aws::tests::child", "--nocapture"])
            .env_clear()
            .env("HOME", self.home.path())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_ENDPOINT_URL", self.url())
            .env(CHILD, json!(args).to_string())
            .envs(variables.iter().copied());
        let output = child.output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}\n{errors}");
        for secret in ["secret-of", "token-of", "ABSKZ29vZA==", "stale-token"] {
            assert!(
                !text.contains(secret) && !errors.contains(secret),
                "a secret is shown: {text}\n{errors}"
            );
        }
        let said = text.lines().find_map(|line| line.strip_prefix(MARK)).expect("it says something");
        serde_json::from_str(said).expect("JSON")
    }

    /// A stand-in for the other places that credentials come from.
    fn other(&self, mocks: Vec<Mock>) -> MockServer {
        self.runtime.block_on(async {
            let server = MockServer::start().await;
            for mock in mocks {
                mock.mount(&server).await;
            }
            server
        })
    }
}

/// An identity token that is good until 2100.
const JWT: &str = "e30.eyJzdWIiOiJwb2QiLCJleHAiOjQxMDI0NDQ4MDB9.c2ln";

fn let_in(said: &Value, arn: &str, source: &str) {
    assert!(said["models"].as_u64().is_some_and(|models| models > 0), "{said}");
    assert_eq!((said["arn"].as_str(), said["source"].as_str()), (Some(arn), Some(source)), "{said}");
}

const USER: &str = "arn:aws:iam::111122223333:user/richter";

#[test]
fn keys_come_from_the_environment_and_from_profiles_and_a_profile_named_on_purpose_goes_first() {
    let bench = Bench::new();
    bench.config(&format!("[default]\n{KEYS}region = eu-west-1\n[profile wrong]\naws_access_key_id = AKIANOBODY\naws_secret_access_key = x\n"));
    let keys = [("AWS_ACCESS_KEY_ID", "AKIAUSER"), ("AWS_SECRET_ACCESS_KEY", "secret-of-user")];
    let environment = "the environment (AWS_ACCESS_KEY_ID)";
    let said = bench.look(&[], &keys);
    let_in(&said, USER, environment);
    assert_eq!(said["region"], "eu-west-1", "the profile's");
    let_in(&bench.look(&[], &[]), USER, "profile default (access keys)");
    let_in(&bench.look(&["--profile", "default"], &[]), USER, "profile default (access keys)");
    // AWS_PROFILE does not go before keys in the environment; --profile does, as with the AWS CLI.
    let with_profile = [keys[0], keys[1], ("AWS_PROFILE", "wrong")];
    let_in(&bench.look(&[], &with_profile), USER, environment);
    let said = bench.look(&["--profile", "wrong"], &keys);
    assert!(said["refused"][0].as_str().is_some_and(|text| text.contains("InvalidClientTokenId")), "{said}");
    assert_eq!(said["refused"][1], "run `aws configure --profile wrong`, or `aws login --profile wrong`");
    let said = bench.look(&[], &[("AWS_DEFAULT_PROFILE", "wrong")]);
    assert_eq!(said["source"], "profile wrong (access keys)", "the CLI's other variable counts too");
}

#[test]
fn regions_come_from_arguments_then_the_environment_then_the_profile_then_the_command() {
    let bench = Bench::new();
    bench.config(&format!("[default]\n{KEYS}[profile there]\n{KEYS}region = eu-west-1\n"));
    let region = |args: &[&str], variables: &[(&str, &str)]| bench.look(args, variables)["region"].clone();
    assert_eq!(region(&[], &[]), "us-east-1");
    assert_eq!(region(&["--profile", "there"], &[]), "eu-west-1");
    assert_eq!(region(&["--profile", "there"], &[("AWS_REGION", "us-west-2")]), "us-west-2");
    assert_eq!(
        region(&["--region", "us-east-2", "--region", "x"], &[("AWS_REGION", "us-west-2")]),
        "us-east-2"
    );
}

#[test]
fn a_role_is_assumed_from_a_profile_and_from_a_web_identity() {
    let bench = Bench::new();
    let token = bench.file("token", JWT);
    let token = token.to_str().expect("text");
    bench.config(&format!(
        "[profile base]\n{KEYS}\n[profile role]\nrole_arn = arn:aws:iam::444455556666:role/caller\nsource_profile = base\n\
         role_session_name = me\n\
         [profile pod]\nrole_arn = arn:aws:iam::444455556666:role/pod\nweb_identity_token_file = {token}\n\
         role_session_name = me\n"
    ));
    let said = bench.look(&["--profile", "role"], &[]);
    let_in(&said, "arn:aws:sts::444455556666:assumed-role/caller/me", "profile role (access keys)");
    assert_eq!(said["expires"], true);
    let pod = "arn:aws:sts::444455556666:assumed-role/pod/me";
    let_in(&bench.look(&["--profile", "pod"], &[]), pod, "profile pod (web identity)");
    let variables = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token),
        ("AWS_ROLE_ARN", "arn:aws:iam::444455556666:role/pod"),
        ("AWS_ROLE_SESSION_NAME", "me"),
    ];
    let_in(&bench.look(&[], &variables), pod, "a web identity (AWS_WEB_IDENTITY_TOKEN_FILE)");
    fs::write(token, "e30.eyJleHAiOjF9.c2ln").expect("written");
    let said = bench.look(&[], &variables);
    assert!(said["what"].as_str().is_some_and(|text| text.contains("Token expired")), "{said}");
    assert!(said["fix"].as_str().is_some_and(|text| text.contains("AWS_WEB_IDENTITY_TOKEN_FILE")), "{said}");
}

/// Name of the file in which the CLI keeps a session's token.
fn sso_cache(token: &str, expires: &str) -> (&'static str, String) {
    // SHA-1 of "corp".
    let name = ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";
    let text = json!({ "accessToken": token, "expiresAt": expires, "region": "us-east-1", "startUrl": "https://corp" });
    (name, text.to_string())
}

const SSO: &str = "[profile sso]\nsso_session = corp\nsso_account_id = 222233334444\nsso_role_name = dev\n\
                   [sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.awsapps.com/start\n";

#[test]
fn an_sso_session_is_used_while_it_lasts_and_then_the_command_that_renews_it_is_named() {
    let bench = Bench::new();
    bench.config(SSO);
    let roles = Mock::given(method("GET"))
        .and(path("/federation/credentials"))
        .and(query_param("role_name", "dev"))
        .and(query_param("account_id", "222233334444"))
        .and(header("x-amz-sso_bearer_token", "token-of-sso"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "roleCredentials": {
            "accessKeyId": "ASIASSO", "secretAccessKey": "secret-of-sso", "sessionToken": "token-of-sso",
            "expiration": 4_102_444_800_000_u64,
        } })));
    let portal = bench.other(vec![roles]);
    let (name, text) = sso_cache("token-of-sso", "2100-01-01T00:00:00Z");
    bench.file(name, &text);
    let uri = portal.uri();
    let variables = [("AWS_ENDPOINT_URL_SSO", &*uri)];
    let said = bench.look(&["--profile", "sso"], &variables);
    let_in(&said, "arn:aws:iam::222233334444:user/richter", "profile sso (SSO)");
    let (_, text) = sso_cache("token-of-sso", "2020-01-01T00:00:00Z");
    let cached = bench.file(name, &text);
    for gone in [false, true] {
        if gone {
            fs::remove_file(&cached).expect("removed");
        }
        let said = bench.look(&["--profile", "sso"], &variables);
        assert_eq!(said["fix"], "run `aws sso login --profile sso`", "{said}");
        assert!(said["what"].as_str().is_some_and(|text| text.contains("SSO token")), "{said}");
    }
}

/// A private key in the form that `aws login` keeps: the number one, and good for nothing.
fn key_one() -> String {
    let kind = "EC PRIVATE KEY";
    let body = "MHcCAQEEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABoAoGCCqGSM49\n\
                AwEHoUQDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/\n\
                m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==";
    format!("-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n")
}

#[test]
fn a_login_session_is_used_and_renewed_and_when_it_is_over_the_command_for_a_new_one_is_named() {
    let bench = Bench::new();
    bench.config("[profile me]\nlogin_session = arn:aws:iam::222233334444:user/me\n");
    let keys = json!({ "accessKeyId": "ASIASSO", "secretAccessKey": "secret-of-sso", "sessionToken": "token-of-sso" });
    let cache = |expires: &str| {
        let mut token = keys.clone();
        token["accountId"] = "222233334444".into();
        token["expiresAt"] = expires.into();
        json!({
            "accessToken": token, "tokenType": "aws_sigv4", "refreshToken": "token-of-refresh",
            "clientId": "arn:aws:signin:::devtools/same-device", "dpopKey": key_one(),
        })
        .to_string()
    };
    // SHA-256 of the session.
    let file = ".aws/login/cache/bb235e5d76fad8a1c750e4db96d97b893ae31011acd9649e49169ef5c778a60a.json";
    let user = "arn:aws:iam::222233334444:user/richter";
    bench.file(file, &cache("2100-01-01T00:00:00Z"));
    let_in(&bench.look(&["--profile", "me"], &[]), user, "profile me (aws login)");

    let renewed = json!({
        "accessToken": keys, "refreshToken": "token-of-refresh-2", "expiresIn": 900, "tokenType": "aws_sigv4",
    });
    let good = Mock::given(method("POST")).and(path("/v1/token"));
    let good = bench.other(vec![good.respond_with(ResponseTemplate::new(200).set_body_json(renewed))]);
    bench.file(file, &cache("2020-01-01T00:00:00Z"));
    let uri = good.uri();
    let_in(
        &bench.look(&["--profile", "me"], &[("AWS_ENDPOINT_URL_SIGNIN", &uri)]),
        user,
        "profile me (aws login)",
    );

    let over = json!({ "error": "TOKEN_EXPIRED", "message": "over" });
    let over = ResponseTemplate::new(401)
        .insert_header("x-amzn-errortype", "AccessDeniedException")
        .set_body_json(over);
    let bad = bench.other(vec![Mock::given(method("POST")).and(path("/v1/token")).respond_with(over)]);
    bench.file(file, &cache("2020-01-01T00:00:00Z"));
    let uri = bad.uri();
    let said = bench.look(&["--profile", "me"], &[("AWS_ENDPOINT_URL_SIGNIN", &uri)]);
    assert_eq!(said["fix"], "run `aws login --profile me`", "{said}");
    assert!(said["what"].as_str().is_some_and(|text| text.contains("Your session has expired")), "{said}");
}

#[test]
fn a_process_gives_the_credentials_of_its_profile_and_one_that_fails_is_named() {
    let bench = Bench::new();
    let keys = json!({
        "Version": 1, "AccessKeyId": "ASIASSO", "SecretAccessKey": "secret-of-sso", "SessionToken": "token-of-sso",
        "Expiration": "2100-01-01T00:00:00Z",
    });
    let told = bench.file("keys.json", &keys.to_string());
    let config = |process: &str| format!("[profile tool]\ncredential_process = {process}\n");
    bench.config(&config(&format!("/bin/cat {}", told.display())));
    let user = "arn:aws:iam::222233334444:user/richter";
    let_in(&bench.look(&["--profile", "tool"], &[]), user, "profile tool (credential_process)");
    bench.config(&config("/bin/false"));
    let said = bench.look(&["--profile", "tool"], &[]);
    assert_eq!(
        said["fix"], "run the credential_process of profile tool by hand, and see what it says",
        "{said}"
    );
}

#[test]
fn a_container_gives_the_credentials_of_its_role() {
    let bench = Bench::new();
    let keys = json!({
        "AccessKeyId": "ASIASSO", "SecretAccessKey": "secret-of-sso", "Token": "token-of-sso",
        "Expiration": "2100-01-01T00:00:00Z",
    });
    let pod = Mock::given(path("/pod")).and(header("authorization", "token-of-pod"));
    let pod = bench.other(vec![pod.respond_with(ResponseTemplate::new(200).set_body_json(keys))]);
    let uri = format!("{}/pod", pod.uri());
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*uri),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token-of-pod"),
    ];
    // A proxy that nobody answers shows that none is asked for this machine.
    let variables =
        [&variables[..], &[("HTTP_PROXY", "http://127.0.0.1:9"), ("HTTPS_PROXY", "http://127.0.0.1:9")]];
    let said = bench.look(&[], &variables.concat());
    let_in(&said, "arn:aws:iam::222233334444:user/richter", "the role of this container or instance");
}

#[test]
fn an_api_key_is_enough_for_bedrock_and_identity_is_then_unknown() {
    let bench = Bench::new();
    let said = bench.look(&[], &[("AWS_BEARER_TOKEN_BEDROCK", "ABSKZ29vZA==")]);
    assert!(said["models"].as_u64().is_some_and(|models| models > 0), "{said}");
    assert_eq!(said["source"], "a Bedrock API key (AWS_BEARER_TOKEN_BEDROCK)");
    assert!(
        said["refused"][0].as_str().is_some_and(|text| text.contains("only a Bedrock API key")),
        "{said}"
    );
    let said = bench.look(&[], &[("AWS_BEARER_TOKEN_BEDROCK", "ABSKbm9ib2R5")]);
    let refused = said["bedrock"].as_str().unwrap_or_default();
    assert!(refused.contains("Please make sure your API Key is valid"), "{said}");
}

#[test]
fn an_authority_of_ones_own_is_trusted_by_argument_variable_or_profile_and_no_other() {
    let bench = Bench::with(Settings { tls: true, ..Settings::default() });
    let ca = bench.home.path().join("ca.pem");
    let tls = bench.mock.as_ref().and_then(Running::tls).expect("it speaks TLS");
    tls.write_authority(&ca).expect("written");
    let ca = ca.to_str().expect("text");
    bench.config(&format!("[default]\n{KEYS}[profile ca]\n{KEYS}ca_bundle = {ca}\n"));
    let keys = "profile default (access keys)";
    let_in(&bench.look(&["--ca-bundle", ca], &[]), USER, keys);
    let_in(&bench.look(&[], &[("AWS_CA_BUNDLE", ca)]), USER, keys);
    let_in(&bench.look(&["--profile", "ca"], &[]), USER, "profile ca (access keys)");
    let said = bench.look(&[], &[]);
    assert!(said["refused"][1].as_str().is_some_and(|fix| fix.contains("--ca-bundle")), "{said}");
    let said = bench.look(&["--ca-bundle", "/nowhere.pem"], &[]);
    assert!(
        said["what"].as_str().is_some_and(|text| text.starts_with("--ca-bundle: /nowhere.pem: ")),
        "{said}"
    );
}

#[test]
fn calls_go_to_the_endpoint_that_the_argument_or_the_variable_of_the_service_names() {
    let bench = Bench::new();
    bench.config(&format!("[default]\n{KEYS}"));
    let url = bench.url();
    let nowhere = ("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let said = bench.look(&["--endpoint-url", &url], &[nowhere]);
    let_in(&said, USER, "profile default (access keys)");
    let said = bench.look(&[], &[nowhere, ("AWS_ENDPOINT_URL_BEDROCK", &url)]);
    assert!(said["models"].as_u64().is_some_and(|models| models > 0), "{said}");
    assert!(said["refused"][1].as_str().is_some_and(|fix| fix.contains("--endpoint-url")), "{said}");
}

#[test]
fn fips_is_asked_for_by_argument_or_variable() {
    let bench = Bench::new();
    bench.config(&format!("[default]\n{KEYS}"));
    assert_eq!(bench.look(&["--fips"], &[])["fips"], true);
    assert_eq!(bench.look(&[], &[("AWS_USE_FIPS_ENDPOINT", "true")])["fips"], true);
    assert_eq!(bench.look(&[], &[])["fips"], Value::Null);
}

#[test]
fn whoever_has_no_credentials_or_old_ones_is_told_what_to_do() {
    let bench = Bench::new();
    let fix = |args: &[&str], variables: &[(&str, &str)]| {
        let said = bench.look(args, variables);
        let of_call = said["refused"][1].clone();
        said["fix"].as_str().or(of_call.as_str()).unwrap_or_default().to_owned()
    };
    assert_eq!(fix(&[], &[]), "run `aws login`, or `aws configure sso`");
    let stale = [
        ("AWS_ACCESS_KEY_ID", "ASIAOLD"),
        ("AWS_SECRET_ACCESS_KEY", "old"),
        ("AWS_SESSION_TOKEN", "stale-token"),
    ];
    assert!(fix(&[], &stale).starts_with("set AWS_ACCESS_KEY_ID"), "{}", fix(&[], &stale));
    let profiles = [
        "[profile production]\nregion = us-east-1\n",
        "[profile a]\nrole_arn = arn:aws:iam::444455556666:role/x\nsource_profile = b\n",
        "[profile b]\nrole_arn = arn:aws:iam::444455556666:role/x\nsource_profile = a\n",
        "[profile lost]\nrole_arn = arn:aws:iam::444455556666:role/x\nsource_profile = gone\n",
        "[profile mfa]\nrole_arn = x\nsource_profile = keys\nmfa_serial = arn:aws:iam::1:mfa/me\n[profile keys]\n",
        KEYS,
    ];
    bench.config(&profiles.concat());
    assert!(fix(&[], &[]).contains("or name one of the profiles"), "{}", fix(&[], &[]));
    assert_eq!(fix(&["--profile", "prodution"], &[]), "did you mean production?");
    assert!(fix(&["--profile", "x"], &[]).starts_with("known are a, b, keys"));
    assert!(fix(&["--profile", "a"], &[]).contains("source_profile"));
    assert_eq!(fix(&["--profile", "lost"], &[]), "add that profile, or name another");
    assert!(fix(&["--profile", "mfa"], &[]).contains("aws configure export-credentials --profile mfa"));
    bench.config("[profile x\n");
    assert!(fix(&[], &[]).contains("AWS_CONFIG_FILE"), "{}", fix(&[], &[]));
}
