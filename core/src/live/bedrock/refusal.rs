//! From the SDK's errors to how an attempt broke.
//!
//! The variant of an error says more than its code: of an exception inside a stream the SDK keeps no code at all. So the
//! modelled type decides first, and the code only names what the SDK does not model.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_bedrockruntime::{
    error::{ProvideErrorMetadata, SdkError},
    types::error::{
        AccessDeniedException, ConflictException, InternalServerException, ModelErrorException,
        ModelNotReadyException, ModelStreamErrorException, ModelTimeoutException, ResourceNotFoundException,
        ServiceQuotaExceededException, ServiceUnavailableException, ThrottlingException, ValidationException,
    },
};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::ConnectorError};
use aws_smithy_types::event_stream::RawMessage;

use crate::{
    failure::Phase,
    live::{
        lean::NotConnected,
        transport::{BoxError, Break, How, Refusal},
    },
};

/// Not known to be sent by the real service; the SDKs follow it.
pub(in crate::live) const RETRY_AFTER: &str = "x-amz-retry-after";

/// What a call without usable credentials amounts to.
const NO_CREDENTIALS: &str = "MissingAuthenticationToken";
/// What a call that the SDK would not even send amounts to.
const NOT_SENT: &str = "ValidationException";

/// A call that got no answer.
pub(in crate::live) fn of_call<E>(error: SdkError<E, HttpResponse>) -> Break
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let how = match &error {
        // An answer that could not be understood, because it is cut off; the SDK takes it for an error of the service.
        SdkError::ServiceError(service) if service.raw().status().is_success() => How::Truncated,
        SdkError::ServiceError(service) => {
            let head = service.raw();
            How::Refused(Refusal {
                status: Some(head.status().as_u16()),
                retry_after_ms: head.headers().get(RETRY_AFTER).and_then(|ms| ms.trim().parse().ok()),
                ..refusal(service.err())
            })
        }
        // Of a body that could not be read or understood.
        SdkError::ResponseError(_) => How::Truncated,
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            Some(error) => not_dispatched(error),
            None => How::Transport(Phase::Await),
        },
        SdkError::TimeoutError(_) => How::Transport(Phase::Await),
        _ => local(&error),
    };
    Break { how, source: Some(Box::new(error)) }
}

/// A stream that broke after its head. `said` reads an error in it.
pub(in crate::live) fn of_stream<E>(error: SdkError<E, RawMessage>, said: impl Fn(&E) -> Refusal) -> Break
where
    E: Error + Send + Sync + 'static,
{
    let how = match &error {
        SdkError::ServiceError(service) => How::Refused(said(service.err())),
        // A frame that was cut off or damaged.
        SdkError::ResponseError(_) => How::Truncated,
        _ => How::Transport(Phase::Body),
    };
    Break { how, source: Some(Box::new(error)) }
}

/// A call that did not leave, or found nobody.
pub(in crate::live) fn of_connector(error: ConnectorError) -> Break {
    Break { how: not_dispatched(&error), source: Some(Box::new(error)) }
}

/// A call for which there were no credentials.
pub(in crate::live) fn of_credentials(error: CredentialsError) -> Break {
    Break { how: local_refusal(NO_CREDENTIALS, &error), source: Some(Box::new(error)) }
}

/// A call that cannot be sent as it is.
pub(in crate::live) fn not_sent(error: BoxError) -> Break {
    Break { how: local_refusal(NOT_SENT, &*error), source: Some(error) }
}

/// What an error that the service model declares says.
pub(super) fn refusal<E: Error + ProvideErrorMetadata>(error: &E) -> Refusal {
    let modelled = error.source().and_then(modelled);
    let code = || error.code().map(str::to_owned);
    Refusal {
        name: modelled.map(str::to_owned).or_else(code),
        message: error.message().unwrap_or_default().to_owned(),
        status: None,
        retry_after_ms: None,
        original_status: error.source().and_then(original_status),
    }
}

/// The exceptions that the service model declares. One of their types is what a variant of an operation's error holds.
fn modelled(error: &(dyn Error + 'static)) -> Option<&'static str> {
    macro_rules! first_of {
        ($($exception:ident),+ $(,)?) => {
            $(if error.is::<$exception>() { return Some(stringify!($exception)); })+
        };
    }
    first_of!(
        ThrottlingException,
        ServiceUnavailableException,
        InternalServerException,
        ModelNotReadyException,
        ModelTimeoutException,
        ModelErrorException,
        ModelStreamErrorException,
        ValidationException,
        AccessDeniedException,
        ResourceNotFoundException,
        ServiceQuotaExceededException,
        ConflictException,
    );
    None
}

fn original_status(error: &(dyn Error + 'static)) -> Option<u16> {
    let status = match error.downcast_ref::<ModelErrorException>() {
        Some(error) => error.original_status_code(),
        None => error.downcast_ref::<ModelStreamErrorException>()?.original_status_code(),
    };
    status.and_then(|status| u16::try_from(status).ok())
}

fn not_dispatched(error: &ConnectorError) -> How {
    let cause = chain(error);
    if cause.clone().any(|cause| cause.is::<CredentialsError>()) {
        return local_refusal(NO_CREDENTIALS, error);
    }
    if error.is_timeout() {
        // The only timeout that these clients have.
        return How::NotConnected;
    }
    if error.is_user() {
        return local_refusal(NOT_SENT, error);
    }
    let never_connected = cause.clone().any(|cause| {
        let connect =
            cause.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|e| e.is_connect());
        let refused = cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|e| e.kind() == std::io::ErrorKind::ConnectionRefused);
        connect || refused || cause.is::<NotConnected>()
    });
    How::Transport(if never_connected { Phase::Connect } else { Phase::Await })
}

fn local(error: &(dyn Error + 'static)) -> How {
    let credentials = chain(error).any(|cause| cause.is::<CredentialsError>());
    local_refusal(if credentials { NO_CREDENTIALS } else { NOT_SENT }, error)
}

fn local_refusal(name: &str, error: &(dyn Error + 'static)) -> How {
    let deepest = chain(error).last().map(ToString::to_string).unwrap_or_default();
    How::Refused(Refusal { name: Some(name.to_owned()), message: deepest, ..Refusal::default() })
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> + Clone {
    std::iter::successors(Some(error), |&error| error.source())
}
