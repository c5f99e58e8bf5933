use super::*;
use crate::failure::FailureClass::{self, *};

const fn reply(name: &'static str, status: u16, message: &'static str) -> ErrorReply<'static> {
    ErrorReply {
        name: if name.is_empty() { None } else { Some(name) },
        message,
        status: Some(status),
        retry_after_ms: None,
        original_status: None,
        in_stream: false,
    }
}

fn failure(reply: ErrorReply<'_>) -> Failure {
    classify(&AttemptEnd::Error(reply)).unwrap_err()
}

/// Texts as seen in real replies: public issue trackers, AWS documentation and AWS sample repositories.
const SEEN: &[(&str, u16, &str, FailureClass)] = &[
    ("ThrottlingException", 429, "Too many requests, please wait before trying again.", Throttle),
    (
        "ThrottlingException",
        429,
        "Too many requests, please wait before trying again. You have sent too many requests.  Wait before trying again.",
        Throttle,
    ),
    ("ThrottlingException", 429, "Too many tokens, please wait before trying again.", Throttle),
    ("ThrottlingException", 429, "Too many tokens per day, please wait before trying again.", Throttle),
    (
        "ThrottlingException",
        429,
        "Your request rate is too high. Reduce the frequency of requests.",
        Throttle,
    ),
    ("ThrottlingException", 429, "Model m is currently overloaded. Please try again later.", Throttle),
    ("ThrottlingException", 400, "Rate exceeded", Throttle),
    ("ServiceUnavailableException", 503, "Bedrock is unable to process your request.", Capacity),
    ("ServiceUnavailableException", 503, "Too many connections, please wait before trying again.", Capacity),
    (
        "InternalServerException",
        500,
        "The system encountered an unexpected error during processing. Try your request again.",
        ServerFault,
    ),
    ("ModelNotReadyException", 429, "Model is not ready for inference.", Capacity),
    ("ModelTimeoutException", 408, "Model has timed out in processing the request.", Timeout),
    ("ModelErrorException", 424, "The model failed.", ServerFault),
    (
        "ModelStreamErrorException",
        424,
        "The system encountered an unexpected error during processing. Try your request again.",
        StreamBroken,
    ),
    ("ServiceQuotaExceededException", 400, "Your request exceeds the service quota.", QuotaHard),
    ("ConflictException", 400, "", BadRequest),
    ("ValidationException", 400, "The provided model identifier is invalid.", ModelUnavailable),
    (
        "ValidationException",
        400,
        "Invocation of model ID m with on-demand throughput isn\u{2019}t supported. Retry your request with the ID or ARN of an inference profile that contains this model.",
        ModelUnavailable,
    ),
    (
        "ValidationException",
        400,
        "Malformed input request: 2 schema violations found, please reformat your input and try again.",
        BadRequest,
    ),
    ("ValidationException", 400, "Input is too long for requested model.", ContextWindow),
    (
        "ValidationException",
        400,
        "The model returned the following errors: prompt is too long: 214130 tokens > 200000 maximum",
        ContextWindow,
    ),
    (
        "ValidationException",
        400,
        "Malformed input request: Too many input tokens. Max input tokens: 8192, please reformat your input and try again.",
        ContextWindow,
    ),
    (
        "ValidationException",
        400,
        "The model returned the following errors: input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
        ContextWindow,
    ),
    (
        "ValidationException",
        400,
        "The model returned the following errors: messages: at least one message is required",
        BadRequest,
    ),
    ("ValidationException", 400, "Output blocked by content filtering policy", Content),
    (
        "ValidationException",
        400,
        "This model doesn't support the image field for user messages. Remove image and try again.",
        BadRequest,
    ),
    (
        "ValidationException",
        400,
        "The maximum tokens you requested exceed the model limit of 4096. Try again with a maximum tokens value lower than 4096.",
        BadRequest,
    ),
    (
        "ValidationException",
        400,
        "Latency performance configuration is not supported for m in us-east-1",
        BadRequest,
    ),
    (
        "ResourceNotFoundException",
        404,
        "This model version has reached the end of its life. Please refer to the AWS documentation for more details.",
        ModelUnavailable,
    ),
    (
        "ResourceNotFoundException",
        404,
        "Access denied. This Model is marked by provider as Legacy and you have not been actively using the model",
        ModelUnavailable,
    ),
    ("AccessDeniedException", 403, "You don't have access to the model with the specified model ID.", Access),
    (
        "AccessDeniedException",
        403,
        "User: arn:aws:iam::111122223333:user/u is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/m because no identity-based policy allows the bedrock:InvokeModel action",
        Access,
    ),
    ("AccessDeniedException", 403, "The security token included in the request is expired", Credential),
    (
        "AccessDeniedException",
        403,
        "Authentication failed: Please make sure your API Key is valid.",
        Credential,
    ),
    ("AccessDeniedException", 403, "", Access),
    (
        "UnrecognizedClientException",
        403,
        "The security token included in the request is invalid.",
        Credential,
    ),
    ("ExpiredTokenException", 403, "The security token included in the request is expired", Credential),
    (
        "InvalidSignatureException",
        403,
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.",
        Credential,
    ),
    ("OptInRequired", 403, "", Credential),
    // Without a name.
    (
        "",
        403,
        "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter.",
        Credential,
    ),
    ("", 403, "Authentication failed: Please make sure your API Key is valid.", Credential),
    ("", 403, "Invalid API Key format: Base64 decoding failed", Credential),
    ("", 403, "User: u is not authorized to perform: bedrock:InvokeModel", Access),
    ("", 429, "Too many tokens, please wait before trying again.", Throttle),
    ("", 400, "Too many tokens, please wait before trying again.", Throttle),
    ("", 503, "Bedrock is unable to process your request.", Capacity),
    // The documented error page.
    ("FTUFormNotFilled", 404, "", ModelUnavailable),
    ("IncompleteSignature", 400, "", Credential),
    ("InternalFailure", 500, "", ServerFault),
    ("InvalidAction", 400, "", BadRequest),
    ("InvalidClientTokenId", 403, "", Credential),
    ("MPAgreementBeingCreated", 403, "", Access),
    ("NotAuthorized", 400, "", Access),
    ("RequestExpired", 400, "", Credential),
    ("ServiceUnavailable", 503, "", Capacity),
    ("overloaded_error", 529, "Overloaded", Capacity),
    ("ValidationError", 400, "", BadRequest),
    ("ResourceNotFound", 404, "", ModelUnavailable),
    // Blank bodies, and names that nobody documents: the status decides.
    ("", 400, "", BadRequest),
    ("", 401, "", Credential),
    ("", 403, "", Access),
    ("", 404, "", ModelUnavailable),
    ("", 408, "", Timeout),
    ("", 424, "", ServerFault),
    ("", 429, "", Throttle),
    ("", 500, "", ServerFault),
    ("", 502, "", ServerFault),
    ("", 503, "", Capacity),
    ("", 504, "", ServerFault),
    ("", 529, "", Capacity),
    ("BrandNewException", 429, "", Throttle),
    ("BrandNewException", 418, "", BadRequest),
    ("BrandNewException", 500, "", ServerFault),
];

#[test]
fn every_known_reply_has_its_class() {
    for (name, status, message, class) in SEEN {
        let found = failure(reply(name, *status, message)).class();
        assert_eq!(found, *class, "{name} {status} {message:?}");
    }
}

#[test]
fn names_mean_the_same_in_every_form_in_which_they_arrive() {
    for (name, status, message, class) in SEEN.iter().filter(|row| !row.0.is_empty()) {
        let lower_camel = format!("{}{}", name[..1].to_ascii_lowercase(), &name[1..]);
        let header = format!("{name}:http://internal.amazon.com/coral/com.amazon.bedrock/");
        let body = format!("com.amazon.coral.service#{name}");
        let both = format!("com.amazon.coral.service#{name}:http://internal.amazon.com/");
        for form in [lower_camel, header, body, both] {
            let reply = ErrorReply { name: Some(&form), ..reply("", *status, message) };
            assert_eq!(failure(reply).class(), *class, "{form} {status} {message:?}");
        }
    }
}

#[test]
fn an_exception_inside_a_stream_means_what_it_means_in_a_head() {
    let in_stream = |name, message| ErrorReply { status: None, in_stream: true, ..reply(name, 0, message) };
    let rows = [
        ("throttlingException", "Too many tokens, please wait before trying again.", Throttle),
        ("serviceUnavailableException", "Bedrock is unable to process your request.", Capacity),
        ("internalServerException", "", ServerFault),
        ("validationException", "", BadRequest),
        ("modelTimeoutException", "", Timeout),
        ("modelStreamErrorException", "", StreamBroken),
        // Of a type that the client's model does not know.
        ("", "", StreamBroken),
    ];
    for (name, message, class) in rows {
        assert_eq!(failure(in_stream(name, message)).class(), class, "{name}");
    }
}

#[test]
fn a_throttle_tells_which_quota_it_ran_into() {
    let scope = |name, message| match failure(reply(name, 429, message)) {
        Failure::Throttle { scope, .. } => scope,
        other => panic!("not a throttle: {other:?}"),
    };
    for name in ["ThrottlingException", ""] {
        assert_eq!(scope(name, "Too many requests, please wait"), ThrottleScope::Requests);
        assert_eq!(scope(name, "Your request rate is too high."), ThrottleScope::Requests);
        assert_eq!(scope(name, "Too many tokens, please wait"), ThrottleScope::Tokens);
        assert_eq!(scope(name, "Too many tokens per day, please wait"), ThrottleScope::TokensPerDay);
        assert_eq!(scope(name, ""), ThrottleScope::Unknown);
    }
}

#[test]
fn too_many_tokens_is_never_a_context_overflow() {
    for name in ["ThrottlingException", "ValidationException", "BrandNewException", ""] {
        for status in [400, 413, 429, 500] {
            let found = failure(reply(name, status, "Too many tokens, please wait before trying again."));
            assert_ne!(found, Failure::ContextWindow, "{name} {status}");
        }
    }
}

#[test]
fn a_model_error_is_what_the_models_own_server_said() {
    let original = |status| {
        let reply = ErrorReply { original_status: status, ..reply("ModelErrorException", 424, "") };
        failure(reply).class()
    };
    assert_eq!(original(Some(500)), ServerFault);
    assert_eq!(original(Some(503)), ServerFault);
    assert_eq!(original(Some(400)), BadRequest);
    assert_eq!(original(Some(422)), BadRequest);
    assert_eq!(original(Some(408)), Timeout);
    assert_eq!(original(Some(429)), Capacity);
    assert_eq!(original(None), ServerFault);
}

#[test]
fn a_wish_to_be_left_alone_is_kept() {
    for (name, status) in [
        ("ThrottlingException", 429),
        ("ServiceUnavailableException", 503),
        ("ModelNotReadyException", 429),
        ("InternalServerException", 500),
        ("overloaded_error", 529),
        ("", 429),
        ("", 500),
    ] {
        let asked = ErrorReply { retry_after_ms: Some(1_500), ..reply(name, status, "") };
        assert_eq!(failure(asked).retry_after_ms(), Some(1_500), "{name} {status}");
    }
}

#[test]
fn endings_without_a_reply_speak_for_themselves() {
    let usage = Usage { input: 1, output: 2, cache_read: 3, cache_write: 4 };
    assert_eq!(classify(&AttemptEnd::Complete(usage)), Ok(usage));
    assert_eq!(classify(&AttemptEnd::Truncated), Err(Failure::StreamBroken));
    assert_eq!(classify(&AttemptEnd::Transport(Phase::Connect)), Err(Failure::Transport(Phase::Connect)));
    assert_eq!(classify(&AttemptEnd::TimedOut(Timer::Idle)), Err(Failure::Timeout(Timer::Idle)));
}

proptest::proptest! {
    #[test]
    fn no_reply_makes_it_panic(name in "\\PC{0,40}", message in "\\PC{0,2000}", status in proptest::option::of(0u16..1000), in_stream: bool) {
        let odd = ErrorReply { name: Some(&name), message: &message, status, in_stream, ..reply("", 0, "") };
        proptest::prop_assert!(classify(&AttemptEnd::Error(odd)).is_err());
    }
}
