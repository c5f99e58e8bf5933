//! The control plane as its clients see it: requests in, answers out, time in between.

mod iam;
mod other_services;
mod profiles;
mod provisioned;
mod resolve;
mod routers;

use super::*;
use crate::{
    server::{caller::Usual, reply::ERROR_TYPE},
    world::{RouteKind, WorldSpec},
};

pub const HAIKU: &str = "anthropic.claude-3-haiku-20240307-v1:0";
pub const SONNET: &str = "anthropic.claude-3-5-sonnet-20240620-v1:0";
pub const NOVA: &str = "amazon.nova-pro-v1:0";
pub const NEW: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";
const SECOND: Nanos = 1_000_000_000;

/// A small account in three Regions; the newest model is reached through profiles only in one of them.
const WORLD: &str = "
regions: { us-east-1: { without: [anthropic.claude-sonnet-4-5-20250929-v1:0] }, us-east-2: {}, us-west-2: {} }
models:
  anthropic.claude-3-haiku-20240307-v1:0: &m { first_token: 1s, per_token: 1ms, max_output: 4096 }
  anthropic.claude-3-5-sonnet-20240620-v1:0: *m
  amazon.nova-pro-v1:0: *m
  anthropic.claude-sonnet-4-5-20250929-v1:0: *m
provisioned:
  \"arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abcdefghijkl\": { model: amazon.nova-pro-v1:0 }
quotas:
  on_demand: { us-east-1: { requests: 400/min, tokens: 300k/min, models: { amazon.nova-pro-v1:0: { tokens: 1M/min } } } }
  profile: { us-east-1: { tokens: 600k/min } }
  global_profile: { us-east-1: { tokens: 700k/min } }
  tokens_per_day: { us-east-1: 700M }
";

/// With every way in, and capacity for what is bought.
pub fn world() -> World {
    let spec: WorldSpec = serde_saphyr::from_str(WORLD).expect("a world");
    let mut ways = Vec::new();
    for region in ["us-east-1", "us-east-2", "us-west-2"] {
        for model in [HAIKU, SONNET, NOVA, NEW] {
            ways.push((RouteKind::OnDemand, region, model.to_owned()));
            ways.push((RouteKind::Profile, region, format!("us.{model}")));
            ways.push((RouteKind::Profile, region, format!("global.{model}")));
        }
    }
    let capacity = "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abcdefghijkl";
    ways.push((RouteKind::Provisioned, "us-east-1", capacity.to_owned()));
    let ways: Vec<_> = ways.iter().map(|(kind, region, id)| (*kind, *region, &**id)).collect();
    let mut world = spec.resolve(&ways).expect("a world without problems");
    stand(&mut world, "111122223333");
    world
}

/// A control plane and the time that it is told.
pub struct Bench {
    pub control: Control,
    pub now: Nanos,
    pub usual: Usual,
}

pub struct Got {
    pub status: u16,
    /// The error's name, if it is one.
    pub name: String,
    pub body: Value,
}

impl Got {
    pub fn refusal(&self) -> (u16, &str, &str) {
        (self.status, &self.name, self.body["message"].as_str().unwrap_or_default())
    }

    /// One member of each entry of a list.
    pub fn each(&self, list: &str, member: &str) -> Vec<String> {
        let all = self.body[list].as_array().cloned().unwrap_or_default();
        all.iter().map(|one| one[member].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// The log group `bedrock` and no other.
fn cloud() -> Arc<Mutex<CloudWatch>> {
    let mut cloud = CloudWatch::new(crate::cloudwatch::Settings::default());
    let body = json!({ "logGroupName": "bedrock" });
    let body = body.as_object().expect("an object");
    let ask = crate::cloudwatch::Ask { now: 0, account: "111122223333", region: "us-east-1", body };
    cloud.logs(&ask, "CreateLogGroup").expect("a group");
    Arc::new(Mutex::new(cloud))
}

impl Bench {
    pub fn new() -> Bench {
        let settings =
            Settings { provision_within: 60 * SECOND, role_usable_after: 10 * SECOND, ..Settings::default() };
        let usual = Usual { region: "us-east-1".into(), account: "111122223333".into(), only: false };
        Bench { control: Control::new(settings, &world(), cloud()), now: 0, usual }
    }

    pub fn elsewhere(&mut self, region: &str) -> &mut Bench {
        region.clone_into(&mut self.usual.region);
        self
    }

    pub fn raw(&mut self, request: Request<Bytes>) -> Response<Bytes> {
        let caller = Caller::of(&request, &self.usual);
        let when = When { now: self.now, unix_ms_at_zero: 1_764_547_200_000, unix_s: 1_764_547_200 };
        self.control.answer(&caller, &request, when, "id")
    }

    pub fn call(&mut self, method: Method, target: &str, body: Value) -> Got {
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let request = Request::builder().method(method).uri(target).body(body).expect("a request");
        let response = self.raw(request);
        let kind = response.headers().get(ERROR_TYPE).and_then(|value| value.to_str().ok());
        Got {
            status: response.status().as_u16(),
            name: kind.and_then(|kind| kind.split(':').next()).unwrap_or_default().to_owned(),
            body: serde_json::from_slice(response.body()).expect("JSON"),
        }
    }

    pub fn get(&mut self, target: &str) -> Got {
        self.call(Method::GET, target, Value::Null)
    }

    pub fn post(&mut self, target: &str, body: Value) -> Got {
        self.call(Method::POST, target, body)
    }

    pub fn delete(&mut self, target: &str) -> Got {
        self.call(Method::DELETE, target, Value::Null)
    }

    /// An application profile of a model or profile of this Region, by its ARN.
    pub fn application(&mut self, name: &str, from: &str) -> String {
        let made = self.post(
            "/inference-profiles",
            json!({ "inferenceProfileName": name, "modelSource": { "copyFrom": from } }),
        );
        assert_eq!(made.status, 201, "{}", made.body);
        made.body["inferenceProfileArn"].as_str().expect("an ARN").to_owned()
    }
}

/// An ARN as it stands in a path.
pub fn segment(arn: &str) -> String {
    arn.replace(':', "%3A").replace('/', "%2F")
}

pub fn fm(model: &str) -> String {
    format!("arn:aws:bedrock:us-east-1::foundation-model/{model}")
}

fn us(model: &str) -> String {
    format!("arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.{model}")
}

#[test]
fn models_are_listed_with_their_ways_of_use_and_filtered() {
    let mut bench = Bench::new();
    let all = bench.get("/foundation-models");
    assert_eq!(
        (all.status, all.each("modelSummaries", "modelId")),
        (200, vec![HAIKU.into(), SONNET.into(), NOVA.into(), NEW.into()])
    );
    let haiku = &all.body["modelSummaries"][0];
    let expected = json!({
        "modelArn": fm(HAIKU),
        "modelId": HAIKU,
        "modelName": "Claude 3 Haiku",
        "providerName": "Anthropic",
        "inputModalities": ["TEXT", "IMAGE"],
        "outputModalities": ["TEXT"],
        "responseStreamingSupported": true,
        "customizationsSupported": [],
        "inferenceTypesSupported": ["ON_DEMAND", "INFERENCE_PROFILE", "PROVISIONED"],
        "modelLifecycle": { "status": "ACTIVE" },
    });
    assert_eq!(*haiku, expected);
    assert_eq!(all.body["modelSummaries"][3]["inferenceTypesSupported"], json!(["INFERENCE_PROFILE"]));
    let table = [
        ("byProvider=Amazon", vec![NOVA]),
        ("byProvider=amazon", vec![NOVA]),
        ("byProvider=Nobody", vec![]),
        ("byInferenceType=ON_DEMAND", vec![HAIKU, SONNET, NOVA]),
        ("byOutputModality=TEXT&byProvider=Amazon", vec![NOVA]),
        ("byOutputModality=EMBEDDING", vec![]),
        ("byCustomizationType=FINE_TUNING", vec![]),
    ];
    for (query, models) in table {
        assert_eq!(
            bench.get(&format!("/foundation-models?{query}")).each("modelSummaries", "modelId"),
            models,
            "{query}"
        );
    }
    assert_eq!(bench.elsewhere("eu-west-1").get("/foundation-models").body, json!({ "modelSummaries": [] }));
}

#[test]
fn one_model_is_found_by_its_id_or_arn_in_its_region() {
    let mut bench = Bench::new();
    for id in [HAIKU.to_owned(), segment(&fm(HAIKU))] {
        let got = bench.get(&format!("/foundation-models/{id}"));
        assert_eq!((got.status, &got.body["modelDetails"]["modelId"]), (200, &json!(HAIKU)));
    }
    let elsewhere = segment(&fm(HAIKU).replace("us-east-1", "us-west-2"));
    for id in ["nobody.has-it", &*elsewhere, &segment(&us(HAIKU))] {
        let got = bench.get(&format!("/foundation-models/{id}"));
        let text = "Could not resolve the foundation model from the provided model identifier.";
        assert_eq!(got.refusal(), (404, "ResourceNotFoundException", text), "{id}");
    }
}

#[test]
fn accounts_and_regions_do_not_see_one_another() {
    let mut bench = Bench::new();
    let arn = bench.application("mine", &fm(HAIKU));
    let target = format!("/inference-profiles/{}", segment(&arn));
    bench.usual.account = "999999999999".into();
    assert_eq!(bench.get(&target).status, 404);
    bench.usual.account = "111122223333".into();
    assert_eq!(bench.elsewhere("us-west-2").get(&target).status, 404);
    assert_eq!(bench.elsewhere("us-east-1").get(&target).status, 200);
    bench.control.reset();
    assert_eq!(bench.get(&target).status, 404, "a reset forgets it");
}

#[test]
fn the_logging_configuration_is_given_back_as_it_was_put() {
    let mut bench = Bench::new();
    let target = "/logging/modelinvocations";
    assert_eq!(bench.get(target).body, json!({}));
    let role = "arn:aws:iam::111122223333:role/logs";
    let config = json!({
        "cloudWatchConfig": {
            "logGroupName": "bedrock", "roleArn": role,
            "largeDataDeliveryS3Config": { "bucketName": "big", "keyPrefix": "p" },
        },
        "s3Config": { "bucketName": "all" },
        "textDataDeliveryEnabled": true,
        "imageDataDeliveryEnabled": false,
    });
    let put = bench.call(Method::PUT, target, json!({ "loggingConfig": config }));
    assert_eq!((put.status, put.body), (200, json!({})));
    assert_eq!(bench.get(target).body, json!({ "loggingConfig": config }));
    assert_eq!(bench.control.logging("111122223333", "us-east-1"), Some(&config));
    assert_eq!(bench.control.logging("111122223333", "us-west-2"), None);
    let logs = "loggingConfig.cloudWatchConfig";
    let table = [
        (json!({}), "'loggingConfig'".to_owned()),
        (
            json!({ "loggingConfig": { "cloudWatchConfig": { "roleArn": role } } }),
            format!("'{logs}.logGroupName'"),
        ),
        (
            json!({ "loggingConfig": { "cloudWatchConfig": { "logGroupName": "g" } } }),
            "'roleArn'".replace("'roleArn'", &format!("'{logs}.roleArn'")),
        ),
        (
            json!({ "loggingConfig": { "cloudWatchConfig": { "logGroupName": "g", "roleArn": "r" } } }),
            "Value 'r'".into(),
        ),
        (
            json!({ "loggingConfig": { "cloudWatchConfig": { "logGroupName": "g", "roleArn": role } } }),
            format!("Failed to validate permissions for log group: g, with role: {role}"),
        ),
        (json!({ "loggingConfig": { "s3Config": {} } }), "'loggingConfig.s3Config.bucketName'".into()),
    ];
    for (body, part) in table {
        let got = bench.call(Method::PUT, target, body.clone());
        let (status, name, text) = got.refusal();
        assert_eq!(
            (status, name, text.contains(&part)),
            (400, "ValidationException", true),
            "{body}: {text}"
        );
    }
    assert_eq!(bench.get(target).body, json!({ "loggingConfig": config }), "a refusal changes nothing");
    assert_eq!(bench.delete(target).status, 200);
    assert_eq!(bench.get(target).body, json!({}));
}

#[test]
fn tags_are_added_listed_and_removed_up_to_fifty() {
    let mut bench = Bench::new();
    let arn = bench.application("mine", &fm(HAIKU));
    let tags = |from: u32, to: u32| -> Vec<Value> {
        (from..to).map(|n| json!({ "key": format!("k{n}"), "value": "v" })).collect()
    };
    assert_eq!(bench.post("/tagResource", json!({ "resourceARN": arn, "tags": tags(0, 50) })).status, 200);
    assert_eq!(
        bench.post("/tagResource", json!({ "resourceARN": arn, "tags": tags(0, 1) })).status,
        200,
        "again"
    );
    let more = bench.post("/tagResource", json!({ "resourceARN": arn, "tags": tags(50, 51) }));
    assert_eq!((more.status, &*more.name), (400, "TooManyTagsException"));
    bench.post("/untagResource", json!({ "resourceARN": arn, "tagKeys": ["k0", "none"] }));
    let list = bench.post("/listTagsForResource", json!({ "resourceARN": arn }));
    assert_eq!(list.each("tags", "key").len(), 49);
    let other = arn.replace("application-inference-profile/", "application-inference-profile/x");
    let got = bench.post("/listTagsForResource", json!({ "resourceARN": other }));
    assert_eq!((got.status, &*got.name), (404, "ResourceNotFoundException"));
    assert_eq!(bench.post("/tagResource", json!({ "resourceARN": arn })).refusal().0, 400);
}

#[test]
fn what_is_no_operation_is_named_so() {
    let mut bench = Bench::new();
    let table = [
        (Method::GET, "/nothing"),
        (Method::GET, "/"),
        (Method::PUT, "/foundation-models"),
        (Method::POST, "/model/m/dance"),
        (Method::GET, "/inference-profiles/a/b"),
        (Method::GET, "/inference-profiles/%zz"),
    ];
    for (method, target) in table {
        let got = bench.call(method, target, Value::Null);
        assert_eq!((got.status, &*got.name), (404, "UnknownOperationException"), "{target}");
        assert_eq!(got.body["Output"]["__type"], "com.amazon.coral.service#UnknownOperationException");
    }
}
