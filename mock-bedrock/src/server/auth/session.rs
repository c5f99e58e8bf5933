//! Temporary credentials, as STS gives them out for a role. Nothing is kept of them: the token says whose it is and until
//! when, under a mark that is made from a key of this program's, and the secret is made from the token. Whoever reads
//! the source can make one, which is as much authentication as a mock has.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use super::{
    credentials::{AccessKeySpec, Secret},
    signature::{base64_mac, same},
};

const KEY: &[u8] = b"mock-bedrock gives out sessions";

/// Whose credentials, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Such as `arn:aws:sts::111122223333:assumed-role/caller/me`.
    pub arn: String,
    pub expires_unix_s: u64,
}

/// What a caller signs with.
pub struct Issued {
    pub access_key: String,
    pub secret: String,
    pub token: String,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

impl Session {
    pub fn account(&self) -> &str {
        self.arn.split(':').nth(4).unwrap_or_default()
    }

    pub fn issue(&self) -> Issued {
        let said = format!("{} {}", self.expires_unix_s, self.arn);
        let token = format!("{}.{}", URL_SAFE_NO_PAD.encode(&said), mark(&said));
        Issued { access_key: access_key(&token), secret: secret(&token), token }
    }

    /// The session that a token was given out for; none for any other text.
    pub fn of(token: &str) -> Option<Session> {
        let (said, marked) = token.split_once('.')?;
        let said = String::from_utf8(URL_SAFE_NO_PAD.decode(said).ok()?).ok()?;
        let (expires, arn) = said.split_once(' ').filter(|_| same(&mark(&said), marked))?;
        Some(Session { arn: arn.to_owned(), expires_unix_s: expires.parse().ok()? })
    }

    /// The access key that belongs to a token, as if it were a known one.
    pub(super) fn key(&self, token: &str, id: &str) -> Option<AccessKeySpec> {
        (access_key(token) == id).then(|| AccessKeySpec {
            secret: Secret::new(secret(token)),
            session_token: Some(Secret::new(token)),
            expires_unix_s: Some(self.expires_unix_s),
            account: Some(self.account().to_owned()),
        })
    }
}

fn mark(said: &str) -> String {
    base64_mac(KEY, said)
}

fn secret(token: &str) -> String {
    base64_mac(KEY, &format!("secret of {token}"))
}

fn access_key(token: &str) -> String {
    letters("ASIA", token, 16)
}

/// A prefix and so many letters and digits that depend on a text, as AWS's ids look.
pub fn letters(prefix: &str, text: &str, length: usize) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let digest = Sha256::digest(text.as_bytes());
    let letters = digest.iter().take(length).map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
    prefix.chars().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_whose_it_is_and_no_other_text_does() {
        let session = Session {
            arn: "arn:aws:sts::444455556666:assumed-role/caller/me".into(),
            expires_unix_s: 1_764_547_200,
        };
        let issued = session.issue();
        assert_eq!(Session::of(&issued.token), Some(session.clone()));
        assert_eq!(session.account(), "444455556666");
        assert!(session.key(&issued.token, &issued.access_key).is_some());
        assert!(session.key(&issued.token, "ASIAOTHER").is_none());
        let (said, mark) = issued.token.split_once('.').expect("two parts");
        let longer = Session { expires_unix_s: 1_864_547_200, ..session }.issue().token;
        let (later, _) = longer.split_once('.').expect("two parts");
        for other in ["", ".", "a.b", said, &format!("{later}.{mark}"), &format!("{said}.{mark}x")] {
            assert_eq!(Session::of(other), None, "{other}");
        }
    }
}
