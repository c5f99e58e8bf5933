//! The three forms in which AWS's services speak: Bedrock in JSON with the error's name in a header, STS in XML, Service
//! Quotas in AWS JSON.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde_json::json;

use crate::server::reply::{self, ERROR_TYPE, WireError};

/// How a request is written, and its answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    RestJson,
    /// Forms in, XML out.
    Query,
    AwsJson,
}

const XML: HeaderValue = HeaderValue::from_static("text/xml");
const AWS_JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");

/// Header that names the operation in AWS JSON.
pub const TARGET: &str = "x-amz-target";

impl Protocol {
    pub fn of(request: &Request<Bytes>) -> Protocol {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        if request.uri().path() != "/" {
            Protocol::RestJson
        } else if header(TARGET).is_some_and(|target| target.starts_with("ServiceQuotas")) {
            Protocol::AwsJson
        } else if header("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
            || *request.method() == Method::GET
                && request.uri().query().is_some_and(|query| query.contains("Action="))
        {
            Protocol::Query
        } else {
            Protocol::RestJson
        }
    }
}

/// A refusal in the form of the service that was asked.
pub fn refuse(request: &Request<Bytes>, error: &WireError, request_id: &str) -> Response<Bytes> {
    let missing = error.message == "Authorization header is missing";
    match Protocol::of(request) {
        Protocol::RestJson => error.reply(request_id),
        Protocol::Query if missing => {
            let text = "Request is missing Authentication Token";
            xml_error(StatusCode::FORBIDDEN, "MissingAuthenticationToken", text, request_id)
        }
        Protocol::Query => xml_error(error.status, query_name(&error.name), &error.message, request_id),
        Protocol::AwsJson if missing => {
            json_error("MissingAuthenticationTokenException", "Missing Authentication Token", request_id)
        }
        Protocol::AwsJson => json_error(&error.name, &error.message, request_id),
    }
}

/// STS has its own names for what the other services call exceptions.
fn query_name(name: &str) -> &str {
    match name {
        "UnrecognizedClientException" => "InvalidClientTokenId",
        "InvalidSignatureException" => "SignatureDoesNotMatch",
        name => name.strip_suffix("Exception").unwrap_or(name),
    }
}

pub fn xml(status: StatusCode, body: String, request_id: &str) -> Response<Bytes> {
    reply::whole(status, XML, body.into(), request_id)
}

pub fn xml_error(status: StatusCode, code: &str, text: &str, request_id: &str) -> Response<Bytes> {
    let body = format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    <Type>Sender</Type>\n    \
         <Code>{}</Code>\n    <Message>{}</Message>\n  </Error>\n  <RequestId>{request_id}</RequestId>\n\
         </ErrorResponse>\n",
        escape(code),
        escape(text)
    );
    xml(status, body, request_id)
}

/// Text between two tags.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // XML 1.0 has no other control characters.
            c if c.is_control() && !matches!(c, '\n' | '\t') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

pub fn aws_json(status: StatusCode, body: &serde_json::Value, request_id: &str) -> Response<Bytes> {
    let body = serde_json::to_vec(body).unwrap_or_default();
    reply::whole(status, AWS_JSON, body.into(), request_id)
}

/// Errors of AWS JSON are named in the body, and have one status.
pub fn json_error(name: &str, text: &str, request_id: &str) -> Response<Bytes> {
    aws_json(StatusCode::BAD_REQUEST, &json!({ "__type": name, "message": text }), request_id)
}

const UNKNOWN: &str = "UnknownOperationException:http://internal.amazon.com/coral/com.amazon.coral.service/";

/// No operation has this path and method. The body is the one that clients of Bedrock have pasted into reports; the
/// status is what AWS documents for the error's name.
pub fn unknown_operation(request_id: &str) -> Response<Bytes> {
    let body = json!({
        "Output": { "__type": "com.amazon.coral.service#UnknownOperationException" },
        "Version": "1.0",
    });
    let mut response = reply::json(StatusCode::NOT_FOUND, &body, request_id);
    response.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(UNKNOWN));
    response
}
