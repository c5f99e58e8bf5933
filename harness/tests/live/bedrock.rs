//! The way to the real service, up to a socket on this machine: consent, limits, TLS, signatures, faults on our side.

use std::{
    fs,
    process::{Command, Stdio},
};

use super::{CLIENTS, Desk, Play, Server, adds_up, free_port, phase, plain, wait_for};

const SECRET: &str = "a-secret-that-nobody-may-see";

/// On the real service's way, but to a loopback address.
fn on_bedrock(desk: &Desk, url: &str, more: &[&str]) -> (i32, String) {
    asked(desk, url, "run", more)
}

fn asked(desk: &Desk, url: &str, command: &str, more: &[&str]) -> (i32, String) {
    let keys = [("AWS_ACCESS_KEY_ID", "AKIATEST"), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    asked_as(&keys, desk, &[&[command, "plain.yaml", "--endpoint-url", url], more].concat())
}

/// As somebody with these variables.
fn asked_as(who: &[(&str, &str)], desk: &Desk, args: &[&str]) -> (i32, String) {
    let mut command = desk.command(&[args, &["--on", "bedrock", "--lag-max", "9s"]].concat());
    desk.file("none", "");
    command.env("AWS_CONFIG_FILE", desk.path("none")).env("AWS_SHARED_CREDENTIALS_FILE", desk.path("none"));
    for other in ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK"] {
        command.env_remove(other);
    }
    command.env("AWS_REGION", "us-east-1").envs(who.iter().copied());
    let output = command.stdout(Stdio::piped()).output().expect("it starts");
    let said = [output.stdout, output.stderr].concat();
    // Reports are wrapped.
    let said = String::from_utf8_lossy(&said).split_whitespace().collect::<Vec<_>>().join(" ");
    (output.status.code().unwrap_or(-1), said)
}

#[test]
fn nothing_is_sent_before_somebody_agreed_to_what_it_costs() {
    let desk = Desk::new();
    let server = Server::start(Play::default());
    desk.file("plain.yaml", &plain("10/s", "1s", "{ direct: { target: east } }"));
    let (code, said) = on_bedrock(&desk, &server.url(), &["--dry-run"]);
    assert!(code == 0 && said.contains("requests 10 ") && said.contains("Nothing was sent"), "{said}");
    let (code, said) = on_bedrock(&desk, &server.url(), &[]);
    assert!(code == 5 && said.contains("give --yes to agree"), "{code}: {said}");
    assert_eq!(server.seen(), 0);
    let (code, said) = on_bedrock(&desk, &server.url(), &["--yes"]);
    assert!(code == 0 && said.contains("and not to Amazon Bedrock"), "{code}: {said}");
    assert_eq!((server.seen(), phase(&desk.run("out/plain"), 0, 0).answered), (10, 10));
}

#[test]
fn limits_are_kept_exactly_and_money_without_a_price_is_refused() {
    let desk = Desk::new();
    let server = Server::start(Play::default());
    let text = plain("50/s", "2s", "{ direct: { target: east } }");
    desk.file("plain.yaml", &text);
    let (code, said) = on_bedrock(&desk, &server.url(), &["--yes", "--max-requests", "7"]);
    assert!(code == 1 && said.contains("7 requests were sent (--max-requests)"), "{code}: {said}");
    assert_eq!(server.seen(), 7);
    // A request holds 20 tokens of input and 50 of output, and uses 22: far more than three fit one after another,
    // and never more than are allowed.
    let (code, said) = on_bedrock(&desk, &server.url(), &["--yes", "--max-tokens", "300"]);
    assert!(code == 1 && said.contains("could go beyond 300 tokens"), "{code}: {said}");
    let run = desk.run("out/plain");
    let used = phase(&run, 0, 0);
    assert!(used.input_tokens + used.output_tokens <= 300 && used.answered >= 4, "{used:?}");
    let unknown = text.replace("anthropic.claude-3-haiku-20240307-v1:0", "somebody.model-v1:0");
    desk.file("plain.yaml", &unknown);
    let before = server.seen();
    let (code, said) = on_bedrock(&desk, &server.url(), &["--yes", "--max-spend", "1"]);
    assert!(code == 5 && said.contains("there is no price for east"), "{code}: {said}");
    assert_eq!(server.seen(), before);
}

#[test]
fn the_way_to_the_real_service_speaks_tls_signs_and_shows_no_secret() {
    let desk = Desk::new();
    let port = free_port();
    desk.file("creds.json", &format!(r#"{{ "access_keys": {{ "AKIATEST": {{ "secret": "{SECRET}" }} }} }}"#));
    let mut mock = Command::new(env!("CARGO_BIN_EXE_mock-bedrock"));
    let port_text = port.to_string();
    mock.current_dir(desk.0.path()).args([
        "--port",
        &port_text,
        "--ca",
        "ca.pem",
        "--credentials",
        "creds.json",
    ]);
    let mut mock = mock.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    wait_for(&mut mock, "listens on");
    desk.file("plain.yaml", &plain("10/s", "1s", "{ direct: { target: east } }"));
    let url = format!("https://127.0.0.1:{port}");
    let told = CLIENTS.map(|client| {
        let trusted =
            ["--yes", "--ca-bundle", "ca.pem", "--inject", "throttle:50%@us-east-1", "--keep-journal"];
        let trusted =
            on_bedrock(&desk, &url, &[&trusted[..], &["--client", client, "--out", client]].concat());
        let untrusted = ["--yes", "--client", client, "--out", "untrusted"];
        let (refused, why) = on_bedrock(&desk, &url, &untrusted);
        assert_eq!(phase(&desk.run("untrusted/plain"), 0, 0).answered, 0, "{client}: {refused}: {why}");
        (client, trusted)
    });
    mock.kill().expect("it runs");
    mock.wait().expect("it is gone");
    for (client, (code, said)) in told {
        assert_eq!(code, 0, "{client}: {said}");
        is_safe(&desk, client, &said);
    }
}

#[test]
fn either_client_is_let_in_with_what_an_aws_cli_user_has_and_else_refused() {
    let desk = Desk::new();
    let port = free_port().to_string();
    desk.file(
        "creds.json",
        r#"{ "access_keys": { "ASIATEST": { "secret": "s2", "session_token": "token" } }, "api_keys": [{ "key": "ABSKgood" }] }"#,
    );
    let mut mock = Command::new(env!("CARGO_BIN_EXE_mock-bedrock"));
    mock.current_dir(desk.0.path()).args(["--port", &port, "--credentials", "creds.json"]);
    let mut mock = mock.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    wait_for(&mut mock, "listens on");
    desk.file("plain.yaml", &plain("10/s", "400ms", "{ direct: { target: east } }"));
    let temporary = |secret| {
        vec![
            ("AWS_ACCESS_KEY_ID", "ASIATEST"),
            ("AWS_SECRET_ACCESS_KEY", secret),
            ("AWS_SESSION_TOKEN", "token"),
        ]
    };
    let table = [
        (temporary("s2"), true),
        (temporary("wrong"), false),
        (vec![("AWS_BEARER_TOKEN_BEDROCK", "ABSKgood")], true),
        (vec![("AWS_BEARER_TOKEN_BEDROCK", "ABSKbad")], false),
    ];
    let mut told = Vec::new();
    for (client, (who, let_in)) in
        CLIENTS.iter().flat_map(|client| table.iter().map(move |row| (client, row)))
    {
        let url = format!("http://127.0.0.1:{port}");
        let args = ["run", "plain.yaml", "--endpoint-url", &url, "--yes", "--client", client];
        let (_, said) = asked_as(who, &desk, &args);
        told.push((client, who, *let_in, phase(&desk.run("out/plain"), 0, 0).clone(), said));
    }
    mock.kill().expect("it runs");
    mock.wait().expect("it is gone");
    for (client, who, let_in, all, said) in told {
        let answered = if let_in { all.offered } else { 0 };
        assert_eq!((all.offered, all.answered), (4, answered), "{client} {who:?}: {said}");
        assert_eq!(
            all.failed_by_class.get("credential").copied().unwrap_or(0),
            4 - answered,
            "{client} {who:?}"
        );
    }
}

/// Half was throttled on this side, the rest answered, and no secret is anywhere.
fn is_safe(desk: &Desk, out: &str, said: &str) {
    assert!(
        said.contains("injected on our side, not by the service: a throttle in place of 50% of calls"),
        "{said}"
    );
    let run = desk.run(&format!("{out}/plain"));
    adds_up(&run);
    let all = phase(&run, 0, 0);
    assert_eq!(all.offered, 10);
    assert!(all.answered > 0 && all.failed_by_class["throttle"] == all.failed, "{all:?}");
    for file in ["run.json", "run.journal", "report.html"] {
        let text = fs::read_to_string(desk.path(&format!("{out}/plain/{file}"))).expect("it is there");
        assert!(!text.contains(SECRET) && !text.contains("AKIATEST"), "{file}");
    }
    assert!(!said.contains(SECRET), "{said}");
}

#[test]
fn a_check_on_the_real_service_asks_as_a_run_does() {
    let desk = Desk::new();
    let server = Server::start(Play::default());
    desk.file("plain.yaml", &plain("10/s", "1s", "{ direct: { target: east } }"));
    let (code, said) = on_bedrock(&desk, &server.url(), &["--yes", "--replications", "3", "--refill", "0s"]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = desk.richter(&["baseline", "save", "out/plain"]);
    assert_eq!(code, 0, "{said}");
    let check = |more: &[&str]| {
        let args = ["--refill", "0s", "--tolerance", "1000%"];
        asked(&desk, &server.url(), "check", &[&args[..], more].concat())
    };
    let (code, said) = check(&[]);
    assert!(code == 5 && said.contains("give --yes to agree"), "{code}: {said}");
    let (code, said) = check(&["--dry-run"]);
    assert!(code == 0 && said.contains("Nothing was sent"), "{code}: {said}");
    assert_eq!(server.seen(), 30);
    let (code, said) = check(&["--yes"]);
    assert!(code == 0 && said.starts_with("PASSED plain: none of"), "{code}: {said}");
    let (code, said) = check(&["--yes", "--max-requests", "7"]);
    assert!(code == 1 && said.contains("7 requests were sent (--max-requests)"), "{code}: {said}");
    assert_eq!(server.seen(), 67);
}
