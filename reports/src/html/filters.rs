//! What templates can say of a value: `{{ value | show("seconds") }}`.

use minijinja::{Environment, Error, ErrorKind, Value as Any};

use crate::quantity::{Unit, Value, thousands};

pub(super) fn add(environment: &mut Environment<'_>) {
    environment.add_filter("show", show);
    environment.add_filter("thousands", |number: f64| thousands(number));
    environment.add_filter("points", |share: f64| format!("{:+.1}", 100.0 * share));
}

/// A value of the export in its unit: `share`, `seconds`, `per_second`, `ratio`, `count` or `usd`.
fn show(value: &Any, unit: &str) -> Result<String, Error> {
    let unit = match unit {
        "share" => Unit::Share,
        "seconds" => Unit::Seconds,
        "per_second" => Unit::PerSecond,
        "ratio" => Unit::Ratio,
        "count" => Unit::Count,
        "usd" => Unit::Usd,
        other => {
            let known = "share, seconds, per_second, ratio, count, usd";
            return Err(refused(format!("\"{other}\" is not a unit; known units: {known}")));
        }
    };
    Ok(unit.show(read(value)?))
}

fn read(value: &Any) -> Result<Value, Error> {
    match value.as_str() {
        Some("infinite") => return Ok(Value::Infinite),
        Some("no_data") => return Ok(Value::NoData),
        _ => {}
    }
    let number = match value.kind() {
        minijinja::value::ValueKind::Number => value.clone(),
        _ => value.get_attr("finite")?,
    };
    let number = f64::try_from(number).map_err(|_| refused(format!("{value} is not a value")))?;
    Ok(Value::Finite(number))
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}
