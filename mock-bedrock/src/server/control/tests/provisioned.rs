//! Provisioned throughput, from being asked for to being given back.

use super::*;

const ALL: &str = "/provisioned-model-throughputs";
const ONE: &str = "/provisioned-model-throughput";

fn buy(bench: &mut Bench, more: Value) -> Got {
    let mut body = json!({ "provisionedModelName": "mine", "modelId": HAIKU, "modelUnits": 2 });
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    bench.post(ONE, body)
}

fn bought(bench: &mut Bench, more: Value) -> String {
    let made = buy(bench, more);
    assert_eq!(made.status, 201, "{}", made.body);
    made.body["provisionedModelArn"].as_str().expect("an ARN").to_owned()
}

#[test]
fn it_is_created_in_service_after_a_while_and_deleted() {
    let mut bench = Bench::new();
    bench.now = SECOND;
    let arn = bought(&mut bench, json!({ "clientRequestToken": "t" }));
    assert_eq!(bought(&mut bench, json!({ "clientRequestToken": "t" })), arn, "the same token buys once");
    let target = format!("{ONE}/{}", segment(&arn));
    let expected = json!({
        "modelUnits": 2,
        "desiredModelUnits": 2,
        "provisionedModelName": "mine",
        "provisionedModelArn": arn,
        "modelArn": fm(HAIKU),
        "desiredModelArn": fm(HAIKU),
        "foundationModelArn": fm(HAIKU),
        "status": "Creating",
        "creationTime": "2025-12-01T00:00:01Z",
        "lastModifiedTime": "2025-12-01T00:00:01Z",
    });
    assert_eq!(bench.get(&target).body, expected);
    bench.now = 61 * SECOND - 1;
    assert_eq!(bench.get(&target).body["status"], "Creating");
    bench.now = 61 * SECOND;
    assert_eq!(bench.get(&target).body["status"], "InService");
    assert_eq!(bench.get(&format!("{ONE}/mine")).body["provisionedModelArn"], arn, "by its name as well");
    assert_eq!(bench.delete(&target).status, 200);
    assert_eq!(bench.get(&target).refusal().1, "ResourceNotFoundException");
}

#[test]
fn a_change_of_the_model_takes_as_long_and_serves_the_old_one_until_then() {
    let mut bench = Bench::new();
    let arn = bought(&mut bench, json!({}));
    let target = format!("{ONE}/{}", segment(&arn));
    let change = |model: &str| json!({ "desiredModelId": model, "desiredProvisionedModelName": "renamed" });
    let early = bench.call(Method::PATCH, &target, change(NOVA));
    assert_eq!((early.status, &*early.name), (400, "ValidationException"), "not in service yet");
    bench.now = 100 * SECOND;
    assert_eq!(bench.call(Method::PATCH, &target, change(NOVA)).status, 200);
    let seen = |bench: &mut Bench| {
        let body = bench.get(&target).body;
        let text = |key: &str| body[key].as_str().expect("text").to_owned();
        (text("status"), text("modelArn"), text("desiredModelArn"), text("provisionedModelName"))
    };
    assert_eq!(seen(&mut bench), ("Updating".into(), fm(HAIKU), fm(NOVA), "renamed".into()));
    bench.now = 160 * SECOND;
    assert_eq!(seen(&mut bench), ("InService".into(), fm(NOVA), fm(NOVA), "renamed".into()));
    assert_eq!(bench.get(&target).body["lastModifiedTime"], "2025-12-01T00:01:40Z");
}

#[test]
fn a_commitment_binds_until_it_ends() {
    let mut bench = Bench::new();
    let arn = bought(&mut bench, json!({ "commitmentDuration": "OneMonth" }));
    let target = format!("{ONE}/{}", segment(&arn));
    assert_eq!(bench.get(&target).body["commitmentExpirationTime"], "2025-12-31T00:00:00Z");
    bench.now = 30 * 86_400 * SECOND - 1;
    assert_eq!(bench.delete(&target).refusal().1, "ConflictException");
    bench.now += 1;
    assert_eq!(bench.delete(&target).status, 200);
}

#[test]
fn lists_hold_what_the_world_furnishes_and_are_filtered() {
    let mut bench = Bench::new();
    bench.now = 10 * SECOND;
    bought(&mut bench, json!({}));
    bench.now = 80 * SECOND;
    bought(&mut bench, json!({ "provisionedModelName": "late", "modelId": NOVA }));
    let names = |bench: &mut Bench, query: &str| {
        bench.get(&format!("{ALL}?{query}")).each("provisionedModelSummaries", "provisionedModelName")
    };
    let table = [
        ("", vec!["late", "mine", "abcdefghijkl"]),
        ("sortOrder=Ascending", vec!["abcdefghijkl", "mine", "late"]),
        ("statusEquals=Creating", vec!["late"]),
        ("statusEquals=InService", vec!["mine", "abcdefghijkl"]),
        ("nameContains=in", vec!["mine"]),
        ("creationTimeAfter=2025-12-01T00:01:00Z", vec!["late"]),
        ("creationTimeBefore=2025-12-01T00%3A00%3A10Z", vec!["abcdefghijkl"]),
        ("maxResults=1", vec!["late"]),
    ];
    for (query, expected) in table {
        assert_eq!(names(&mut bench, query), expected, "{query}");
    }
    let by_model = format!("modelArnEquals={}", segment(&fm(NOVA)));
    assert_eq!(names(&mut bench, &by_model), ["late", "abcdefghijkl"]);
    let furnished = bench.get(&format!("{ONE}/abcdefghijkl"));
    assert_eq!((furnished.status, &furnished.body["status"]), (200, &json!("InService")));
    assert_eq!(names(bench.elsewhere("us-west-2"), ""), [""; 0]);
}

#[test]
fn what_cannot_be_bought_says_why() {
    let mut bench = Bench::new();
    bought(&mut bench, json!({}));
    let least = "1 validation error detected: Value '0' at 'modelUnits' failed to satisfy constraint: Member must have \
                 value greater than or equal to 1";
    let invalid = "The provided model identifier is invalid.";
    let table = [
        (json!({ "provisionedModelName": "a", "modelUnits": 0 }), least),
        (json!({ "provisionedModelName": "a", "modelId": format!("us.{HAIKU}") }), invalid),
        (json!({ "provisionedModelName": "a", "modelId": us(HAIKU) }), invalid),
        (json!({ "provisionedModelName": "a", "modelId": NEW }), invalid),
        (json!({}), "A provisioned model with the name mine already exists."),
        (
            json!({ "commitmentDuration": "Forever" }),
            "1 validation error detected: Value 'Forever' at 'commitmentDuration' failed to satisfy constraint: Member \
             must satisfy enum value set: [OneMonth, SixMonths]",
        ),
        (
            json!({ "provisionedModelName": "with blank" }),
            "1 validation error detected: Value 'with blank' at 'provisionedModelName' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: ([0-9a-zA-Z][_-]?)+",
        ),
    ];
    for (more, text) in table {
        assert_eq!(buy(&mut bench, more.clone()).refusal(), (400, "ValidationException", text), "{more}");
    }
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        let got = bench.call(method, &format!("{ONE}/nobody"), json!({}));
        assert_eq!(got.refusal().1, "ResourceNotFoundException");
    }
}
