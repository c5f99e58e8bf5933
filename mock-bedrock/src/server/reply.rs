//! Answers that are whole at once, and the one place where errors get their form.
//!
//! Bedrock names an error in `x-amzn-ErrorType` with a URL behind it and says no `__type` in the body. Whether the
//! body's key is `message` or `Message` depends on which layer refused.

use std::{
    borrow::Cow,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use serde::Serialize;

use super::runtime::stream::StreamBody;
use crate::{
    engine::{Page, PageKind},
    exception::{Exception, Missing},
};

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
pub const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
/// In milliseconds; the header that the AWS SDKs honour.
const RETRY_AFTER: HeaderName = HeaderName::from_static("x-amz-retry-after");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Which layer of the service refuses; each has its own form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Bedrock itself.
    Bedrock,
    /// What stands before it: signatures, and operations that do not exist.
    Front,
    /// IAM policies and API keys: the body's key is `Message`.
    Iam,
}

/// An error as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireError {
    pub status: StatusCode,
    pub name: Cow<'static, str>,
    pub message: Cow<'static, str>,
    pub layer: Layer,
    pub original_status: Option<u16>,
    pub retry_after_ms: Option<u64>,
}

#[derive(Debug, Serialize)]
struct ErrorBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(rename = "Message", skip_serializing_if = "Option::is_none")]
    capital: Option<&'a str>,
    #[serde(rename = "originalStatusCode", skip_serializing_if = "Option::is_none")]
    original_status: Option<u16>,
}

impl WireError {
    pub fn new(
        layer: Layer,
        status: StatusCode,
        name: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> WireError {
        WireError {
            status,
            name: name.into(),
            message: message.into(),
            layer,
            original_status: None,
            retry_after_ms: None,
        }
    }

    pub fn reply(&self, request_id: &str) -> Response<Bytes> {
        let text = Some(&*self.message);
        let capital = self.layer == Layer::Iam;
        let body = ErrorBody {
            message: text.filter(|_| !capital),
            capital: text.filter(|_| capital),
            original_status: self.original_status,
        };
        let mut response = json(self.status, &body, request_id);
        let coral = match self.layer {
            Layer::Bedrock => "com.amazon.bedrock",
            Layer::Front | Layer::Iam => "com.amazon.coral.service",
        };
        let kind = format!("{}:http://internal.amazon.com/coral/{coral}/", self.name);
        let headers = response.headers_mut();
        if let Ok(kind) = HeaderValue::try_from(kind) {
            headers.insert(ERROR_TYPE, kind);
        }
        if let Some(ms) = self.retry_after_ms {
            headers.insert(RETRY_AFTER, ms.into());
        }
        response
    }
}

impl From<&Exception> for WireError {
    fn from(exception: &Exception) -> WireError {
        let status =
            StatusCode::from_u16(exception.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        WireError {
            original_status: exception.original_status,
            retry_after_ms: exception.retry_after_ms,
            ..WireError::new(Layer::Bedrock, status, exception.kind.name(), exception.message.clone())
        }
    }
}

/// The connection ends instead of an answer, or in its middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    #[error("the connection is reset")]
    Reset,
    #[error("the connection is closed too early")]
    Close,
}

/// An answer's body: there at once, or in the making.
#[derive(Debug)]
pub struct Out(Made);

#[derive(Debug)]
enum Made {
    Whole(Bytes),
    /// A head that announces so many bytes, and then the end.
    Never {
        announced: u64,
        cut: Cut,
        head_left: bool,
    },
    Stream(Box<StreamBody>),
}

impl Out {
    pub fn whole(body: Bytes) -> Out {
        Out(Made::Whole(body))
    }

    /// Of so many announced bytes none will come.
    pub fn never(announced: usize, cut: Cut) -> Out {
        Out(Made::Never { announced: announced as u64, cut, head_left: false })
    }

    pub fn stream(body: StreamBody) -> Out {
        Out(Made::Stream(Box::new(body)))
    }
}

impl Body for Out {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match &mut self.0 {
            Made::Stream(stream) => Pin::new(&mut **stream).poll_frame(cx),
            Made::Never { head_left, .. } if !*head_left => {
                // The head must leave first.
                *head_left = true;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Made::Never { cut, .. } => Poll::Ready(Some(Err(*cut))),
            Made::Whole(body) if body.is_empty() => Poll::Ready(None),
            Made::Whole(body) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(body))))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Made::Whole(body) => body.is_empty(),
            Made::Never { .. } => false,
            Made::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Made::Whole(body) => SizeHint::with_exact(body.len() as u64),
            Made::Never { announced, .. } => SizeHint::with_exact(*announced),
            Made::Stream(_) => SizeHint::default(),
        }
    }
}

/// A modelled exception as a whole answer, less what a fault takes away.
pub fn error(exception: &Exception, request_id: &str) -> Response<Bytes> {
    let mut response = WireError::from(exception).reply(request_id);
    match exception.missing {
        Missing::Nothing => None,
        Missing::Type => response.headers_mut().remove(ERROR_TYPE),
        Missing::RequestId => response.headers_mut().remove(REQUEST_ID),
    };
    response
}

/// What something on the way answers in the service's stead.
pub fn page(page: &Page, request_id: &str) -> Response<Bytes> {
    let status = StatusCode::from_u16(page.status).unwrap_or(StatusCode::BAD_GATEWAY);
    match &page.kind {
        PageKind::Html => {
            let text = format!(
                "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n\
                 </body>\r\n</html>\r\n"
            );
            let mut response = whole(status, HeaderValue::from_static("text/html"), text.into(), request_id);
            response.headers_mut().remove(REQUEST_ID);
            response
        }
        PageKind::Words => {
            let text =
                "upstream connect error or disconnect/reset before headers. reset reason: connection failure";
            whole(status, JSON, Bytes::from_static(text.as_bytes()), request_id)
        }
        PageKind::Error(exception) => {
            let body = serde_json::json!({ "__type": exception.kind.name(), "message": exception.message });
            json(status, &body, request_id)
        }
    }
}

/// A whole answer in JSON, with the headers that every such answer has.
pub fn json(status: StatusCode, body: &impl Serialize, request_id: &str) -> Response<Bytes> {
    // Our own types serialise, so the fallback is never sent.
    let body = serde_json::to_vec(body).unwrap_or_default();
    whole(status, JSON, body.into(), request_id)
}

/// A whole answer of any content type. The server adds `Date` and `Content-Length`.
pub fn whole(
    status: StatusCode,
    content_type: HeaderValue,
    body: Bytes,
    request_id: &str,
) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CONNECTION, HeaderValue::from_static("keep-alive"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exception::ExceptionKind;

    fn parts(response: &Response<Bytes>) -> (u16, &str, &str) {
        let kind = response.headers().get(ERROR_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        (response.status().as_u16(), kind, std::str::from_utf8(response.body()).expect("JSON is UTF-8"))
    }

    #[test]
    fn point_10_an_error_is_named_in_a_header_with_a_url_and_has_no_type_in_its_body() {
        let response = error(&Exception::too_many_requests(), "id");
        assert_eq!(
            parts(&response),
            (
                429,
                "ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/",
                r#"{"message":"Too many requests, please wait before trying again."}"#
            )
        );
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
        assert_eq!(response.headers()[REQUEST_ID], "id");
        assert!(!response.headers().contains_key(RETRY_AFTER), "not known to be sent");
    }

    #[test]
    fn point_11_denials_have_a_capital_message() {
        let denied = WireError::new(Layer::Iam, StatusCode::FORBIDDEN, "AccessDeniedException", "no");
        assert_eq!(parts(&denied.reply("id")).2, r#"{"Message":"no"}"#);
    }

    #[test]
    fn what_an_exception_carries_reaches_the_wire() {
        let exception =
            Exception { retry_after_ms: Some(1500), ..Exception::usual(ExceptionKind::ModelErrorException) };
        let response = error(&exception, "id");
        let body: serde_json::Value = serde_json::from_slice(response.body()).expect("JSON");
        assert_eq!((response.status().as_u16(), &body["originalStatusCode"]), (424, &serde_json::json!(500)));
        assert_eq!(response.headers()[RETRY_AFTER], "1500");
    }
}
