//! STS and Service Quotas, and refusals in their forms.

use super::*;
use crate::server::reply::Layer;

fn sts(body: &str) -> Request<Bytes> {
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    let request = Request::builder().method(Method::POST).uri("/").header("content-type", form);
    request.body(Bytes::copy_from_slice(body.as_bytes())).expect("a request")
}

fn quotas(operation: &str, body: &Value) -> Request<Bytes> {
    let target = format!("ServiceQuotasV20190624.{operation}");
    let request = Request::builder().method(Method::POST).uri("/").header("x-amz-target", target);
    request
        .header("content-type", "application/x-amz-json-1.1")
        .body(body.to_string().into())
        .expect("a request")
}

fn text(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).expect("text")
}

fn ask_quotas(bench: &mut Bench, operation: &str, body: &Value) -> (u16, Value) {
    let response = bench.raw(quotas(operation, body));
    assert_eq!(response.headers()["content-type"], "application/x-amz-json-1.1");
    (response.status().as_u16(), serde_json::from_slice(response.body()).expect("JSON"))
}

#[test]
fn sts_says_who_asks_in_xml() {
    let mut bench = Bench::new();
    let response = bench.raw(sts("Action=GetCallerIdentity&Version=2011-06-15"));
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"text/xml".parse().expect("text"))
    );
    for part in [
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">",
        "<Arn>arn:aws:iam::111122223333:user/richter</Arn>",
        "<Account>111122223333</Account>",
        "<RequestId>id</RequestId>",
    ] {
        assert!(text(&response).contains(part), "{}", text(&response));
    }
    let unknown = bench.raw(sts("Action=Nothing&Version=2011-06-15"));
    assert_eq!(unknown.status(), 400);
    assert!(text(&unknown).contains("<Code>InvalidAction</Code>"));
    assert!(text(&unknown).contains("Could not find operation Nothing for version 2011-06-15"));
    let hostile = bench.raw(sts("Action=%3Cb%3E%26"));
    assert!(text(&hostile).contains("&lt;b&gt;&amp;"), "{}", text(&hostile));
}

#[test]
fn quotas_are_those_of_the_world_under_names_like_awss() {
    let mut bench = Bench::new();
    let (status, list) = ask_quotas(&mut bench, "ListServiceQuotas", &json!({ "ServiceCode": "bedrock" }));
    assert_eq!(status, 200);
    let all = list["Quotas"].as_array().expect("a list");
    let value = |name: &str| {
        all.iter()
            .find(|quota| quota["QuotaName"] == name)
            .map(|quota| (quota["Value"].as_f64(), quota["QuotaCode"].as_str()))
    };
    assert_eq!(value("Cross-Model Max Tokens Per Day"), Some((Some(7e8), Some("L-E3F10727"))));
    let nova = "On-demand InvokeModel tokens per minute for Amazon Nova Pro";
    assert_eq!(value(nova), Some((Some(1e6), Some("L-CE33604C"))), "the model's own, with its known code");
    let requests =
        value("On-demand InvokeModel requests per minute for Anthropic Claude 3 Haiku").expect("listed");
    assert_eq!(requests.0, Some(400.0));
    let cross = value("Cross-Region InvokeModel tokens per minute for Anthropic Claude Sonnet 4.5");
    assert_eq!(cross, Some((Some(6e5), Some("L-8EA73537"))));
    assert_eq!(
        value("On-demand InvokeModel tokens per minute for Anthropic Claude Sonnet 4.5"),
        None,
        "not offered"
    );
    assert_eq!(
        value("Cross-Region InvokeModel requests per minute for Amazon Nova Pro"),
        None,
        "not limited"
    );
    // One a day; three models on demand with two each; four through either kind of profile.
    assert_eq!(all.len(), 1 + 3 * 2 + 4 + 4);
    let code = requests.1.expect("a code").to_owned();
    assert!(code.len() == 10 && code.starts_with("L-"), "{code}");
    let (_, one) =
        ask_quotas(&mut bench, "GetServiceQuota", &json!({ "ServiceCode": "bedrock", "QuotaCode": code }));
    assert_eq!(one["Quota"]["Value"], 400.0);
    assert_eq!(
        one["Quota"]["QuotaArn"],
        format!("arn:aws:servicequotas:us-east-1:111122223333:bedrock/{code}")
    );
    let (_, none) = ask_quotas(
        bench.elsewhere("us-west-2"),
        "ListAWSDefaultServiceQuotas",
        &json!({ "ServiceCode": "bedrock" }),
    );
    assert_eq!(none, json!({ "Quotas": [] }), "nothing is limited there");
}

#[test]
fn quotas_come_in_pages_and_refuse_in_aws_json() {
    let mut bench = Bench::new();
    let body = json!({ "ServiceCode": "bedrock", "MaxResults": 10 });
    let (_, first) = ask_quotas(&mut bench, "ListServiceQuotas", &body);
    let body = json!({ "ServiceCode": "bedrock", "MaxResults": 10, "NextToken": first["NextToken"] });
    let (_, second) = ask_quotas(&mut bench, "ListServiceQuotas", &body);
    assert_eq!((second["Quotas"].as_array().map(Vec::len), second.get("NextToken")), (Some(5), None));
    let table = [
        ("ListServiceQuotas", json!({ "ServiceCode": "s3" }), "NoSuchResourceException"),
        ("ListServiceQuotas", json!({}), "IllegalArgumentException"),
        (
            "ListServiceQuotas",
            json!({ "ServiceCode": "bedrock", "MaxResults": 101 }),
            "IllegalArgumentException",
        ),
        (
            "ListServiceQuotas",
            json!({ "ServiceCode": "bedrock", "NextToken": "x" }),
            "InvalidPaginationTokenException",
        ),
        ("GetServiceQuota", json!({ "ServiceCode": "bedrock" }), "IllegalArgumentException"),
        (
            "GetServiceQuota",
            json!({ "ServiceCode": "bedrock", "QuotaCode": "L-0" }),
            "NoSuchResourceException",
        ),
        ("RequestServiceQuotaIncrease", json!({}), "UnknownOperationException"),
        ("ListServiceQuotas", json!([]), "SerializationException"),
    ];
    for (operation, body, name) in table {
        let (status, got) = ask_quotas(&mut bench, operation, &body);
        assert_eq!((status, &got["__type"]), (400, &json!(name)), "{operation} {body}");
    }
}

#[test]
fn a_refusal_takes_the_form_of_the_service_that_was_asked() {
    let unknown =
        WireError::new(Layer::Front, StatusCode::FORBIDDEN, "UnrecognizedClientException", "no <key>");
    let missing = WireError::new(
        Layer::Iam,
        StatusCode::FORBIDDEN,
        "AccessDeniedException",
        "Authorization header is missing",
    );
    let rest = Request::builder().uri("/foundation-models").body(Bytes::new()).expect("a request");
    let (form, json) = (sts("Action=GetCallerIdentity"), quotas("ListServiceQuotas", &json!({})));
    let table = [
        (&rest, &unknown, 403, r#"{"message":"no <key>"}"#),
        (&rest, &missing, 403, r#"{"Message":"Authorization header is missing"}"#),
        (&form, &unknown, 403, "<Code>InvalidClientTokenId</Code>\n    <Message>no &lt;key&gt;</Message>"),
        (&form, &missing, 403, "<Code>MissingAuthenticationToken</Code>"),
        (&json, &unknown, 400, r#"{"__type":"UnrecognizedClientException","message":"no <key>"}"#),
        (&json, &missing, 400, r#""__type":"MissingAuthenticationTokenException""#),
    ];
    for (request, error, status, part) in table {
        let response = refuse(request, error, "id");
        assert_eq!(response.status(), status);
        assert!(text(&response).contains(part), "{}", text(&response));
    }
}

#[test]
fn sts_gives_credentials_for_a_role_and_for_a_web_identity() {
    let mut bench = Bench::new();
    let role = "RoleArn=arn%3Aaws%3Aiam%3A%3A444455556666%3Arole%2Fteam%2Fcaller&RoleSessionName=me";
    let assumed = bench.raw(sts(&format!("Action=AssumeRole&Version=2011-06-15&{role}")));
    let told = text(&assumed);
    assert_eq!(assumed.status(), 200, "{told}");
    for part in [
        "<Arn>arn:aws:sts::444455556666:assumed-role/caller/me</Arn>",
        "<AccessKeyId>ASIA",
        "<Expiration>2025-12-01T01:00:00Z</Expiration>",
    ] {
        assert!(told.contains(part), "{told}");
    }
    // {"sub":"pod","exp":1764547201} and the same a second earlier.
    let web = |body: &str| {
        let token = format!("e30.{body}.c2ln");
        sts(&format!("Action=AssumeRoleWithWebIdentity&{role}&DurationSeconds=900&WebIdentityToken={token}"))
    };
    let good = bench.raw(web("eyJzdWIiOiJwb2QiLCJleHAiOjE3NjQ1NDcyMDF9"));
    assert!(
        text(&good).contains("<SubjectFromWebIdentityToken>pod<") && text(&good).contains("T00:15:00Z"),
        "{}",
        text(&good)
    );
    let refused = [
        (web("eyJzdWIiOiJwb2QiLCJleHAiOjE3NjQ1NDcyMDB9"), "ExpiredTokenException"),
        (web("bm8ganNvbg"), "InvalidIdentityToken"),
        (sts("Action=AssumeRole&RoleArn=arn:aws:iam::4444:role/x&RoleSessionName=me"), "ValidationError"),
        (sts("Action=AssumeRole&RoleSessionName=me"), "ValidationError"),
        (sts(&format!("Action=AssumeRole&{role}&DurationSeconds=60")), "ValidationError"),
    ];
    for (request, name) in refused {
        let response = bench.raw(request);
        assert_eq!(response.status(), 400);
        assert!(text(&response).contains(&format!("<Code>{name}</Code>")), "{}", text(&response));
    }
}
