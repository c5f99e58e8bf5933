//! Signature version 4 for calls that all look alike. The SDK's own signer prepares for any request there is and makes its key
//! anew each time, which costs more than all else that this client does; so the text that is signed is written here, and only
//! the cryptography is the SDK's.
//!
//! Source: AWS general reference, "Create a signed AWS API request".

use std::{
    fmt::{self, Write as _},
    sync::Arc,
    time::SystemTime,
};

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use http::HeaderName;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::keys::Held;

pub(super) const DATE: HeaderName = HeaderName::from_static("x-amz-date");
pub(super) const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// What of a call is signed, beside its headers of always.
#[derive(Debug, Clone, Copy)]
pub(super) struct ToSign<'a> {
    pub(super) method: &'a str,
    pub(super) host: &'a str,
    /// As [`canonical`] gives it.
    pub(super) path: &'a str,
    pub(super) body: &'a [u8],
}

/// The headers that show that a call may be made.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Signature {
    pub(super) authorization: Option<String>,
    pub(super) date: Option<String>,
    pub(super) token: Option<String>,
}

/// Not to be shown.
impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signature").field("date", &self.date).finish_non_exhaustive()
    }
}

/// A time as signatures have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    at: SystemTime,
    /// Such as 20261127T215703Z.
    written: String,
}

impl Moment {
    pub(super) fn of(at: SystemTime) -> Moment {
        let written = Timestamp::try_from(at).unwrap_or(Timestamp::UNIX_EPOCH).strftime("%Y%m%dT%H%M%SZ");
        Moment { at, written: written.to_string() }
    }

    fn day(&self) -> &str {
        self.written.split('T').next().unwrap_or_default()
    }
}

/// Signs for one day, Region and service.
#[derive(Debug)]
pub(super) struct Key {
    held: Arc<Held>,
    day: String,
    scope: String,
    secret: Secret,
}

/// Not to be shown.
struct Secret(Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("**")
    }
}

impl Key {
    pub(super) fn new(held: Arc<Held>, now: &Moment, (region, service): (&str, &str)) -> Key {
        let secret = generate_signing_key(held.credentials.secret_access_key(), now.at, region, service);
        Key {
            day: now.day().to_owned(),
            scope: format!("{}/{region}/{service}/aws4_request", now.day()),
            secret: Secret(secret.as_ref().to_vec()),
            held,
        }
    }

    pub(super) fn fits(&self, held: &Arc<Held>, now: &Moment) -> bool {
        Arc::ptr_eq(&self.held, held) && self.day == now.day()
    }
}

pub(super) fn sign(call: &ToSign<'_>, key: &Key, now: &Moment) -> Signature {
    let ToSign { method, host, path, body } = call;
    let (date, token) = (&now.written, key.held.credentials.session_token());
    let mut request =
        format!("{method}\n{path}\n\ncontent-type:application/json\nhost:{host}\nx-amz-date:{date}\n");
    let mut names = "content-type;host;x-amz-date".to_owned();
    if let Some(token) = token {
        request.extend(["x-amz-security-token:", token, "\n"]);
        names.push_str(";x-amz-security-token");
    }
    request.extend(["\n", &names, "\n"]);
    digest(body, &mut request);
    let mut text = format!("AWS4-HMAC-SHA256\n{date}\n{}\n", key.scope);
    digest(request.as_bytes(), &mut text);
    let signature = calculate_signature(&key.secret.0, text.as_bytes());
    let (id, scope) = (key.held.credentials.access_key_id(), &key.scope);
    Signature {
        authorization: Some(format!(
            "AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}"
        )),
        date: Some(date.clone()),
        token: token.map(str::to_owned),
    }
}

/// Behind the text, in hexadecimal.
fn digest(bytes: &[u8], text: &mut String) {
    for byte in Sha256::digest(bytes) {
        let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
        text.extend([digit(byte >> 4), digit(byte & 15)]);
    }
}

/// A path as it is signed: encoded once more than it is sent.
pub(super) fn canonical(path: &str) -> String {
    let mut canonical = String::with_capacity(path.len() + 8);
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                canonical.push(char::from(byte));
            }
            _ => {
                let _ = write!(canonical, "%{byte:02X}");
            }
        }
    }
    canonical
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_config::SdkConfig;
    use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
    use aws_sigv4::{
        http_request::{SignableBody, SignableRequest, SigningSettings, sign as their_sign},
        sign::v4::SigningParams,
    };

    use super::{super::keys::Keys, *};

    const AT: Duration = Duration::from_secs(1_795_816_623);

    async fn held(token: Option<&str>) -> Arc<Held> {
        let credentials =
            Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI", token.map(str::to_owned), None, "test");
        let config =
            SdkConfig::builder().credentials_provider(SharedCredentialsProvider::new(credentials)).build();
        Keys::of(&config).held().await.expect("given")
    }

    /// The SDK's own signer, on the same call.
    fn theirs(held: &Held, (method, url): (&str, &str), body: &[u8]) -> Signature {
        let identity = held.credentials.clone().into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region("eu-west-1")
            .name("bedrock")
            .time(SystemTime::UNIX_EPOCH + AT)
            .settings(SigningSettings::default())
            .build()
            .expect("all is set")
            .into();
        let headers = [("content-type", "application/json")];
        let request = SignableRequest::new(method, url, headers.into_iter(), SignableBody::Bytes(body));
        let (signed, _) = their_sign(request.expect("sound"), &params).expect("signed").into_parts();
        let header = |name: &str| {
            signed.headers().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
        };
        Signature {
            authorization: header("authorization"),
            date: header("x-amz-date"),
            token: header("x-amz-security-token"),
        }
    }

    #[tokio::test]
    async fn calls_are_signed_to_the_letter_as_the_sdk_signs_them() {
        let profile =
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A111122223333%3Ainference-profile%2Fus.m/converse";
        let paths =
            ["/", "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse-stream", profile, "/a~b/-._/x"];
        for token in [None, Some("FwoGZXIvYXdzEJr//////////wEaD+token=")] {
            for (method, host, path) in paths.iter().flat_map(|path| {
                [("POST", "bedrock-runtime.eu-west-1.amazonaws.com", path), ("GET", "127.0.0.1:8080", path)]
            }) {
                for body in [&b""[..], br#"{"messages":[]}"#] {
                    let (held, now) = (held(token).await, Moment::of(SystemTime::UNIX_EPOCH + AT));
                    let key = Key::new(Arc::clone(&held), &now, ("eu-west-1", "bedrock"));
                    let call = ToSign { method, host, path: &canonical(path), body };
                    let theirs = theirs(&held, (method, &format!("http://{host}{path}")), body);
                    assert_eq!(sign(&call, &key, &now), theirs, "{method} {host} {path}");
                }
            }
        }
    }

    #[tokio::test]
    async fn a_key_serves_its_credentials_for_its_day_and_is_never_shown() {
        let (held, other) = (held(None).await, held(None).await);
        let at = |hours: u64| Moment::of(SystemTime::UNIX_EPOCH + AT + Duration::from_secs(hours * 3_600));
        let key = Key::new(Arc::clone(&held), &at(0), ("eu-west-1", "bedrock"));
        assert!(key.fits(&held, &at(1)));
        assert!(!key.fits(&held, &at(24)), "another day");
        assert!(!key.fits(&other, &at(0)), "other credentials");
        assert!(!format!("{key:?}").contains("wJalr"), "{key:?}");
    }
}
