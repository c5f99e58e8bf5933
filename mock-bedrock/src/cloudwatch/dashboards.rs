//! Dashboards, which an account has in all Regions alike: kept as they were put, after a look at their bodies.
//!
//! A body that is no JSON, or holds widgets that could not be drawn, is refused with the places; what could be drawn but
//! looks wrong is told and taken.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Fields, Millis, Refusal};

const DASHBOARDS_MAX: usize = 5_000;
const WIDGETS_MAX: usize = 500;
const BODY_MAX: usize = 1 << 20;
/// Kinds of widgets.
const KINDS: [&str; 5] = ["metric", "text", "log", "alarm", "explorer"];
const COLUMNS: i64 = 24;
const HEIGHT_MAX: i64 = 1_000;

#[derive(Debug, Default)]
pub struct Dashboards {
    dashboards: BTreeMap<String, Dashboard>,
}

#[derive(Debug)]
struct Dashboard {
    body: String,
    modified: Millis,
}

/// What is wrong, and where in the body.
type Finding = (String, &'static str);

impl Dashboards {
    pub fn has(&self, name: &str) -> bool {
        self.dashboards.contains_key(name)
    }

    pub fn put(&mut self, now: Millis, fields: &Fields<'_>) -> Answer {
        let name = fields.required("DashboardName", 255)?;
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) {
            let text = "The value for field DashboardName contains invalid characters. It can only contain alphanumerics, \
                        dash (-) and underscore (_).";
            return Err(refused(text, &[("/DashboardName".to_owned(), "Invalid characters")]));
        }
        let body = fields.required("DashboardBody", BODY_MAX)?;
        let read: Value = serde_json::from_str(body).map_err(|_| {
            let found = [("/".to_owned(), "Unexpected token; the body is no JSON")];
            refused("The field DashboardBody must be a valid JSON object", &found)
        })?;
        let (errors, warnings) = look(&read);
        if !errors.is_empty() {
            let text = format!("The dashboard body is invalid, there are {} validation errors", errors.len());
            return Err(refused(&text, &errors));
        }
        if self.dashboards.len() >= DASHBOARDS_MAX && !self.has(name) {
            return Err(refused("The account has as many dashboards as it may", &[]));
        }
        self.dashboards.insert(name.to_owned(), Dashboard { body: body.to_owned(), modified: now });
        Ok(json!({ "DashboardValidationMessages": tell(&warnings) }))
    }

    pub fn get(&self, fields: &Fields<'_>, arn: impl Fn(&str) -> String) -> Answer {
        let name = fields.required("DashboardName", 255)?;
        let found = self.dashboards.get(name).ok_or_else(|| no_such(name))?;
        Ok(json!({ "DashboardArn": arn(name), "DashboardBody": found.body, "DashboardName": name }))
    }

    pub fn list(&self, fields: &Fields<'_>, arn: impl Fn(&str) -> String) -> Answer {
        const PAGE: usize = 1_000;
        let prefix = fields.text("DashboardNamePrefix")?.unwrap_or_default();
        let after = fields.text("NextToken")?;
        let wanted = |name: &str| name.starts_with(prefix) && after.is_none_or(|after| name > after);
        let mut found = self.dashboards.iter().filter(|(name, _)| wanted(name));
        let page: Vec<(&String, &Dashboard)> = found.by_ref().take(PAGE).collect();
        let entries = page.iter().map(|(name, dashboard)| {
            json!({
                "DashboardName": name,
                "DashboardArn": arn(name),
                "LastModified": dashboard.modified as f64 / 1_000.0,
                "Size": dashboard.body.len(),
            })
        });
        let mut answer = json!({ "DashboardEntries": entries.collect::<Vec<_>>() });
        if let (Some(_), Some((last, _))) = (found.next(), page.last()) {
            answer["NextToken"] = last.as_str().into();
        }
        Ok(answer)
    }

    /// All of them or none.
    pub fn delete(&mut self, fields: &Fields<'_>) -> Result<Vec<String>, Refusal> {
        let names = fields.texts("DashboardNames")?.ok_or_else(|| fields.missing("DashboardNames"))?;
        if let Some(unknown) = names.iter().find(|name| !self.has(name)) {
            return Err(no_such(unknown));
        }
        names.iter().for_each(|name| drop(self.dashboards.remove(*name)));
        Ok(names.into_iter().map(str::to_owned).collect())
    }
}

fn no_such(name: &str) -> Refusal {
    Refusal::new("DashboardNotFoundError", format!("Dashboard {name} does not exist"))
}

fn refused(text: &str, found: &[Finding]) -> Refusal {
    let mut refusal = Refusal::new("DashboardInvalidInputError", text);
    refusal.more.insert("dashboardValidationMessages".into(), tell(found).into());
    refusal
}

fn tell(found: &[Finding]) -> Vec<Value> {
    found.iter().map(|(path, message)| json!({ "DataPath": path, "Message": message })).collect()
}

/// What makes a body useless, and what only looks wrong.
fn look(body: &Value) -> (Vec<Finding>, Vec<Finding>) {
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    let Some(widgets) = body.get("widgets") else {
        let text = if body.is_object() { "Should have property widgets" } else { "Should be an object" };
        return (vec![("/".to_owned(), text)], warnings);
    };
    let Some(widgets) = widgets.as_array().filter(|widgets| widgets.len() <= WIDGETS_MAX) else {
        return (vec![("/widgets".to_owned(), "Should be a list of at most 500 widgets")], warnings);
    };
    for (place, widget) in widgets.iter().enumerate() {
        let at = format!("/widgets/{place}");
        let kind = widget["type"].as_str().filter(|kind| KINDS.contains(kind));
        if kind.is_none() {
            errors.push((format!("{at}/type"), "Should be one of metric, text, log, alarm, explorer"));
        }
        for (name, least, most) in
            [("width", 1, COLUMNS), ("height", 1, HEIGHT_MAX), ("x", 0, COLUMNS - 1), ("y", 0, i64::MAX)]
        {
            let fits = |value: &Value| value.as_i64().is_some_and(|value| (least..=most).contains(&value));
            if widget.get(name).is_some_and(|value| !fits(value)) {
                errors.push((format!("{at}/{name}"), "Should be an integer within the grid"));
            }
        }
        match widget.get("properties") {
            Some(Value::Object(_)) => {
                properties(kind, &at, &widget["properties"], &mut errors, &mut warnings)
            }
            _ => errors.push((at, "Should have property properties")),
        }
    }
    (errors, warnings)
}

fn properties(
    kind: Option<&str>,
    at: &str,
    properties: &Value,
    errors: &mut Vec<Finding>,
    warnings: &mut Vec<Finding>,
) {
    let at = |name: &str| format!("{at}/properties/{name}");
    let lacks = |name: &str| properties.get(name).is_none();
    match kind {
        Some("metric") => {
            let list = |name: &str| properties.get(name).is_some_and(Value::is_array);
            if lacks("annotations") && !list("metrics") {
                errors.push((at("metrics"), "Should be a list of metrics"));
            }
            let known = ["timeSeries", "singleValue", "bar", "pie", "gauge", "table"];
            if properties["view"].as_str().is_some_and(|view| !known.contains(&view)) {
                errors.push((at("view"), "Should be one of timeSeries, singleValue, bar, pie, gauge, table"));
            }
            if lacks("region") {
                errors.push((at("region"), "Should have property region"));
            }
            if properties["period"]
                .as_i64()
                .is_some_and(|period| period % 60 != 0 && ![1, 5, 10, 30].contains(&period))
            {
                warnings.push((at("period"), "Should be 1, 5, 10, 30 or a multiple of 60"));
            }
        }
        Some("text") if lacks("markdown") => errors.push((at("markdown"), "Should have property markdown")),
        Some("log") if lacks("query") => errors.push((at("query"), "Should have property query")),
        Some("alarm") if lacks("alarms") => errors.push((at("alarms"), "Should have property alarms")),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudwatch::fields::Style;

    fn ask(dashboards: &mut Dashboards, name: &str, body: &str) -> Answer {
        let request = json!({ "DashboardName": name, "DashboardBody": body });
        let request = request.as_object().expect("an object");
        dashboards.put(5_000, &Fields::new(request, Style::Metrics))
    }

    #[test]
    fn a_dashboard_is_kept_as_it_was_put_and_listed() {
        let mut dashboards = Dashboards::default();
        let body = r#"{"widgets":[{"type":"metric","width":12,"height":6,"properties":{"region":"us-east-1","metrics":[["a","b"]],"period":90}}]}"#;
        let answer = ask(&mut dashboards, "mine", body).expect("a dashboard");
        assert_eq!(answer["DashboardValidationMessages"][0]["DataPath"], "/widgets/0/properties/period");
        let request = json!({ "DashboardName": "mine", "DashboardNames": ["mine", "other"] });
        let fields = Fields::new(request.as_object().expect("an object"), Style::Metrics);
        let arn = |name: &str| format!("arn:{name}");
        assert_eq!(dashboards.get(&fields, arn).expect("there")["DashboardBody"], body);
        let listed = dashboards.list(&fields, arn).expect("a list");
        let expected = json!([{ "DashboardName": "mine", "DashboardArn": "arn:mine", "LastModified": 5.0, "Size": body.len() }]);
        assert_eq!(listed["DashboardEntries"], expected);
        assert_eq!(dashboards.delete(&fields).expect_err("one is unknown").name, "DashboardNotFoundError");
        assert!(dashboards.has("mine"), "none is deleted then");
    }

    #[test]
    fn a_body_that_cannot_be_drawn_is_refused_with_its_places() {
        let table = [
            ("not json", "/"),
            ("[]", "/"),
            ("{}", "/"),
            (r#"{"widgets":{}}"#, "/widgets"),
            (r#"{"widgets":[{"type":"dance","properties":{}}]}"#, "/widgets/0/type"),
            (r#"{"widgets":[{"type":"text"}]}"#, "/widgets/0"),
            (r#"{"widgets":[{"type":"text","properties":{}}]}"#, "/widgets/0/properties/markdown"),
            (r#"{"widgets":[{"type":"text","width":25,"properties":{"markdown":""}}]}"#, "/widgets/0/width"),
            (
                r#"{"widgets":[{"type":"metric","properties":{"region":"r"}}]}"#,
                "/widgets/0/properties/metrics",
            ),
            (
                r#"{"widgets":[{"type":"metric","properties":{"metrics":[]}}]}"#,
                "/widgets/0/properties/region",
            ),
        ];
        for (body, path) in table {
            let refusal = ask(&mut Dashboards::default(), "mine", body).expect_err(body);
            assert_eq!(refusal.name, "DashboardInvalidInputError");
            assert_eq!(refusal.more["dashboardValidationMessages"][0]["DataPath"], path, "{body}");
        }
        assert!(ask(&mut Dashboards::default(), "no blanks", r#"{"widgets":[]}"#).is_err());
    }
}
