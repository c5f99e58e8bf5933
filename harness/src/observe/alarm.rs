//! The alarms: whom they call is the settings' affair, when is here. Ratios are computed by CloudWatch from two sums, so a
//! minute without calls is no alarm.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{filter::metric, spec::ObserveSpec, wanted::Scene};

/// Minutes that are looked at, and how many of them must be bad: one bad minute wakes nobody.
pub const MINUTES: (i32, i32) = (5, 3);
/// Namespace of the service's own metrics.
pub const SERVICE: &str = "AWS/Bedrock";
/// Models whose metrics one alarm can add up: it takes ten metrics, and a ratio needs two for each.
const MODELS_MAX: usize = 4;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alarm {
    pub name: String,
    pub description: String,
    pub queries: Vec<Query>,
    pub threshold: f64,
    pub actions: Vec<String>,
}

/// A metric, or arithmetic over metrics; the one that `returns` is compared with the threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    pub id: String,
    pub label: String,
    pub what: What,
    pub returns: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum What {
    Metric { namespace: String, name: String, model: Option<String>, stat: String },
    Expression(String),
}

impl Query {
    pub fn metric(id: &str, namespace: &str, name: &str, model: Option<&str>, stat: &str) -> Query {
        Query {
            id: id.to_owned(),
            label: name.to_owned(),
            what: What::Metric {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                model: model.map(str::to_owned),
                stat: stat.to_owned(),
            },
            returns: false,
        }
    }

    fn result(label: &str, expression: String) -> Query {
        let what = What::Expression(expression);
        Query { id: "result".to_owned(), label: label.to_owned(), what, returns: true }
    }

    /// As `PutMetricAlarm` and CloudFormation have it.
    pub fn json(&self) -> Value {
        match &self.what {
            What::Expression(expression) => json!({
                "Id": self.id,
                "Expression": expression,
                "Label": self.label,
                "ReturnData": self.returns,
            }),
            What::Metric { namespace, name, model, stat } => {
                let dimensions: Vec<Value> =
                    model.iter().map(|model| json!({ "Name": "ModelId", "Value": model })).collect();
                json!({
                    "Id": self.id,
                    "Label": self.label,
                    "MetricStat": {
                        "Metric": { "Namespace": namespace, "MetricName": name, "Dimensions": dimensions },
                        "Period": 60,
                        "Stat": stat,
                    },
                    "ReturnData": self.returns,
                })
            }
        }
    }
}

pub fn all(spec: &ObserveSpec, scene: &Scene) -> Vec<Alarm> {
    let name = |what: &str| format!("{}{}-{what}", spec.prefix, scene.region);
    let alarm = |what: &str, description: String, queries, threshold| Alarm {
        name: name(what),
        description,
        queries,
        threshold,
        actions: spec.alarms.actions.clone(),
    };
    let models = &scene.models[..scene.models.len().min(MODELS_MAX)];
    let own = |id, metric| Query::metric(id, &spec.namespace, metric, None, "Sum");
    let mut alarms = vec![alarm(
        "rerouted-share",
        format!("Other Regions than {} answer more of the profiles' calls than usual", scene.region),
        vec![
            own("rerouted", metric::REROUTED),
            own("calls", metric::PROFILE),
            Query::result("rerouted share in percent", "100 * rerouted / calls".to_owned()),
        ],
        spec.alarms.rerouted.0 * 100.0,
    )];
    if !models.is_empty() {
        alarms.push(alarm(
            "throttle-ratio",
            "Of all calls, throttled ones among them, too many are throttled".to_owned(),
            throttle_ratio(models),
            spec.alarms.throttled.0 * 100.0,
        ));
        alarms.push(alarm(
            "latency-p99",
            "Whole answers take too long, as the service measures them".to_owned(),
            latency(models),
            spec.alarms.latency.0 as f64 / 1e6,
        ));
    }
    alarms
}

/// Invocations count the answered calls alone, so the whole is both.
fn throttle_ratio(models: &[String]) -> Vec<Query> {
    let ids = |letter: char| (0..models.len()).map(|place| format!("{letter}{place}")).collect::<Vec<_>>();
    let (throttled, answered) = (ids('t'), ids('i'));
    let mut queries = Vec::new();
    for (place, model) in models.iter().enumerate() {
        queries.push(Query::metric(&throttled[place], SERVICE, "InvocationThrottles", Some(model), "Sum"));
        queries.push(Query::metric(&answered[place], SERVICE, "Invocations", Some(model), "Sum"));
    }
    let sum = |ids: &[String]| ids.iter().map(|id| format!("FILL({id}, 0)")).collect::<Vec<_>>().join(" + ");
    let (throttled, answered) = (sum(&throttled), sum(&answered));
    let ratio = format!("100 * ({throttled}) / ({throttled} + {answered})");
    queries.push(Query::result("throttled share in percent", ratio));
    queries
}

fn latency(models: &[String]) -> Vec<Query> {
    let ids: Vec<String> = (0..models.len()).map(|place| format!("l{place}")).collect();
    let metric =
        |(id, model): (&String, &String)| Query::metric(id, SERVICE, "InvocationLatency", Some(model), "p99");
    let mut queries: Vec<Query> = ids.iter().zip(models).map(metric).collect();
    let slowest = format!("MAX([{}])", ids.join(", "));
    queries.push(Query::result("slowest model's 99th percentile in ms", slowest));
    queries
}
