//! Smithy's CBOR to JSON and back. Times are tagged numbers there and plain ones in JSON, so on the way out they are told
//! by their members' names.

use ciborium::Value as Cbor;
use serde_json::{Map, Number, Value};

/// Tag of seconds since 1970.
const EPOCH: u64 = 1;

/// Members of CloudWatch's answers that hold times.
const TIMES: [&str; 6] = [
    "Timestamp",
    "Timestamps",
    "LastModified",
    "StateUpdatedTimestamp",
    "StateTransitionedTimestamp",
    "AlarmConfigurationUpdatedTimestamp",
];

pub fn read(body: &[u8]) -> Result<Value, String> {
    let value: Cbor = ciborium::from_reader(body).map_err(|error| error.to_string())?;
    plain(value)
}

fn plain(value: Cbor) -> Result<Value, String> {
    Ok(match value {
        Cbor::Null => Value::Null,
        Cbor::Bool(flag) => flag.into(),
        Cbor::Text(text) => text.into(),
        Cbor::Integer(integer) => integer_of(integer.into())?,
        Cbor::Float(number) => float_of(number),
        Cbor::Tag(_, inner) => plain(*inner)?,
        Cbor::Array(list) => Value::Array(list.into_iter().map(plain).collect::<Result<_, _>>()?),
        Cbor::Map(pairs) => {
            let mut fields = Map::new();
            for (key, value) in pairs {
                let Cbor::Text(key) = key else { return Err("a member's name is no text".to_owned()) };
                fields.insert(key, plain(value)?);
            }
            Value::Object(fields)
        }
        _ => return Err("a member has a type that is not known here".to_owned()),
    })
}

fn integer_of(integer: i128) -> Result<Value, String> {
    let number =
        i64::try_from(integer).map(Number::from).or_else(|_| u64::try_from(integer).map(Number::from));
    number.map(Value::Number).map_err(|_| "an integer is out of range".to_owned())
}

/// What JSON has no number for is told by its name.
fn float_of(number: f64) -> Value {
    match Number::from_f64(number) {
        Some(number) => Value::Number(number),
        None if number.is_nan() => "NaN".into(),
        None if number > 0.0 => "Infinity".into(),
        None => "-Infinity".into(),
    }
}

pub fn write(body: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory cannot fail.
    let _ = ciborium::into_writer(&tagged(body, false), &mut bytes);
    bytes
}

fn tagged(value: &Value, time: bool) -> Cbor {
    match value {
        Value::Null => Cbor::Null,
        Value::Bool(flag) => Cbor::Bool(*flag),
        Value::String(text) => Cbor::Text(text.clone()),
        Value::Number(number) if time => {
            Cbor::Tag(EPOCH, Box::new(Cbor::Float(number.as_f64().unwrap_or_default())))
        }
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(integer), _) => Cbor::Integer(integer.into()),
            (None, Some(integer)) => Cbor::Integer(integer.into()),
            (None, None) => Cbor::Float(number.as_f64().unwrap_or_default()),
        },
        Value::Array(list) => Cbor::Array(list.iter().map(|value| tagged(value, time)).collect()),
        Value::Object(fields) => {
            let pair = |(key, value): (&String, &Value)| {
                (Cbor::Text(key.clone()), tagged(value, TIMES.contains(&key.as_str())))
            };
            Cbor::Map(fields.iter().map(pair).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_tagged_and_numbers_keep_their_kind() {
        let body = json!({ "Timestamps": [1.5], "Values": [2.0], "Count": 3, "Label": "x", "None": null });
        let back: Cbor = ciborium::from_reader(&write(&body)[..]).expect("CBOR");
        let member = |name: &str| {
            let map = back.as_map().expect("a map");
            map.iter()
                .find(|(key, _)| key.as_text() == Some(name))
                .map(|(_, value)| value.clone())
                .expect("a member")
        };
        assert_eq!(member("Timestamps"), Cbor::Array(vec![Cbor::Tag(1, Box::new(Cbor::Float(1.5)))]));
        assert_eq!(member("Values"), Cbor::Array(vec![Cbor::Float(2.0)]));
        assert_eq!(member("Count"), Cbor::Integer(3.into()));
        assert_eq!(read(&write(&body)), Ok(body));
    }

    #[test]
    fn maps_of_unknown_length_are_read_and_nonsense_is_refused() {
        let open = [0xbf, 0x61, b'a', 0xc1, 0xfb, 0x40, 0x09, 0x21, 0xfb, 0x54, 0x44, 0x2d, 0x18, 0xff];
        assert_eq!(read(&open), Ok(json!({ "a": std::f64::consts::PI })));
        assert_eq!(read(&[0xfb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]), Ok(json!("NaN")));
        let deep = [0x81; 5_000];
        for broken in [&[][..], &[0xbf, 0x61], &[0xa1, 0x01, 0x01], &[0x41, 0x00], &deep] {
            assert!(read(broken).is_err(), "{broken:?}");
        }
    }
}
