//! Everything that goes wrong: errors before and inside streams, retries, timeouts, keys.

use aws_sdk_bedrockruntime::{
    Client,
    config::{Token, timeout::TimeoutConfig},
    types::error::{ConverseStreamOutputError, ResponseStreamError},
};

use aws_smithy_runtime_api::client::auth::AuthSchemeId;

use super::*;

/// Each exception of the service model with its status.
const EXCEPTIONS: [(&str, u16); 11] = [
    ("AccessDeniedException", 403),
    ("InternalServerException", 500),
    ("ModelErrorException", 424),
    ("ModelNotReadyException", 429),
    ("ModelStreamErrorException", 424),
    ("ModelTimeoutException", 408),
    ("ResourceNotFoundException", 404),
    ("ServiceQuotaExceededException", 400),
    ("ServiceUnavailableException", 503),
    ("ThrottlingException", 429),
    ("ValidationException", 400),
];
const IN_STREAMS: [&str; 6] = [
    "InternalServerException",
    "ModelStreamErrorException",
    "ServiceUnavailableException",
    "ThrottlingException",
    "ValidationException",
    "ModelTimeoutException",
];
/// How many attempts the SDK makes of each failure by itself: standard mode, three in total.
const ATTEMPTS: [(&str, u64); 7] = [
    ("ThrottlingException", 3),
    ("ServiceUnavailableException", 3),
    ("InternalServerException", 3),
    ("ModelNotReadyException", 3),
    ("ModelTimeoutException", 1),
    ("ModelErrorException", 1),
    ("ValidationException", 1),
];

/// How each inference operation is refused.
async fn refusals(client: &Client) -> [(&'static str, Refusal); 4] {
    let body = || blob(&claude());
    let stream = client.invoke_model_with_response_stream().model_id(PROFILE).body(body());
    [
        (
            "Converse",
            refusal(
                client.converse().model_id(PROFILE).messages(hello()).send().await.expect_err("a refusal"),
            ),
        ),
        (
            "ConverseStream",
            refusal(
                client
                    .converse_stream()
                    .model_id(PROFILE)
                    .messages(hello())
                    .send()
                    .await
                    .expect_err("a refusal"),
            ),
        ),
        (
            "InvokeModel",
            refusal(
                client.invoke_model().model_id(PROFILE).body(body()).send().await.expect_err("a refusal"),
            ),
        ),
        ("InvokeModelWithResponseStream", refusal(stream.send().await.expect_err("a refusal"))),
    ]
}

#[test]
fn every_exception_has_its_name_and_status() {
    case(&["errors before the answer"], async |mock| {
        for (kind, status) in EXCEPTIONS {
            mock.failing(kind).await;
            for (operation, refusal) in refusals(&mock.client()).await {
                assert_eq!((&*refusal.code, refusal.status), (kind, status), "{operation}");
                assert!(!refusal.message.is_empty());
            }
        }
    });
}

/// How a Converse stream ends: how many events came, and what broke it.
async fn told(client: &Client) -> (u32, Option<String>) {
    let call = client.converse_stream().model_id(PROFILE).messages(hello());
    let mut stream = call.send().await.expect("a stream").stream;
    let mut events = 0;
    loop {
        match stream.recv().await {
            Ok(Some(_)) => events += 1,
            Ok(None) => return (events, None),
            Err(SdkError::ServiceError(error)) => return (events, Some(variant(error.err()).to_owned())),
            Err(other) => return (events, Some(format!("{other:?}"))),
        }
    }
}

fn variant(error: &ConverseStreamOutputError) -> &'static str {
    use ConverseStreamOutputError::*;
    match error {
        InternalServerException(_) => "InternalServerException",
        ModelStreamErrorException(_) => "ModelStreamErrorException",
        ServiceUnavailableException(_) => "ServiceUnavailableException",
        ThrottlingException(_) => "ThrottlingException",
        ValidationException(_) => "ValidationException",
        _ => "another",
    }
}

/// The same of a native stream.
async fn told_natively(client: &Client) -> (u32, Option<String>) {
    let call = client.invoke_model_with_response_stream().model_id(PROFILE).body(blob(&claude()));
    let mut stream = call.send().await.expect("a stream").body;
    let mut events = 0;
    loop {
        match stream.recv().await {
            Ok(Some(_)) => events += 1,
            Ok(None) => return (events, None),
            Err(SdkError::ServiceError(error)) => {
                return (events, Some(native_variant(error.err()).to_owned()));
            }
            Err(other) => return (events, Some(format!("{other:?}"))),
        }
    }
}

fn native_variant(error: &ResponseStreamError) -> &'static str {
    use ResponseStreamError::*;
    match error {
        InternalServerException(_) => "InternalServerException",
        ModelStreamErrorException(_) => "ModelStreamErrorException",
        ModelTimeoutException(_) => "ModelTimeoutException",
        ServiceUnavailableException(_) => "ServiceUnavailableException",
        ThrottlingException(_) => "ThrottlingException",
        ValidationException(_) => "ValidationException",
        _ => "another",
    }
}

#[test]
fn point_16_an_error_inside_a_stream_is_typed_and_not_retried() {
    case(&["errors inside the stream"], async |mock| {
        for kind in IN_STREAMS {
            mock.fault(json!({ "exception_mid_stream": { "error": kind, "after": 3 } })).await;
            let client = mock.client_with(|config| config);
            let (events, broken) = told_natively(&client).await;
            assert_eq!(broken.as_deref(), Some(kind));
            assert!(events > 3, "{events} came first");
            assert_eq!(mock.requests("InvokeModelWithResponseStream").await, 1);
            // Point 8: a Converse stream has no model timeout, so that fault finds nothing to strike.
            let expected = (kind != "ModelTimeoutException").then_some(kind);
            assert_eq!(told(&client).await.1.as_deref(), expected);
            assert_eq!(mock.requests("ConverseStream").await, 1);
        }
    });
}

#[test]
fn point_16_a_clean_end_without_message_stop_is_accepted() {
    case(&["errors inside the stream"], async |mock| {
        mock.fault(json!({ "eof_mid_stream": { "after": 3 } })).await;
        assert_eq!(told(&mock.client()).await, (4, None));
    });
}

#[test]
fn a_reset_inside_a_stream_is_an_error() {
    case(&["errors inside the stream"], async |mock| {
        mock.fault(json!({ "reset_mid_stream": { "after": 3 } })).await;
        let (_, broken) = told(&mock.client()).await;
        assert!(broken.as_ref().is_some_and(|broken| broken.contains("DispatchFailure")), "{broken:?}");
        assert!(told_natively(&mock.client()).await.1.is_some());
    });
}

#[test]
fn the_sdk_tries_three_times() {
    case(&["retries, counted by the server"], async |mock| {
        for (kind, attempts) in ATTEMPTS {
            mock.failing(kind).await;
            let client = mock.client_with(|config| config.sleep_impl(Hasty));
            let refused = client.converse().model_id(PROFILE).messages(hello()).send().await;
            assert_eq!(refusal(refused.expect_err("a refusal")).code, kind);
            assert_eq!(mock.requests("Converse").await, attempts, "{kind}");
        }
    });
}

#[test]
fn point_15_neither_408_nor_424_is_tried_again() {
    case(&["retries, counted by the server"], async |mock| {
        for kind in ["ModelTimeoutException", "ModelErrorException"] {
            mock.failing(kind).await;
            for (operation, _) in refusals(&mock.client_with(|config| config.sleep_impl(Hasty))).await {
                assert_eq!(mock.requests(operation).await, 1, "{operation} {kind}");
            }
        }
    });
}

/// Remembers what it was asked to wait. A wait before a retry is over at once; a limit is never reached.
#[derive(Debug, Clone, Default)]
struct Noted(std::sync::Arc<std::sync::Mutex<Vec<Duration>>>);

impl AsyncSleep for Noted {
    fn sleep(&self, duration: Duration) -> Sleep {
        self.0.lock().expect("no panic").push(duration);
        let is_limit = duration > Duration::from_secs(10);
        Sleep::new(async move {
            if is_limit {
                std::future::pending().await
            }
        })
    }
}

#[test]
fn point_14_a_wait_is_taken_from_the_header_in_milliseconds() {
    case(&["retries, counted by the server"], async |mock| {
        let errors = json!({ "ServiceUnavailableException": "100%" });
        mock.fault(json!({ "error_burst": { "errors": errors, "retry_after": "3217ms" } })).await;
        let noted = Noted::default();
        let timeouts = TimeoutConfig::disabled();
        let client = mock.client_with(|config| config.sleep_impl(noted.clone()).timeout_config(timeouts));
        let refused = client.converse().model_id(PROFILE).messages(hello()).send().await;
        assert_eq!(refusal(refused.expect_err("a refusal")).status, 503);
        let waits = noted.0.lock().expect("no panic").clone();
        let told = waits.iter().filter(|wait| **wait == Duration::from_millis(3217)).count();
        assert_eq!(told, 2, "not the back-off's own: {waits:?}");
    });
}

#[test]
fn timeouts_are_obeyed_and_tried_again() {
    case(&["timeouts"], async |mock| {
        mock.fault(json!({ "first_token_slow": { "add": "600s" } })).await;
        let timeouts = TimeoutConfig::builder().read_timeout(Duration::from_millis(200)).build();
        let impatient = mock.client_with(|config| {
            config.timeout_config(timeouts).retry_config(
                RetryConfig::standard().with_max_attempts(2).with_initial_backoff(Duration::from_millis(1)),
            )
        });
        let error = impatient.converse().model_id(PROFILE).messages(hello()).send().await;
        let error = error.expect_err("it is too slow");
        let timed_out = match &error {
            SdkError::DispatchFailure(failure) => failure.is_timeout(),
            other => matches!(other, SdkError::TimeoutError(_)),
        };
        assert!(timed_out, "{error:?}");
        assert_eq!(mock.requests("Converse").await, 2);
    });
}

fn known() -> Value {
    json!({
        "access_keys": {
            "AKIDEXAMPLE": { "secret": "secret" },
            "ASIAEXPIRED": { "secret": "s3", "session_token": "token", "expires_unix_s": 1_700_000_000 }
        },
        "api_keys": [{ "key": "ABSKsecret" }]
    })
}

#[test]
fn a_right_signature_is_let_in_and_a_wrong_one_is_told_why() {
    guarded(&["signatures"], known(), async |mock| {
        let arn = format!("arn:aws:bedrock:us-east-1:111122223333:inference-profile/{PROFILE}");
        for model in [PROFILE, &arn] {
            let answer = mock.client().converse().model_id(model).messages(hello()).send().await;
            assert!(answer.is_ok(), "{answer:?}");
        }
        let table = [
            ("AKIDEXAMPLE", "wrong", None, "InvalidSignatureException"),
            ("AKIANOBODY", "secret", None, "UnrecognizedClientException"),
            ("ASIAEXPIRED", "s3", Some("token"), "ExpiredTokenException"),
        ];
        for (id, secret, token, code) in table {
            let keys = Credentials::new(id, secret, token.map(str::to_owned), None, "test");
            let client = mock.client_with(|config| {
                config.credentials_provider(keys).retry_config(RetryConfig::disabled())
            });
            for (operation, refusal) in refusals(&client).await {
                assert_eq!((&*refusal.code, refusal.status), (code, 403), "{operation}");
            }
        }
    });
}

#[test]
fn an_api_key_is_let_in_and_a_wrong_one_is_not() {
    guarded(&["API keys"], known(), async |mock| {
        let bearing = |key: &str| {
            let token = Token::new(key, None);
            mock.client_with(|config| {
                let only = [AuthSchemeId::from("httpBearerAuth")];
                config.bearer_token(token).auth_scheme_preference(only).retry_config(RetryConfig::disabled())
            })
        };
        let answer = bearing("ABSKsecret").converse().model_id(PROFILE).messages(hello()).send().await;
        assert!(answer.is_ok(), "{answer:?}");
        for (_, refusal) in refusals(&bearing("ABSKb3RoZXI6a2V5")).await {
            assert_eq!(refusal.status, 403);
            assert!(refusal.message.contains("Please make sure your API Key is valid."), "{refusal:?}");
        }
    });
}
