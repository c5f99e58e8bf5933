//! Error paths against prepared answers: exactly these requests, exactly these refusals. And what a dry run prints is what
//! is sent.

mod on_the_mock;

use std::{collections::BTreeMap, time::Duration};

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use richter_core::live::{Trust, http_client};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_json, header, method, path},
};

use super::{Cloud, Patience};
use crate::observe::{
    call::Call,
    filter,
    spec::ObserveSpec,
    wanted::{Logging, Scene, Wanted},
};

async fn cloud(server: &MockServer) -> Cloud {
    let config = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client(&Trust::default()))
        .region(Region::new("us-east-1"))
        .endpoint_url(server.uri())
        .credentials_provider(Credentials::new("mock", "mock", None, None, "test"))
        .load()
        .await;
    let patience = Patience { role: Duration::from_millis(40), first: Duration::from_millis(1), attempts: 3 };
    Cloud::new(&config, patience)
}

fn wanted() -> Wanted {
    let scene = Scene {
        account: "111122223333".to_owned(),
        region: "us-east-1".to_owned(),
        models: vec!["us.m".to_owned()],
        ..Scene::default()
    };
    Wanted::new(&ObserveSpec::default(), &scene, true).expect("fits")
}

fn refusal(status: u16, code: &str, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status)
        .insert_header("x-amzn-errortype", code)
        .set_body_json(json!({ "__type": code, "message": message }))
}

fn logs(operation: &str) -> wiremock::MockBuilder {
    Mock::given(method("POST")).and(header("x-amz-target", format!("Logs_20140328.{operation}").as_str()))
}

fn put_filter() -> Call {
    Call::PutFilter { group: "g".to_owned(), filter: wanted().filters[2].clone() }
}

#[tokio::test]
async fn a_caller_without_permission_is_told_which_and_what_to_do() {
    let server = MockServer::start().await;
    logs("CreateLogGroup")
        .respond_with(refusal(
            400,
            "AccessDeniedException",
            "User: x is not authorized to perform: logs:CreateLogGroup",
        ))
        .expect(1)
        .mount(&server)
        .await;
    let call = Call::CreateGroup { group: "g".to_owned(), tags: BTreeMap::new() };
    let error = format!("{:#}", cloud(&server).await.act(&call).await.expect_err("refused"));
    assert!(error.contains("not authorized to perform: logs:CreateLogGroup"), "{error}");
    assert!(error.contains("richter iam-policy"), "{error}");
}

#[tokio::test]
async fn a_full_account_is_told_after_the_sdk_has_asked_three_times() {
    let server = MockServer::start().await;
    logs("PutMetricFilter")
        .respond_with(refusal(400, "LimitExceededException", "Resource limit exceeded."))
        .expect(3)
        .mount(&server)
        .await;
    let error = format!("{:#}", cloud(&server).await.act(&put_filter()).await.expect_err("refused"));
    assert!(error.contains("Resource limit exceeded") && error.contains("no room"), "{error}");
}

#[tokio::test]
async fn a_throttled_control_plane_is_asked_again_and_given_up_in_the_end() {
    let server = MockServer::start().await;
    let busy = || refusal(400, "ThrottlingException", "Rate exceeded");
    logs("PutMetricFilter").respond_with(busy()).up_to_n_times(2).expect(2).mount(&server).await;
    logs("PutMetricFilter")
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({})))
        .expect(1)
        .mount(&server)
        .await;
    cloud(&server).await.act(&put_filter()).await.expect("the third time");

    let server = MockServer::start().await;
    logs("PutMetricFilter").respond_with(busy()).expect(3).mount(&server).await;
    let error = format!("{:#}", cloud(&server).await.act(&put_filter()).await.expect_err("busy"));
    assert!(error.contains("Rate exceeded") && error.contains("try again"), "{error}");
}

fn logging(times: u64, answer: ResponseTemplate) -> Mock {
    Mock::given(method("PUT"))
        .and(path("/logging/modelinvocations"))
        .respond_with(answer)
        .up_to_n_times(times)
        .expect(times)
}

#[tokio::test]
async fn a_role_that_was_just_made_is_waited_for_and_another_is_not() {
    let unready = || {
        refusal(400, "ValidationException", "Failed to validate permissions for log group: g, with role: r.")
    };
    let call = |fresh_role| Call::PutLogging { config: wanted().logging, fresh_role };
    let server = MockServer::start().await;
    logging(3, unready()).mount(&server).await;
    logging(1, ResponseTemplate::new(200).set_body_json(json!({}))).mount(&server).await;
    cloud(&server).await.act(&call(true)).await.expect("the fourth time");

    let server = MockServer::start().await;
    logging(1, unready()).mount(&server).await;
    let error = format!("{:#}", cloud(&server).await.act(&call(false)).await.expect_err("an old role"));
    assert!(error.contains("Failed to validate permissions"), "{error}");

    let server = MockServer::start().await;
    logging(u64::MAX, unready()).expect(5..).mount(&server).await;
    let error = format!("{:#}", cloud(&server).await.act(&call(true)).await.expect_err("never ready"));
    assert!(error.contains("after the role was made"), "{error}");
}

#[tokio::test]
async fn a_pattern_that_the_service_understands_otherwise_is_not_put() {
    let server = MockServer::start().await;
    let matches = |numbers: &[i64]| {
        let matches: Vec<Value> = numbers
            .iter()
            .map(|number| json!({ "eventNumber": number, "eventMessage": "", "extractedValues": {} }))
            .collect();
        ResponseTemplate::new(200).set_body_json(json!({ "matches": matches }))
    };
    // The other reading of a missing field: throttled calls would count as rerouted.
    logs("TestMetricFilter").respond_with(matches(&[1, 2, 4, 5])).mount(&server).await;
    let rerouted = wanted().filters[2].clone();
    let call = Call::TestFilter {
        name: rerouted.name.clone(),
        pattern: rerouted.pattern.clone(),
        samples: filter::samples("us-east-1"),
        expected: rerouted.expected(),
    };
    let error = format!("{:#}", cloud(&server).await.act(&call).await.expect_err("another reading"));
    assert!(error.contains("[1, 2, 4, 5]") && error.contains("[4]"), "{error}");
}

#[tokio::test]
async fn what_is_gone_already_counts_as_deleted() {
    let server = MockServer::start().await;
    let gone = |code: &str, status| refusal(status, code, "it is not there");
    logs("DeleteMetricFilter").respond_with(gone("ResourceNotFoundException", 400)).mount(&server).await;
    logs("DeleteLogGroup").respond_with(gone("OperationAbortedException", 400)).mount(&server).await;
    let cloud = cloud(&server).await;
    let filter = Call::DeleteFilter { group: "g".to_owned(), name: "f".to_owned() };
    cloud.act(&filter).await.expect("as good as deleted");
    cloud.act(&Call::DeleteGroup { group: "g".to_owned() }).await.expect_err("another error is one");
}

#[tokio::test]
async fn what_a_dry_run_prints_is_what_is_sent() {
    let server = MockServer::start().await;
    let wanted = wanted();
    let calls = [
        Call::CreateGroup { group: "g".to_owned(), tags: wanted.tags.clone() },
        Call::PutRetention { group: "g".to_owned(), days: 30 },
        put_filter(),
        Call::PutFilter { group: "g".to_owned(), filter: wanted.filters[3].clone() },
        Call::PutLogging { config: wanted.logging.clone(), fresh_role: false },
        Call::PutLogging {
            config: serde_json::from_value(json!({
                "s3Config": { "bucketName": "b", "keyPrefix": "k" },
                "textDataDeliveryEnabled": true,
            }))
            .expect("a configuration"),
            fresh_role: false,
        },
    ];
    for call in &calls {
        Mock::given(body_json(call.body()))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({})))
            .expect(1)
            .mount(&server)
            .await;
    }
    let cloud = cloud(&server).await;
    for call in &calls {
        cloud.act(call).await.unwrap_or_else(|error| panic!("{}: {error:#}", call.action()));
    }
}

#[tokio::test]
async fn a_configuration_is_read_whole_so_that_it_can_be_put_back() {
    let server = MockServer::start().await;
    let there: Value = json!({
        "cloudWatchConfig": {
            "logGroupName": "theirs",
            "roleArn": "arn:aws:iam::111122223333:role/theirs",
            "largeDataDeliveryS3Config": { "bucketName": "large", "keyPrefix": "x" },
        },
        "s3Config": { "bucketName": "b" },
        "textDataDeliveryEnabled": true,
        "imageDataDeliveryEnabled": false,
        "embeddingDataDeliveryEnabled": true,
        "videoDataDeliveryEnabled": false,
        "audioDataDeliveryEnabled": true,
    });
    Mock::given(method("GET"))
        .and(path("/logging/modelinvocations"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "loggingConfig": there })))
        .mount(&server)
        .await;
    let read = cloud(&server).await.logging().await.expect("read").expect("there");
    assert_eq!(serde_json::to_value::<&Logging>(&read).expect("JSON"), there);
}
