//! A request in the one form that both sides sign.
//!
//! The path is encoded once more than it was sent, so that a model id with a colon, `%3A` on the wire, is `%253A`
//! here; Bedrock's own answers to wrong signatures show that. Payloads are taken at the word of
//! `x-amz-content-sha256` only where that says that they are unsigned or signed chunk by chunk.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, Request};

use super::{authorization::Claim, signature::sha256};
use crate::server::path::decode;

/// The canonical request; none where a header that was signed is not there.
pub fn request(request: &Request<Bytes>, claim: &Claim<'_>) -> Option<String> {
    let headers = headers(request, &claim.signed_headers)?;
    let path = path(request.uri().path());
    let query = query(request.uri().query().unwrap_or_default());
    let payload = payload(request, claim.presigned());
    let (method, names) = (request.method(), claim.signed_headers.join(";"));
    Some(format!("{method}\n{path}\n{query}\n{headers}\n{names}\n{payload}"))
}

fn headers(request: &Request<Bytes>, names: &[&str]) -> Option<String> {
    let mut lines = String::new();
    for name in names {
        let value = value(request, name)?;
        lines.extend([name, ":", &*value, "\n"]);
    }
    Some(lines)
}

/// A header's values, joined by commas, with runs of blanks made one. The host has another name in HTTP/2, and whoever
/// signs there may use either.
fn value(request: &Request<Bytes>, name: &str) -> Option<String> {
    let of = |headers: &HeaderMap, name: &str| {
        let values =
            headers.get_all(name).iter().map(|value| squeeze(&String::from_utf8_lossy(value.as_bytes())));
        values.reduce(|all, value| all + "," + &value)
    };
    let of_uri = || request.uri().authority().map(|host| host.as_str().to_owned());
    match name {
        "host" => of(request.headers(), name).or_else(of_uri),
        ":authority" => of_uri().or_else(|| of(request.headers(), "host")),
        name => of(request.headers(), name),
    }
}

fn squeeze(value: &str) -> String {
    let mut words = value.split(' ').filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |line, word| line + " " + word)
}

/// Without `.`, `..` and empty segments, and encoded again.
fn path(raw: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in raw.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    let ends = !kept.is_empty() && (raw.ends_with('/') || raw.ends_with("/.") || raw.ends_with("/.."));
    let encoded: Vec<String> = kept.into_iter().map(encode).collect();
    format!("/{}{}", encoded.join("/"), if ends { "/" } else { "" })
}

/// Sorted by name, then by value, as they are encoded. The signature of a presigned request cannot sign itself.
fn query(raw: &str) -> String {
    let again = |text: &str| encode(&unquote(text));
    let mut pairs: Vec<(String, String)> = query_pairs(raw)
        .filter(|(name, _)| *name != "X-Amz-Signature")
        .map(|(name, value)| (again(name), again(value)))
        .collect();
    pairs.sort_unstable();
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// Pairs of a query as they were sent; a name alone has an empty value.
pub fn query_pairs(raw: &str) -> impl Iterator<Item = (&str, &str)> {
    raw.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// One value of a query, decoded.
pub fn query_value(raw: &str, name: &str) -> Option<String> {
    query_pairs(raw).find(|(key, _)| *key == name).map(|(_, value)| unquote(value))
}

fn unquote(text: &str) -> String {
    let spaced: Cow<'_, str> = if text.contains('+') { text.replace('+', " ").into() } else { text.into() };
    decode(&spaced).unwrap_or_else(|| spaced.into_owned())
}

/// Everything but the unreserved characters, as `%XX`.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            }
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn payload(request: &Request<Bytes>, presigned: bool) -> Cow<'_, str> {
    let said = request.headers().get("x-amz-content-sha256").and_then(|value| value.to_str().ok());
    match said {
        Some(said) if said == "UNSIGNED-PAYLOAD" || said.starts_with("STREAMING-") => said.into(),
        _ if presigned && request.body().is_empty() => sha256(b"").into(),
        _ => sha256(request.body()).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_has_two_names_and_may_come_as_header_or_with_the_path() {
        let by_header = Request::get("/").header("host", "a:1");
        let by_uri = Request::get("http://a:1/");
        for request in [by_header, by_uri] {
            let request = request.body(Bytes::new()).expect("a request");
            for name in ["host", ":authority"] {
                assert_eq!(value(&request, name).as_deref(), Some("a:1"), "{name} of {request:?}");
            }
            assert_eq!(value(&request, ":path"), None);
        }
    }
}
