//! The dashboard: six questions, each a widget, as the JSON that CloudWatch takes. The answer of a cross-Region call never
//! says who served it, so the first two are answered by the log's metrics alone.

use serde_json::{Value, json};

use super::{
    alarm::SERVICE,
    filter::{DESTINATION, metric},
    publish,
    spec::ObserveSpec,
    wanted::Scene,
};

/// A dashboard has 24 columns; two widgets stand side by side.
const WIDTH: usize = 12;
const HEIGHT: usize = 6;
/// Models shown one by one; a widget with more lines shows none of them.
const MODELS_MAX: usize = 10;

struct Widget {
    title: String,
    metrics: Vec<Value>,
    stat: &'static str,
    left: &'static str,
    /// A line at a value, with its name.
    marks: Vec<(String, f64)>,
}

pub fn body(spec: &ObserveSpec, scene: &Scene) -> Value {
    let models = &scene.models[..scene.models.len().min(MODELS_MAX)];
    let widgets = [
        rerouted(spec, scene),
        by_destination(spec),
        throttles(models),
        first_token(models),
        quota(models, scene),
        callers(),
    ];
    let place = |(place, widget): (usize, Widget)| widget.json(place, &scene.region);
    json!({ "widgets": widgets.into_iter().enumerate().map(place).collect::<Vec<_>>() })
}

impl Widget {
    fn json(self, place: usize, region: &str) -> Value {
        let marks: Vec<Value> =
            self.marks.iter().map(|(label, value)| json!({ "label": label, "value": value })).collect();
        json!({
            "type": "metric",
            "x": place % 2 * WIDTH,
            "y": place / 2 * HEIGHT,
            "width": WIDTH,
            "height": HEIGHT,
            "properties": {
                "title": self.title,
                "region": region,
                "view": "timeSeries",
                "stacked": false,
                "period": 60,
                "stat": self.stat,
                "metrics": self.metrics,
                "yAxis": { "left": { "min": 0, "label": self.left, "showUnits": false } },
                "annotations": { "horizontal": marks },
            },
        })
    }
}

/// A metric that only an expression beside it uses.
fn hidden(path: &[&str], id: &str) -> Value {
    with(path, json!({ "id": id, "visible": false }))
}

fn with(path: &[&str], options: Value) -> Value {
    let mut row: Vec<Value> = path.iter().map(|part| Value::from(*part)).collect();
    row.push(options);
    Value::Array(row)
}

fn expression(expression: impl Into<String>, label: &str, id: &str) -> Value {
    json!([{ "expression": expression.into(), "label": label, "id": id }])
}

fn rerouted(spec: &ObserveSpec, scene: &Scene) -> Widget {
    let path = |name| [spec.namespace.as_str(), name];
    Widget {
        title: format!("Answers from other Regions than {}", scene.region),
        metrics: vec![
            hidden(&path(metric::REROUTED), "rerouted"),
            hidden(&path(metric::PROFILE), "calls"),
            expression("100 * rerouted / calls", "of the profiles' answers", "share"),
        ],
        stat: "Sum",
        left: "percent",
        marks: vec![("alarm".to_owned(), spec.alarms.rerouted.0 * 100.0)],
    }
}

fn by_destination(spec: &ObserveSpec) -> Widget {
    let search = format!(
        "SEARCH('{{\"{}\",{DESTINATION}}} MetricName=\"{}\"', 'Sum', 60)",
        spec.namespace,
        metric::SERVED_BY
    );
    Widget {
        title: "Answers by serving Region, as the log names it".to_owned(),
        metrics: vec![expression(search, "", "regions")],
        stat: "Sum",
        left: "answers a minute",
        marks: Vec::new(),
    }
}

fn throttles(models: &[String]) -> Widget {
    let mut metrics = Vec::new();
    for (place, model) in models.iter().enumerate() {
        let (throttled, answered) = (format!("t{place}"), format!("i{place}"));
        metrics.push(hidden(&[SERVICE, "InvocationThrottles", "ModelId", model], &throttled));
        metrics.push(hidden(&[SERVICE, "Invocations", "ModelId", model], &answered));
        // Invocations leave throttled calls out, so the whole is both.
        let ratio = format!("100 * FILL({throttled}, 0) / (FILL({throttled}, 0) + FILL({answered}, 0))");
        metrics.push(expression(ratio, model, &format!("r{place}")));
    }
    Widget {
        title: "Throttled of all calls".to_owned(),
        metrics,
        stat: "Sum",
        left: "percent",
        marks: Vec::new(),
    }
}

fn first_token(models: &[String]) -> Widget {
    let of = |model: &String| {
        let path = [SERVICE, "TimeToFirstToken", "ModelId", model.as_str()];
        ["p50", "p99"].map(|stat| with(&path, json!({ "stat": stat, "label": format!("{model} {stat}") })))
    };
    Widget {
        title: "Time to first token of streams, as the service measures it".to_owned(),
        metrics: models.iter().flat_map(of).collect(),
        stat: "p99",
        left: "ms",
        marks: Vec::new(),
    }
}

fn quota(models: &[String], scene: &Scene) -> Widget {
    let of = |model: &String| {
        with(&[SERVICE, "EstimatedTPMQuotaUsage", "ModelId", model.as_str()], json!({ "label": model }))
    };
    let mark = |model: &String| Some((format!("quota of {model}"), *scene.quotas.get(model)?));
    Widget {
        title: "Estimated use of the tokens-per-minute quota".to_owned(),
        metrics: models.iter().map(of).collect(),
        stat: "Sum",
        left: "tokens a minute",
        marks: models.iter().filter_map(mark).collect(),
    }
}

fn callers() -> Widget {
    let search = format!(
        "SEARCH('{{\"{}\",{}}} MetricName=\"{}\"', 'p99', 60)",
        publish::NAMESPACE,
        publish::DIMENSIONS.join(","),
        publish::TOTAL
    );
    Widget {
        title: "What callers waited for whole answers, 99th percentile, as richter published it".to_owned(),
        metrics: vec![expression(search, "", "callers")],
        stat: "p99",
        left: "ms",
        marks: Vec::new(),
    }
}
