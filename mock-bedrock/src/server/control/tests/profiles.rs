//! Inference profiles of both kinds.

use http::HeaderMap;

use super::*;
use crate::server::control::holdings::RESOURCES_MAX;

#[test]
fn profiles_of_both_kinds_are_listed_page_by_page() {
    let mut bench = Bench::new();
    let arn = bench.application("mine", &us(HAIKU));
    let count = |got: &Got| got.body["inferenceProfileSummaries"].as_array().map_or(0, Vec::len);
    let all = bench.get("/inference-profiles");
    assert_eq!(count(&all), 2 * 4 + 1, "two geographies for each model, and one of the caller's");
    assert_eq!(all.body.get("nextToken"), None);
    assert_eq!(
        bench
            .get("/inference-profiles?type=APPLICATION")
            .each("inferenceProfileSummaries", "inferenceProfileArn"),
        [arn]
    );
    assert_eq!(count(&bench.get("/inference-profiles?type=SYSTEM_DEFINED")), 8);
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = bench.get(&format!("/inference-profiles?maxResults=4{token}"));
        assert!(count(&page) <= 4);
        seen.extend(page.each("inferenceProfileSummaries", "inferenceProfileId"));
        match page.body["nextToken"].as_str() {
            Some(next) => token = format!("&nextToken={next}"),
            None => break,
        }
    }
    assert_eq!(seen, all.each("inferenceProfileSummaries", "inferenceProfileId"));
}

#[test]
fn a_list_refuses_what_its_query_may_not_say() {
    let mut bench = Bench::new();
    let at = |value: &str, name: &str, rule: &str| {
        format!(
            "1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: {rule}"
        )
    };
    let kinds = "Member must satisfy enum value set: [SYSTEM_DEFINED, APPLICATION]";
    let table = [
        ("maxResults=0", at("0", "maxResults", "Member must have value greater than or equal to 1")),
        ("maxResults=1001", at("1001", "maxResults", "Member must have value less than or equal to 1000")),
        ("type=OTHER", at("OTHER", "type", kinds)),
        ("nextToken=strange", "The provided next token is invalid.".into()),
    ];
    for (query, text) in table {
        let got = bench.get(&format!("/inference-profiles?{query}"));
        assert_eq!(got.refusal(), (400, "ValidationException", &*text), "{query}");
    }
    assert_eq!(bench.get("/inference-profiles?maxResults=many").refusal().1, "SerializationException");
}

#[test]
fn a_system_profile_says_where_it_leads() {
    let mut bench = Bench::new();
    let got = bench.get(&format!("/inference-profiles/us.{HAIKU}"));
    assert_eq!(got.body["inferenceProfileArn"], us(HAIKU));
    assert_eq!(
        (got.body["type"].as_str(), got.body["status"].as_str()),
        (Some("SYSTEM_DEFINED"), Some("ACTIVE"))
    );
    let models: Vec<String> = ["us-east-1", "us-east-2", "us-west-2"]
        .map(|region| format!("arn:aws:bedrock:{region}::foundation-model/{HAIKU}"))
        .to_vec();
    assert_eq!(got.each("models", "modelArn"), models);
    assert_eq!(bench.get(&format!("/inference-profiles/{}", segment(&us(HAIKU)))).body, got.body);
    let global = bench.get(&format!("/inference-profiles/global.{HAIKU}"));
    assert!(
        global.each("models", "modelArn").contains(&format!("arn:aws:bedrock:::foundation-model/{HAIKU}"))
    );
    let unknown = bench.get(&format!("/inference-profiles/eu.{HAIKU}"));
    assert_eq!((unknown.status, &*unknown.name), (404, "ResourceNotFoundException"));
}

#[test]
fn an_application_profile_lives_from_its_creation_to_its_deletion() {
    let mut bench = Bench::new();
    bench.now = 90 * SECOND;
    let body = json!({
        "inferenceProfileName": "team chat", "description": "for the team", "clientRequestToken": "once",
        "modelSource": { "copyFrom": us(HAIKU) }, "tags": [{ "key": "team", "value": "a" }],
    });
    let made = bench.post("/inference-profiles", body.clone());
    assert_eq!((made.status, &made.body["status"]), (201, &json!("ACTIVE")));
    let arn = made.body["inferenceProfileArn"].as_str().expect("an ARN").to_owned();
    let id = arn.rsplit('/').next().expect("an id").to_owned();
    assert_eq!(arn, format!("arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/{id}"));
    assert_eq!(bench.post("/inference-profiles", body).body, made.body, "the same token makes nothing new");
    let got = bench.get(&format!("/inference-profiles/{}", segment(&arn)));
    assert_eq!(got.each("models", "modelArn").len(), 3);
    assert_eq!(
        (&got.body["createdAt"], &got.body["description"], &got.body["type"]),
        (&json!("2025-12-01T00:01:30Z"), &json!("for the team"), &json!("APPLICATION"))
    );
    assert_eq!(bench.get(&format!("/inference-profiles/{id}")).body, got.body, "by its id as well");
    let tags = bench.post("/listTagsForResource", json!({ "resourceARN": arn }));
    assert_eq!(tags.body, json!({ "tags": [{ "key": "team", "value": "a" }] }));
    assert_eq!(bench.delete(&format!("/inference-profiles/{}", segment(&arn))).status, 200);
    assert_eq!(bench.get(&format!("/inference-profiles/{id}")).status, 404);
    assert_eq!(bench.delete(&format!("/inference-profiles/{id}")).status, 404);
}

#[test]
fn a_profile_that_cannot_be_made_says_why() {
    let mut bench = Bench::new();
    bench.application("taken", &fm(HAIKU));
    let make =
        |name: &str, from: &str| json!({ "inferenceProfileName": name, "modelSource": { "copyFrom": from } });
    let null = |at: &str| {
        format!(
            "1 validation error detected: Value null at '{at}' failed to satisfy constraint: Member must not be null"
        )
    };
    let invalid = "The provided model identifier is invalid.".to_owned();
    let table = [
        (json!({}), "ValidationException", null("inferenceProfileName")),
        (json!({ "inferenceProfileName": "a" }), "ValidationException", null("modelSource")),
        (json!({ "inferenceProfileName": "a", "modelSource": {} }), "ValidationException", null("modelSource.copyFrom")),
        (
            make("a,b", &fm(HAIKU)),
            "ValidationException",
            "1 validation error detected: Value 'a,b' at 'inferenceProfileName' failed to satisfy constraint: Member \
             must satisfy regular expression pattern: ([0-9a-zA-Z][ _-]?)+"
                .into(),
        ),
        (make("taken", &fm(HAIKU)), "ConflictException", "A inference profile with the name taken already exists.".into()),
        (make("a", &fm("no.model")), "ValidationException", invalid.clone()),
        (make("a", &fm(NEW)), "ValidationException", invalid.clone()),
        (make("a", &us(HAIKU).replace("111122223333", "999999999999")), "ValidationException", invalid.clone()),
        (make("a", HAIKU), "ValidationException", invalid),
    ];
    for (body, name, text) in table {
        let got = bench.post("/inference-profiles", body.clone());
        assert_eq!(got.refusal(), (400, name, &*text), "{body}");
    }
    let broken = Request::builder().method(Method::POST).uri("/inference-profiles").body("{".into());
    let response = bench.raw(broken.expect("a request"));
    assert_eq!(
        (response.status(), serialization_name(response.headers())),
        (StatusCode::BAD_REQUEST, "SerializationException")
    );
    let system = bench.delete(&format!("/inference-profiles/us.{HAIKU}"));
    assert_eq!((system.status, &*system.name), (400, "ValidationException"), "Bedrock's own stay");
}

fn serialization_name(headers: &HeaderMap) -> &str {
    headers[ERROR_TYPE].to_str().expect("text").split(':').next().expect("a name")
}

#[test]
fn there_is_room_for_a_thousand_profiles() {
    let mut bench = Bench::new();
    for number in 0..RESOURCES_MAX {
        bench.application(&format!("p{number}"), &fm(HAIKU));
    }
    let body = json!({ "inferenceProfileName": "more", "modelSource": { "copyFrom": fm(HAIKU) } });
    let got = bench.post("/inference-profiles", body);
    assert_eq!((got.status, &*got.name), (400, "ServiceQuotaExceededException"));
}
