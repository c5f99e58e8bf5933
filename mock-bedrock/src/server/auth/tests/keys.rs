//! API keys of both kinds.

use base64::Engine;

use super::*;

#[test]
fn api_keys_are_valid_unknown_expired_undecodable_or_of_another_region() {
    let bad = || "Authentication failed: Please make sure your API Key is valid.".to_owned();
    let broken = || "Invalid API Key format: Base64 decoding failed".to_owned();
    let table = [
        ("Bearer ABSKZ29vZA==", None),
        ("bearer ABSKZ29vZA==", None),
        ("Bearer ABSKbm9ib2R5", Some(bad())),
        ("Bearer ABSKb2xk", Some(bad())),
        ("Bearer ABSKd2VzdA==", Some(bad())),
        ("Bearer ABSK%%%", Some(broken())),
        ("Bearer bedrock-api-key-%%%", Some(broken())),
        ("Bearer bedrock-api-key-Z29vZA==", Some(bad())),
        ("Bearer <authenticated>", Some(bad())),
        ("Bearer ", Some(bad())),
    ];
    for (value, refusal) in table {
        let expected =
            refusal.map_or(Ok(None), |text| Err(("AccessDeniedException".into(), "Message".into(), text)));
        assert_eq!(ask(&with_authorization(value), NOW), expected, "{value}");
    }
}

/// Made as AWS's own token generators make it.
fn short_term_key(key: &str, token: Option<&str>, region: &str) -> String {
    let identity = Credentials::new(key, SECRET, token.map(str::to_owned), None, "test").into();
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(Duration::from_secs(43_200));
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("bedrock")
        .time(UNIX_EPOCH + Duration::from_secs(NOW))
        .settings(settings)
        .build()
        .expect("all parameters")
        .into();
    let url = "https://bedrock.amazonaws.com/?Action=CallWithBearerToken";
    let headers = [("host", "bedrock.amazonaws.com")].into_iter();
    let signable = SignableRequest::new("POST", url, headers, SignableBody::Bytes(b"")).expect("signable");
    let (instructions, _) = sign(signable, &params).expect("signs").into_parts();
    let mut request = Request::builder().method(Method::POST).uri(url).body(()).expect("a request");
    instructions.apply_to_request_http1x(&mut request);
    let url = request.uri().to_string();
    let url = format!("{}&Version=1", url.trim_start_matches("https://"));
    format!("Bearer bedrock-api-key-{}", base64::engine::general_purpose::STANDARD.encode(url))
}

#[test]
fn a_short_term_key_counts_for_twelve_hours_in_its_region() {
    let key = short_term_key("ASIATEMP", Some("tok/en+=="), "us-east-1");
    let request = with_authorization(&key);
    assert_eq!(ask(&request, NOW + 43_200), Ok(Some("444455556666".into())));
    let table = [
        (with_authorization(&key), NOW + 43_201),
        (with_authorization(&short_term_key("ASIATEMP", Some("tok/en+=="), "us-west-2")), NOW),
        (with_authorization(&short_term_key("ASIATEMP", Some("other"), "us-east-1")), NOW),
        (with_authorization(&short_term_key("ASIAOLD", Some("old"), "us-east-1")), NOW),
        (with_authorization(&short_term_key("AKIANOBODY", None, "us-east-1")), NOW),
    ];
    for (request, now) in table {
        let (name, _, text) = ask(&request, now).expect_err("not valid here and now");
        assert_eq!((&*name, &text[..21]), ("AccessDeniedException", "Authentication failed"));
    }
}
