//! From a request's path to what it asks for. The path is split while it is still encoded, because a model id is one
//! segment in which clients send `:` as `%3A` and the `/` of an ARN as `%2F`.

use http::Method;

/// Most segments of any path that is served.
const SEGMENTS_MAX: usize = 8;

/// A path's segments, decoded one by one after the split.
pub fn segments(path: &str) -> Option<Vec<String>> {
    let raw = path.strip_prefix('/')?;
    let split: Vec<&str> = raw.split('/').take(SEGMENTS_MAX + 1).collect();
    if split.len() > SEGMENTS_MAX {
        return None;
    }
    split.into_iter().map(decode).collect()
}

/// Percent-decodes one segment. A `+` stays a `+`, as in a path it should.
pub fn decode(segment: &str) -> Option<String> {
    if !segment.contains('%') {
        return Some(segment.to_owned());
    }
    let mut bytes = segment.bytes();
    let mut decoded = Vec::with_capacity(segment.len());
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' { hex(bytes.next()?)? << 4 | hex(bytes.next()?)? } else { byte });
    }
    String::from_utf8(decoded).ok()
}

fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|value| value as u8)
}

/// One of the operations on a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuntimeOperation {
    Converse,
    ConverseStream,
    InvokeModel,
    InvokeModelWithResponseStream,
    CountTokens,
}

/// Which part of the server a path belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// An operation on a model, whose id is as the caller sent it.
    Runtime(RuntimeOperation, String),
    /// The server's own pages.
    Admin,
    /// Everything else: the control plane and the other services.
    Elsewhere,
}

impl Place {
    pub fn of(method: &Method, path: &str) -> Place {
        if path == "/_richter" || path.starts_with("/_richter/") {
            return Place::Admin;
        }
        if *method != Method::POST {
            return Place::Elsewhere;
        }
        runtime(path).unwrap_or(Place::Elsewhere)
    }
}

fn runtime(path: &str) -> Option<Place> {
    let (segment, verb) = path.strip_prefix("/model/")?.split_once('/')?;
    let operation = match verb {
        "converse" => RuntimeOperation::Converse,
        "converse-stream" => RuntimeOperation::ConverseStream,
        "invoke" => RuntimeOperation::InvokeModel,
        "invoke-with-response-stream" => RuntimeOperation::InvokeModelWithResponseStream,
        "count-tokens" => RuntimeOperation::CountTokens,
        _ => return None,
    };
    let model = decode(segment)?;
    (!model.is_empty()).then_some(Place::Runtime(operation, model))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(path: &str) -> Option<String> {
        match Place::of(&Method::POST, path) {
            Place::Runtime(_, model) => Some(model),
            _ => None,
        }
    }

    #[test]
    fn point_01_a_model_id_is_one_encoded_segment() {
        let arn = "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.m-v1:0";
        let table = [
            ("/model/us.m-v1%3A0/converse", Some("us.m-v1:0")),
            ("/model/us.m-v1:0/converse", Some("us.m-v1:0")),
            (
                "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A111122223333%3Ainference-profile%2Fus.m-v1%3A0/invoke",
                Some(arn),
            ),
            ("/model/arn:aws:bedrock:us-east-1:111122223333:inference-profile%2fus.m-v1:0/invoke", Some(arn)),
            ("/model/arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.m-v1:0/invoke", None),
            ("/model//converse", None),
            ("/model/a%2/converse", None),
            ("/model/a%zz/converse", None),
            ("/model/%ff/converse", None),
            ("/model/m/converse/", None),
            ("/models/m/converse", None),
        ];
        for (path, expected) in table {
            assert_eq!(model(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn paths_that_are_no_runtime_operation_belong_elsewhere() {
        let table = [
            (Method::GET, "/model/m/converse", Place::Elsewhere),
            (Method::POST, "/model/m/dance", Place::Elsewhere),
            (Method::GET, "/foundation-models", Place::Elsewhere),
            (Method::GET, "/_richter/state", Place::Admin),
            (Method::GET, "/_richters", Place::Elsewhere),
        ];
        for (method, path, place) in table {
            assert_eq!(Place::of(&method, path), place, "{method} {path}");
        }
    }

    #[test]
    fn segments_are_split_before_they_are_decoded() {
        assert_eq!(
            segments("/inference-profiles/a%2Fb%3Ac"),
            Some(vec!["inference-profiles".into(), "a/b:c".into()])
        );
        assert_eq!(segments("/"), Some(vec![String::new()]));
        for broken in ["", "x", "/%", "/1/2/3/4/5/6/7/8/9"] {
            assert_eq!(segments(broken), None, "{broken}");
        }
    }
}
