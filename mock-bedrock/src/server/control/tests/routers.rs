//! Prompt routers.

use super::*;

fn pair(one: &str, other: &str) -> Value {
    json!({
        "promptRouterName": "mine",
        "models": [{ "modelArn": one }, { "modelArn": other }],
        "fallbackModel": { "modelArn": other },
        "routingCriteria": { "responseQualityDifference": 10 },
    })
}

#[test]
fn a_family_of_two_has_a_router_of_bedrocks_own() {
    let mut bench = Bench::new();
    let list = bench.get("/prompt-routers");
    let arn = "arn:aws:bedrock:us-east-1:111122223333:default-prompt-router/anthropic.claude:1";
    assert_eq!(list.each("promptRouterSummaries", "promptRouterArn"), [arn]);
    let got = bench.get(&format!("/prompt-routers/{}", segment(arn)));
    assert_eq!(got.body, list.body["promptRouterSummaries"][0]);
    assert_eq!((&got.body["type"], &got.body["status"]), (&json!("default"), &json!("AVAILABLE")));
    assert_eq!(got.each("models", "modelArn"), [fm(HAIKU), fm(SONNET)], "new Claudes are not routed");
    assert_eq!(bench.delete(&format!("/prompt-routers/{}", segment(arn))).refusal().1, "ValidationException");
}

#[test]
fn a_custom_router_lives_from_its_creation_to_its_deletion() {
    let mut bench = Bench::new();
    let made = bench.post("/prompt-routers", pair(&us(HAIKU), &fm(SONNET)));
    assert_eq!(made.status, 200, "{}", made.body);
    let arn = made.body["promptRouterArn"].as_str().expect("an ARN").to_owned();
    assert!(arn.contains(":prompt-router/"), "{arn}");
    let got = bench.get(&format!("/prompt-routers/{}", segment(&arn)));
    assert_eq!(got.each("models", "modelArn"), [us(HAIKU), fm(SONNET)]);
    assert_eq!(
        (&got.body["routingCriteria"], &got.body["fallbackModel"], &got.body["type"]),
        (&json!({ "responseQualityDifference": 10.0 }), &json!({ "modelArn": fm(SONNET) }), &json!("custom"))
    );
    assert_eq!(
        bench.get("/prompt-routers?type=custom").each("promptRouterSummaries", "promptRouterArn"),
        [&*arn]
    );
    assert_eq!(bench.get("/prompt-routers?type=default").each("promptRouterSummaries", "type"), ["default"]);
    assert_eq!(bench.delete(&format!("/prompt-routers/{}", segment(&arn))).status, 200);
    assert_eq!(
        bench.get(&format!("/prompt-routers/{}", segment(&arn))).refusal().1,
        "ResourceNotFoundException"
    );
}

#[test]
fn a_router_that_cannot_be_made_says_why() {
    let mut bench = Bench::new();
    let change = |key: &str, value: Value| {
        let mut body = pair(&fm(HAIKU), &fm(SONNET));
        body[key] = value;
        body
    };
    let quality = |value: f64| change("routingCriteria", json!({ "responseQualityDifference": value }));
    let at = "routingCriteria.responseQualityDifference";
    let two = "A prompt router must have exactly two models.";
    let family = "The models of a prompt router must be two of the same model family.";
    let new = us(NEW);
    let table = [
        (change("models", json!([{ "modelArn": fm(HAIKU) }])), two.to_owned()),
        (pair(&fm(HAIKU), &fm(HAIKU)), family.into()),
        (pair(&fm(HAIKU), &fm(NOVA)), family.into()),
        (pair(&fm(HAIKU), &new), "Prompt routing is not supported".into()),
        (pair(&fm(HAIKU), "no-arn"), "The provided model identifier is invalid.".into()),
        (
            change("fallbackModel", json!({ "modelArn": fm(NOVA) })),
            "The fallback model must be one of the models of the prompt router.".into(),
        ),
        (quality(12.0), "The response quality difference must be a multiple of 5.".into()),
        (
            quality(105.0),
            format!(
                "1 validation error detected: Value '105' at '{at}' failed to satisfy constraint: Member must have \
                 value less than or equal to 100"
            ),
        ),
    ];
    for (body, text) in table {
        assert_eq!(
            bench.post("/prompt-routers", body.clone()).refusal(),
            (400, "ValidationException", &*text),
            "{body}"
        );
    }
    bench.post("/prompt-routers", pair(&fm(HAIKU), &fm(SONNET)));
    let again = bench.post("/prompt-routers", pair(&fm(HAIKU), &fm(SONNET)));
    assert_eq!(again.refusal().1, "ConflictException");
}
