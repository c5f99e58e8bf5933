//! The arithmetic of SigV4: what is signed, with which key, and whether two signatures are the same.

use base64::Engine;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::credentials::Secret;
use crate::{record::rfc3339, server::caller::Scope};

pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The signature that the holder of the secret makes, in lowercase hexadecimal.
pub fn of(secret: &Secret, scope: &Scope<'_>, signed_at: u64, canonical: &str) -> String {
    let Scope { date, region, service, .. } = scope;
    let to_sign = format!(
        "{ALGORITHM}\n{}\n{date}/{region}/{service}/aws4_request\n{}",
        stamp(signed_at),
        sha256(canonical.as_bytes())
    );
    let first = [b"AWS4", secret.bytes()].concat();
    let parts: [&str; 5] = [date, region, service, "aws4_request", &to_sign];
    hex(&parts.into_iter().fold(first, |key, part| mac(&key, part)))
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// For marks in tokens, which must fit into URLs and XML as they are.
pub fn base64_mac(key: &[u8], text: &str) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(mac(key, text))
}

pub fn base64_sha256(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Compared over the whole length, so that the time says nothing about where they differ.
pub fn same(one: &str, other: &str) -> bool {
    let differences = one.bytes().zip(other.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
    one.len() == other.len() && differences == 0
}

/// `20150830T123600Z`, the one form of time that SigV4 has.
pub fn stamp(unix_s: u64) -> String {
    rfc3339(unix_s).replace(['-', ':'], "")
}

/// Back from that form; none where it is not whole or names no such moment.
pub fn parse_stamp(text: &str) -> Option<u64> {
    let digits = |from: usize, to: usize| {
        let part = text.get(from..to)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<u64>().ok())?
    };
    let (year, month, day) = (digits(0, 4)?, digits(4, 6)?, digits(6, 8)?);
    let (hour, minute, second) = (digits(9, 11)?, digits(11, 13)?, digits(13, 15)?);
    let days = days_to(year, month, day)?;
    let unix_s = days * 86_400 + hour * 3_600 + minute * 60 + second;
    // Writing it again refuses everything that was not the form: letters, the 31st of June, 25 o'clock.
    (stamp(unix_s) == text).then_some(unix_s)
}

/// Days since 1970 of a civil date, counting years from March so that the leap day is the last.
fn days_to(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1..=12).contains(&month) || year < 1970 {
        return None;
    }
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    days.checked_sub(719_469)
}
