mod keys;
mod vectors;

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
    },
    sign::v4,
};
use http::Method;

use super::*;
use crate::server::{caller::Usual, reply::ERROR_TYPE};

/// The credentials and the moment of AWS's published test suite.
const KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const NOW: u64 = 1_440_938_160;

fn usual() -> Usual {
    Usual { region: "us-east-1".into(), account: "111122223333".into(), only: false }
}

fn spec() -> CredentialsSpec {
    serde_json::from_value(serde_json::json!({
        "access_keys": {
            KEY: { "secret": SECRET },
            "ASIATEMP": { "secret": SECRET, "session_token": "tok/en+==", "account": "444455556666" },
            "ASIAOLD": { "secret": SECRET, "session_token": "old", "expires_unix_s": NOW },
        },
        "api_keys": [
            { "key": "ABSKZ29vZA==" },
            { "key": "ABSKb2xk", "expires_unix_s": NOW - 1 },
            { "key": "ABSKd2VzdA==", "region": "us-west-2", "account": "444455556666" },
        ],
    }))
    .expect("credentials as a file has them")
}

fn ask(request: &Request<Bytes>, now: u64) -> Result<Option<String>, (String, String, String)> {
    let auth = Auth::new(spec());
    let caller = Caller::of(request, &usual());
    match auth.check(request, &caller, now) {
        Ok(holder) => Ok(holder.account.map(Cow::into_owned)),
        Err(refusal) => {
            let reply = refusal.reply("id");
            assert_eq!(reply.status(), 403);
            let kind =
                reply.headers()[ERROR_TYPE].to_str().expect("a name").split(':').next().map(str::to_owned);
            let body: serde_json::Map<String, serde_json::Value> =
                serde_json::from_slice(reply.body()).expect("an object");
            let (key, text) = body.into_iter().next().expect("a message");
            Err((kind.expect("a name"), key, text.as_str().expect("text").to_owned()))
        }
    }
}

/// One request, before it is signed.
#[derive(Clone, Copy)]
struct Plain<'a> {
    key: &'a str,
    token: Option<&'a str>,
    path: &'a str,
    body: &'a str,
    region: &'a str,
    service: &'a str,
    at: u64,
}

const PLAIN: Plain<'static> = Plain {
    key: KEY,
    token: None,
    path: "/model/us.anthropic.claude-v1%3A0/converse",
    body: "{}",
    region: "us-east-1",
    service: "bedrock",
    at: NOW,
};

/// Signs with the vendor's signer, so that no misunderstanding of ours is on both sides.
fn signed(plain: Plain<'_>, change: impl FnOnce(&mut SigningSettings)) -> Request<Bytes> {
    signed_with(plain, SECRET, change)
}

fn signed_with(plain: Plain<'_>, secret: &str, change: impl FnOnce(&mut SigningSettings)) -> Request<Bytes> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://127.0.0.1:4599{}", plain.path))
        .header("content-type", "application/json")
        .body(Bytes::copy_from_slice(plain.body.as_bytes()))
        .expect("a request");
    let mut settings = SigningSettings::default();
    change(&mut settings);
    let token = plain.token.map(str::to_owned);
    let identity = Credentials::new(plain.key, secret, token, None, "test").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(plain.region)
        .name(plain.service)
        .time(UNIX_EPOCH + Duration::from_secs(plain.at))
        .settings(settings)
        .build()
        .expect("all parameters")
        .into();
    let headers =
        request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().expect("text")));
    let uri = request.uri().to_string();
    let signable = SignableRequest::new("POST", uri, headers, SignableBody::Bytes(plain.body.as_bytes()));
    let (instructions, _) = sign(signable.expect("signable"), &params).expect("signs").into_parts();
    instructions.apply_to_request_http1x(&mut request);
    // On the wire the path stands alone and the host is a header.
    let path = request.uri().path_and_query().expect("a path").to_string();
    *request.uri_mut() = path.parse().expect("a path");
    request.headers_mut().insert("host", "127.0.0.1:4599".parse().expect("a host"));
    request
}

fn vendor(plain: Plain<'_>) -> Request<Bytes> {
    signed(plain, |_| {})
}

fn refused(name: &str, text: &str) -> Result<Option<String>, (String, String, String)> {
    Err((name.into(), "message".into(), text.into()))
}

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your \
                        AWS Secret Access Key and signing method. Consult the service documentation for details.";
const INVALID: &str = "The security token included in the request is invalid.";

#[test]
fn what_the_vendors_signer_signs_is_accepted() {
    let arn =
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A111122223333%3Aapplication-inference-profile%2Fabc/invoke";
    let table = [
        PLAIN,
        Plain { path: arn, ..PLAIN },
        Plain { path: "/model/us.anthropic.claude-v1:0/converse", ..PLAIN },
        Plain { path: "/inference-profiles?type=APPLICATION&maxResults=2&nextToken=a%2Bb%3D&empty", ..PLAIN },
        Plain { path: "/", service: "sts", body: "Action=GetCallerIdentity&Version=2011-06-15", ..PLAIN },
        Plain { region: "eu-west-1", ..PLAIN },
        Plain { at: NOW - 300, ..PLAIN },
        Plain { at: NOW + 300, ..PLAIN },
    ];
    for plain in table {
        assert_eq!(ask(&vendor(plain), NOW), Ok(None), "{}", plain.path);
    }
    let temporary = Plain { key: "ASIATEMP", token: Some("tok/en+=="), ..PLAIN };
    assert_eq!(ask(&vendor(temporary), NOW), Ok(Some("444455556666".into())), "the key's own account");
    let with_hash =
        signed(PLAIN, |settings| settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256);
    assert_eq!(ask(&with_hash, NOW), Ok(None), "with the payload's hash as a header");
}

#[test]
fn a_presigned_request_is_accepted_until_it_expires() {
    let presign = |settings: &mut SigningSettings| {
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(60));
    };
    let request = signed(Plain { path: "/foundation-models?byProvider=Amazon", body: "", ..PLAIN }, presign);
    assert!(authorization::is_presigned(&request), "{}", request.uri());
    // The Region of a presigned request is not in a header; the server's own is meant.
    assert_eq!(ask(&request, NOW + 60), Ok(None));
    let late = "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T123701Z - 1 min.)";
    assert_eq!(ask(&request, NOW + 61), refused("InvalidSignatureException", late));
    let temporary = Plain { key: "ASIATEMP", token: Some("tok/en+=="), body: "", ..PLAIN };
    assert_eq!(ask(&signed(temporary, presign), NOW), Ok(Some("444455556666".into())));
}

#[test]
fn whatever_was_changed_after_signing_breaks_the_signature() {
    let mut body = vendor(PLAIN);
    *body.body_mut() = Bytes::from_static(b"{ }");
    let mut path = vendor(PLAIN);
    *path.uri_mut() = "/model/us.anthropic.claude-v2%3A0/converse".parse().expect("a path");
    let mut query = vendor(PLAIN);
    *query.uri_mut() = format!("{}?a=b", PLAIN.path).parse().expect("a path");
    let mut method = vendor(PLAIN);
    *method.method_mut() = Method::PUT;
    let mut header = vendor(PLAIN);
    header.headers_mut().insert("content-type", "text/plain".parse().expect("a type"));
    let mut host = vendor(PLAIN);
    host.headers_mut().insert("host", "elsewhere".parse().expect("a host"));
    let mut gone = vendor(PLAIN);
    gone.headers_mut().remove("content-type");
    for request in [body, path, query, method, header, host, gone] {
        assert_eq!(ask(&request, NOW), refused("InvalidSignatureException", MISMATCH), "{request:?}");
    }
    let mut unsigned = vendor(PLAIN);
    unsigned.headers_mut().insert("x-amzn-trace-id", "Root=1".parse().expect("text"));
    assert_eq!(ask(&unsigned, NOW), Ok(None), "what was not signed may change");
}

#[test]
fn a_payload_may_be_declared_unsigned_or_signed_in_chunks() {
    for said in
        ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-EVENTS"]
    {
        let mut request = vendor(PLAIN);
        request.headers_mut().insert("x-amz-content-sha256", said.parse().expect("text"));
        *request.body_mut() = Bytes::from_static(b"anything");
        let names = "host;x-amz-content-sha256;x-amz-date";
        let credential = format!("{KEY}/20150830/us-east-1/bedrock/aws4_request");
        let put = |request: &mut Request<Bytes>, signature: &str| {
            let value = format!(
                "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
            );
            request.headers_mut().insert("authorization", value.parse().expect("text"));
        };
        put(&mut request, "00");
        let canonical = format!(
            "POST\n/model/us.anthropic.claude-v1%253A0/converse\n\nhost:127.0.0.1:4599\nx-amz-content-sha256:{said}\n\
             x-amz-date:20150830T123600Z\n\n{names}\n{said}"
        );
        let scope = crate::server::caller::Scope::parse(&credential).expect("a scope");
        let signature = signature::of(&Secret::new(SECRET), &scope, NOW, &canonical);
        put(&mut request, &signature);
        assert_eq!(ask(&request, NOW), Ok(None), "{said}");
    }
}

#[test]
fn each_refusal_has_its_name_and_its_text() {
    let early = "Signature not yet current: 20150830T124101Z is still later than 20150830T124100Z \
                 (20150830T123600Z + 5 min.)";
    let late = "Signature expired: 20150830T123059Z is now earlier than 20150830T123100Z (20150830T123600Z - 5 min.)";
    let service = "Credential should be scoped to correct service: 'bedrock'. ";
    let table = [
        (Plain { key: "AKIANOBODY", ..PLAIN }, "UnrecognizedClientException", INVALID),
        (Plain { at: NOW + 301, ..PLAIN }, "InvalidSignatureException", early),
        (Plain { at: NOW - 301, ..PLAIN }, "InvalidSignatureException", late),
        (Plain { service: "bedrock-runtime", ..PLAIN }, "InvalidSignatureException", service),
        (Plain { key: "ASIATEMP", ..PLAIN }, "UnrecognizedClientException", INVALID),
        (Plain { key: "ASIATEMP", token: Some("other"), ..PLAIN }, "UnrecognizedClientException", INVALID),
        (Plain { token: Some("none has it"), ..PLAIN }, "UnrecognizedClientException", INVALID),
        (
            Plain { key: "ASIAOLD", token: Some("old"), ..PLAIN },
            "ExpiredTokenException",
            "The security token included in the request is expired",
        ),
    ];
    for (plain, name, text) in table {
        assert_eq!(ask(&vendor(plain), NOW), refused(name, text));
    }
}

#[test]
fn a_server_of_one_region_refuses_signatures_for_another() {
    let request = vendor(PLAIN);
    let caller = Caller::of(&request, &Usual { region: "us-west-2".into(), only: true, ..usual() });
    let refusal = Auth::new(spec()).check(&request, &caller, NOW).expect_err("another Region");
    assert_eq!(refusal.message, "Credential should be scoped to a valid region, not 'us-east-1'. ");
}

fn with_authorization(value: &str) -> Request<Bytes> {
    let request = Request::builder().method(Method::POST).uri(PLAIN.path).header("host", "localhost");
    let request = request.header("x-amz-date", "20150830T123600Z").header("authorization", value);
    request.body(Bytes::from_static(b"{}")).expect("a request")
}

#[test]
fn an_authorization_header_says_what_it_lacks_and_is_not_repeated() {
    let lacks = |name: &str| format!("Authorization header requires '{name}' parameter.");
    let (credential, signature, headers) = (lacks("Credential"), lacks("Signature"), lacks("SignedHeaders"));
    let all = format!("{credential} {signature} {headers}");
    let elements = "Credential must have exactly 5 slash-delimited elements";
    let scope = "Credential=A/20150830/us-east-1/bedrock/aws4_request";
    let table = [
        ("Basic abc".to_owned(), &*all),
        ("AWS4-HMAC-SHA256".to_owned(), &all),
        (format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host"), &signature),
        (format!("AWS4-HMAC-SHA256 {scope}, Signature=00"), &headers),
        ("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=00".to_owned(), elements),
    ];
    for (value, text) in table {
        let (name, _, message) = ask(&with_authorization(&value), NOW).expect_err("incomplete");
        assert_eq!(name, "IncompleteSignatureException");
        assert!(message.starts_with(text), "{value}: {message}");
        assert!(!message.contains(&value), "{message}");
    }
}

#[test]
fn a_scope_of_another_day_or_without_the_host_is_refused() {
    let table = [
        (
            "Credential=A/20150829/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=00",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20150829' != \
             '20150830', from '20150830T123600Z'.",
        ),
        (
            "Credential=A/20150830/us-east-1/bedrock/aws4_request, SignedHeaders=x-amz-date, Signature=00",
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
        ),
    ];
    for (value, text) in table {
        let request = with_authorization(&format!("AWS4-HMAC-SHA256 {value}"));
        assert_eq!(ask(&request, NOW), refused("InvalidSignatureException", text));
    }
}

#[test]
fn without_any_header_the_capital_message_says_so() {
    let mut request = with_authorization("x");
    request.headers_mut().remove("authorization");
    let denied = ("AccessDeniedException".into(), "Message".into(), "Authorization header is missing".into());
    assert_eq!(ask(&request, NOW), Err(denied));
}

#[test]
fn without_credentials_everybody_is_let_in() {
    let open = Auth::new(CredentialsSpec::default());
    assert!(!open.checks());
    for value in ["Bearer anything", "AWS4-HMAC-SHA256", ""] {
        let request = with_authorization(value);
        let caller = Caller::of(&request, &usual());
        assert_eq!(open.check(&request, &caller, NOW), Ok(Holder::default()));
    }
}

#[test]
fn a_stamp_is_a_moment_or_nothing() {
    for moment in [0, 951_782_399, NOW, 1_709_164_800, 4_102_444_800] {
        assert_eq!(signature::parse_stamp(&signature::stamp(moment)), Some(moment));
    }
    let broken = [
        "",
        "20150830T123600",
        "20150230T000000Z",
        "20151301T000000Z",
        "20150830T240000Z",
        "2015083éT123600Z",
    ];
    for text in broken {
        assert_eq!(signature::parse_stamp(text), None, "{text}");
    }
}

#[test]
fn a_secret_is_never_shown() {
    let shown = format!("{:?}", Auth::new(spec()));
    for secret in [SECRET, "tok/en+==", "ABSKZ29vZA=="] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains(KEY), "the id of a key is no secret");
}

#[test]
fn the_credentials_of_an_assumed_role_count_until_they_expire_and_name_the_role() {
    let session =
        Session { arn: "arn:aws:sts::777788889999:assumed-role/caller/me".into(), expires_unix_s: NOW + 60 };
    let issued = session.issue();
    let plain = Plain { key: &issued.access_key, token: Some(&issued.token), ..PLAIN };
    let request = signed_with(plain, &issued.secret, |_| {});
    let auth = Auth::new(spec());
    let caller = Caller::of(&request, &usual());
    let holder = auth.check(&request, &caller, NOW).expect("let in");
    assert_eq!(holder.account.as_deref(), Some("777788889999"));
    assert_eq!(holder.role.as_deref(), Some(&*session.arn));
    assert_eq!(ask(&request, NOW + 60).expect_err("too late").0, "ExpiredTokenException");
    let stolen = signed_with(plain, SECRET, |_| {});
    assert_eq!(ask(&stolen, NOW).expect_err("another's secret").0, "InvalidSignatureException");
    let open = Auth::new(CredentialsSpec::default());
    assert_eq!(open.check(&stolen, &caller, NOW).expect("everybody is").role, Some(session.arn));
}
