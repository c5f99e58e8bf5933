//! Roles as IAM's clients see them, and as Bedrock does when it is to write logs by them.

use super::*;

fn ask(bench: &mut Bench, action: &str, parameters: &[(&str, &str)]) -> (u16, String) {
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let more: String = parameters.iter().map(|(name, value)| format!("&{name}={}", encode(value))).collect();
    let form = format!("Action={action}&Version=2010-05-08{more}");
    let request = Request::builder().method(Method::POST).uri("/");
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(Bytes::from(form));
    let response = bench.raw(request.expect("a request"));
    (response.status().as_u16(), String::from_utf8(response.body().to_vec()).expect("text"))
}

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"bedrock.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const WRITE: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":"arn:aws:logs:us-east-1:111122223333:log-group:bedrock:log-stream:aws/bedrock/modelinvocations"}]}"#;
const ROLE: [(&str, &str); 1] = [("RoleName", "delivery")];
const POLICY: [(&str, &str); 2] = [("RoleName", "delivery"), ("PolicyName", "write")];

fn create(bench: &mut Bench, trust: &str) -> (u16, String) {
    ask(
        bench,
        "CreateRole",
        &[("RoleName", "delivery"), ("AssumeRolePolicyDocument", trust), ("Description", "a & b")],
    )
}

fn write(bench: &mut Bench, policy: &str) -> (u16, String) {
    ask(
        bench,
        "PutRolePolicy",
        &[("RoleName", "delivery"), ("PolicyName", "write"), ("PolicyDocument", policy)],
    )
}

/// Whether a configuration that names the role is taken.
fn log_by_it(bench: &mut Bench) -> bool {
    let role = "arn:aws:iam::111122223333:role/delivery";
    let config =
        json!({ "loggingConfig": { "cloudWatchConfig": { "logGroupName": "bedrock", "roleArn": role } } });
    let got = bench.call(Method::PUT, "/logging/modelinvocations", config);
    if got.status != 200 {
        let (status, name, text) = got.refusal();
        assert_eq!((status, name), (400, "ValidationException"));
        assert!(
            text.starts_with("Failed to validate permissions for log group: bedrock, with role: "),
            "{text}"
        );
    }
    got.status == 200
}

#[test]
fn a_role_is_made_told_given_a_policy_and_deleted() {
    let mut bench = Bench::new();
    let (status, text) = create(&mut bench, TRUST);
    assert_eq!(status, 200, "{text}");
    for part in [
        "<CreateRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">",
        "<Arn>arn:aws:iam::111122223333:role/delivery</Arn>",
        "<Description>a &amp; b</Description>",
        "%22Service%22%3A%22bedrock.amazonaws.com%22",
        "<RequestId>id</RequestId>",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (status, text) = create(&mut bench, TRUST);
    assert_eq!((status, text.contains("<Code>EntityAlreadyExists</Code>")), (409, true), "{text}");
    assert_eq!(write(&mut bench, WRITE).0, 200);
    assert!(ask(&mut bench, "ListRolePolicies", &ROLE).1.contains("<member>write</member>"));
    assert!(ask(&mut bench, "GetRolePolicy", &POLICY).1.contains("<PolicyName>write</PolicyName>"));
    let (status, text) = ask(&mut bench, "DeleteRole", &ROLE);
    assert_eq!((status, text.contains("<Code>DeleteConflict</Code>")), (409, true), "{text}");
    assert_eq!(ask(&mut bench, "DeleteRolePolicy", &POLICY).0, 200);
    assert_eq!(ask(&mut bench, "DeleteRolePolicy", &POLICY).0, 404);
    assert_eq!(ask(&mut bench, "DeleteRole", &ROLE).0, 200);
    let (status, text) = ask(&mut bench, "GetRole", &ROLE);
    assert_eq!(
        (status, text.contains("The role with name delivery cannot be found.")),
        (404, true),
        "{text}"
    );
}

#[test]
fn what_is_no_role_or_no_policy_is_refused() {
    let mut bench = Bench::new();
    let table = [
        (
            "CreateRole",
            vec![("RoleName", "a b"), ("AssumeRolePolicyDocument", TRUST)],
            (400, "ValidationError"),
        ),
        ("CreateRole", vec![("AssumeRolePolicyDocument", TRUST)], (400, "ValidationError")),
        (
            "CreateRole",
            vec![("RoleName", "r"), ("AssumeRolePolicyDocument", "{}")],
            (400, "MalformedPolicyDocument"),
        ),
        (
            "CreateRole",
            vec![("RoleName", "r"), ("AssumeRolePolicyDocument", TRUST), ("Path", "x")],
            (400, "ValidationError"),
        ),
        (
            "PutRolePolicy",
            vec![("RoleName", "r"), ("PolicyName", "p"), ("PolicyDocument", WRITE)],
            (404, "NoSuchEntity"),
        ),
        ("Dance", vec![], (400, "InvalidAction")),
    ];
    for (action, parameters, (status, code)) in table {
        let (got, text) = ask(&mut bench, action, &parameters);
        assert_eq!((got, text.contains(&format!("<Code>{code}</Code>"))), (status, true), "{action}: {text}");
    }
}

#[test]
fn a_role_can_be_logged_by_once_it_is_known_trusted_and_allowed() {
    let mut bench = Bench::new();
    assert!(log_by_it(&mut bench), "a role that was made elsewhere is taken to be right");
    create(&mut bench, TRUST);
    assert!(!log_by_it(&mut bench), "it may not write yet");
    write(&mut bench, WRITE);
    assert!(!log_by_it(&mut bench), "its policy is not known everywhere");
    bench.now += 9 * SECOND;
    assert!(!log_by_it(&mut bench));
    write(&mut bench, WRITE);
    bench.now += SECOND;
    assert!(log_by_it(&mut bench), "the same policy again begins no new wait");
    let elsewhere = WRITE.replace("log-group:bedrock", "log-group:other");
    write(&mut bench, &elsewhere);
    bench.now += 10 * SECOND;
    assert!(!log_by_it(&mut bench), "of another group");
}

#[test]
fn a_role_that_does_not_trust_bedrock_cannot_be_logged_by() {
    let mut bench = Bench::new();
    create(&mut bench, &TRUST.replace("bedrock", "lambda"));
    write(&mut bench, WRITE);
    bench.now += 10 * SECOND;
    assert!(!log_by_it(&mut bench));
    ask(&mut bench, "UpdateAssumeRolePolicy", &[("RoleName", "delivery"), ("PolicyDocument", TRUST)]);
    bench.now += 10 * SECOND;
    assert!(log_by_it(&mut bench));
}
