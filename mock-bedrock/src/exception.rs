//! The exceptions that the inference operations declare, with their statuses and the texts seen in the wild.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Deserialize;

/// One of Bedrock's modelled exceptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
pub enum ExceptionKind {
    AccessDeniedException,
    ConflictException,
    InternalServerException,
    ModelErrorException,
    ModelNotReadyException,
    ModelStreamErrorException,
    ModelTimeoutException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
    ServiceUnavailableException,
    ThrottlingException,
    ValidationException,
}

impl ExceptionKind {
    pub const fn name(self) -> &'static str {
        use ExceptionKind::*;
        match self {
            AccessDeniedException => "AccessDeniedException",
            ConflictException => "ConflictException",
            InternalServerException => "InternalServerException",
            ModelErrorException => "ModelErrorException",
            ModelNotReadyException => "ModelNotReadyException",
            ModelStreamErrorException => "ModelStreamErrorException",
            ModelTimeoutException => "ModelTimeoutException",
            ResourceNotFoundException => "ResourceNotFoundException",
            ServiceQuotaExceededException => "ServiceQuotaExceededException",
            ServiceUnavailableException => "ServiceUnavailableException",
            ThrottlingException => "ThrottlingException",
            ValidationException => "ValidationException",
        }
    }

    pub const fn status(self) -> u16 {
        use ExceptionKind::*;
        match self {
            AccessDeniedException => 403,
            ConflictException | ServiceQuotaExceededException | ValidationException => 400,
            InternalServerException => 500,
            ModelErrorException | ModelStreamErrorException => 424,
            ModelNotReadyException | ThrottlingException => 429,
            ModelTimeoutException => 408,
            ResourceNotFoundException => 404,
            ServiceUnavailableException => 503,
        }
    }
}

/// An exception with its text, as a client receives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    pub kind: ExceptionKind,
    pub message: Cow<'static, str>,
    /// `originalStatusCode`, on the two exceptions that have it.
    pub original_status: Option<u16>,
    /// `x-amz-retry-after`; not known to be sent by the real service, so only faults set it.
    pub retry_after_ms: Option<u64>,
    pub missing: Missing,
}

/// What an error's head lacks; nothing, but by faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missing {
    #[default]
    Nothing,
    /// `x-amzn-ErrorType`, so that the client must guess by status and text.
    Type,
    /// `x-amzn-RequestId`.
    RequestId,
}

/// The texts that clients have been seen to receive. AWS changes them without notice; these are from public reports.
impl Exception {
    pub fn new(kind: ExceptionKind, message: impl Into<Cow<'static, str>>) -> Exception {
        Exception {
            kind,
            message: message.into(),
            original_status: None,
            retry_after_ms: None,
            missing: Missing::Nothing,
        }
    }

    /// What a client gets to read for each kind when nothing more is known: seen in public reports, or else taken
    /// from AWS's API reference.
    pub fn usual(kind: ExceptionKind) -> Exception {
        use ExceptionKind::*;
        let text = match kind {
            ThrottlingException => return Exception::too_many_requests(),
            ServiceUnavailableException => return Exception::no_capacity(),
            AccessDeniedException => "You don't have access to the model with the specified model ID.",
            ConflictException => "Error occurred because of a conflict while performing an operation.",
            InternalServerException | ModelStreamErrorException => {
                "The system encountered an unexpected error during processing. Try your request again."
            }
            ModelErrorException => "The request failed due to an error while processing the model.",
            ModelNotReadyException => {
                "The model specified in the request is not ready to serve inference requests."
            }
            ModelTimeoutException => {
                "The request took too long to process. Processing time exceeded the model timeout length."
            }
            ResourceNotFoundException => {
                "This model version has reached the end of its life. Please refer to the AWS documentation for more \
                 details."
            }
            ServiceQuotaExceededException => "Your request exceeds the service quota for your account.",
            ValidationException => "Malformed input request, please reformat your input and try again.",
        };
        let original_status = matches!(kind, ModelErrorException | ModelStreamErrorException).then_some(500);
        Exception { original_status, ..Exception::new(kind, text) }
    }

    /// The requests-per-minute quota is used up.
    pub fn too_many_requests() -> Exception {
        Exception::new(
            ExceptionKind::ThrottlingException,
            "Too many requests, please wait before trying again.",
        )
    }

    /// The tokens-per-minute quota is used up.
    pub fn too_many_tokens() -> Exception {
        Exception::new(
            ExceptionKind::ThrottlingException,
            "Too many tokens, please wait before trying again.",
        )
    }

    /// The account's daily cap is used up, or was zero from the start.
    pub fn too_many_tokens_per_day() -> Exception {
        Exception::new(
            ExceptionKind::ThrottlingException,
            "Too many tokens per day, please wait before trying again.",
        )
    }

    /// A Region short of capacity, whatever the caller's quota.
    pub fn no_capacity() -> Exception {
        Exception::new(
            ExceptionKind::ServiceUnavailableException,
            "Bedrock is unable to process your request.",
        )
    }

    /// More open calls than the service holds.
    pub fn too_many_connections() -> Exception {
        Exception::new(
            ExceptionKind::ServiceUnavailableException,
            "Too many connections, please wait before trying again.",
        )
    }

    /// An unknown model id, and also a profile called from a Region that is not one of its sources.
    pub fn invalid_model_id() -> Exception {
        Exception::new(ExceptionKind::ValidationException, "The provided model identifier is invalid.")
    }

    /// A model that a Region offers through profiles only. The apostrophe is U+2019, as sent.
    pub fn needs_a_profile(model: &str) -> Exception {
        Exception::new(
            ExceptionKind::ValidationException,
            format!(
                "Invocation of model ID {model} with on-demand throughput isn\u{2019}t supported. Retry your \
                 request with the ID or ARN of an inference profile that contains this model."
            ),
        )
    }

    pub fn max_tokens_above(limit: u32) -> Exception {
        Exception::new(
            ExceptionKind::ValidationException,
            format!(
                "The maximum tokens you requested exceed the model limit of {limit}. Try again with a maximum \
                 tokens value lower than {limit}."
            ),
        )
    }

    /// `maxTokens: 0`, which the service model itself forbids.
    pub fn max_tokens_zero() -> Exception {
        Exception::new(
            ExceptionKind::ValidationException,
            "1 validation error detected: Value '0' at 'inferenceConfig.maxTokens' failed to satisfy constraint: \
             Member must have value greater than or equal to 1",
        )
    }

    pub fn input_too_long() -> Exception {
        Exception::new(ExceptionKind::ValidationException, "Input is too long for requested model.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_tell_the_three_throttles_apart() {
        let texts = [
            (Exception::too_many_requests(), "Too many requests, please wait before trying again."),
            (Exception::too_many_tokens(), "Too many tokens, please wait before trying again."),
            (
                Exception::too_many_tokens_per_day(),
                "Too many tokens per day, please wait before trying again.",
            ),
        ];
        for (exception, text) in texts {
            assert_eq!((exception.kind.status(), &*exception.message), (429, text));
        }
    }

    #[test]
    fn limits_and_names_are_put_into_the_text() {
        assert_eq!(
            Exception::max_tokens_above(4096).message,
            "The maximum tokens you requested exceed the model limit of 4096. Try again with a maximum tokens value \
             lower than 4096."
        );
        assert!(Exception::needs_a_profile("m").message.starts_with(
            "Invocation of model ID m with on-demand throughput isn\u{2019}t supported. Retry your request with"
        ));
    }
}
