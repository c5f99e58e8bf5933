//! Exception names as they arrive: in either case form, with the namespace before `#` and the origin after `:`.

/// What a known exception name stands for. Several names that mean the same to routing share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Throttling,
    ModelNotReady,
    Capacity,
    ServerFault,
    ModelTimeout,
    RequestTimeout,
    ModelError,
    ModelStreamError,
    QuotaHard,
    AccessDenied,
    Credential,
    ModelUnavailable,
    Validation,
    BadRequest,
}

/// The modelled exceptions first, then the names of the documented error page, then those of the layers in front
/// of the service and the codes that the AWS SDKs count as throttles.
const NAMES: &[(&str, Name)] = &[
    ("ThrottlingException", Name::Throttling),
    ("ServiceUnavailableException", Name::Capacity),
    ("InternalServerException", Name::ServerFault),
    ("ModelNotReadyException", Name::ModelNotReady),
    ("ModelTimeoutException", Name::ModelTimeout),
    ("ModelErrorException", Name::ModelError),
    ("ModelStreamErrorException", Name::ModelStreamError),
    ("ValidationException", Name::Validation),
    ("AccessDeniedException", Name::AccessDenied),
    ("ResourceNotFoundException", Name::ModelUnavailable),
    ("ServiceQuotaExceededException", Name::QuotaHard),
    ("ConflictException", Name::BadRequest),
    ("FTUFormNotFilled", Name::ModelUnavailable),
    ("IncompleteSignature", Name::Credential),
    ("InternalFailure", Name::ServerFault),
    ("InvalidAction", Name::BadRequest),
    ("InvalidClientTokenId", Name::Credential),
    ("MPAgreementBeingCreated", Name::AccessDenied),
    ("NotAuthorized", Name::AccessDenied),
    ("OptInRequired", Name::Credential),
    ("RequestExpired", Name::Credential),
    ("ResourceNotFound", Name::ModelUnavailable),
    ("ServiceUnavailable", Name::Capacity),
    ("ValidationError", Name::Validation),
    ("overloaded_error", Name::Capacity),
    ("AccessDenied", Name::AccessDenied),
    ("ExpiredToken", Name::Credential),
    ("ExpiredTokenException", Name::Credential),
    ("IncompleteSignatureException", Name::Credential),
    ("InvalidSignatureException", Name::Credential),
    ("MissingAuthenticationToken", Name::Credential),
    ("MissingAuthenticationTokenException", Name::Credential),
    ("SignatureDoesNotMatch", Name::Credential),
    ("UnrecognizedClientException", Name::Credential),
    ("InternalServerError", Name::ServerFault),
    ("RequestTimeout", Name::RequestTimeout),
    ("RequestTimeoutException", Name::RequestTimeout),
    ("BandwidthLimitExceeded", Name::Throttling),
    ("RequestLimitExceeded", Name::Throttling),
    ("RequestThrottled", Name::Throttling),
    ("RequestThrottledException", Name::Throttling),
    ("SlowDown", Name::Throttling),
    ("ThrottledException", Name::Throttling),
    ("Throttling", Name::Throttling),
    ("TooManyRequestsException", Name::Throttling),
];

/// `None` for a name that nobody documents; the classifier then goes by the message.
pub(super) fn known(name: &str) -> Option<Name> {
    let bare = bare(name);
    NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(bare)).map(|(_, name)| *name)
}

/// `com.amazon.coral.service#Name` and `Name:http://internal.amazon.com/…` both carry `Name`.
fn bare(name: &str) -> &str {
    let name = name.split_once(':').map_or(name, |(name, _)| name);
    name.rsplit_once('#').map_or(name, |(_, name)| name).trim()
}
