//! Whether a request is from whom it says: signatures of version 4, session tokens and API keys.
//!
//! With no credentials configured everybody is let in, as a mock should. With any, each request must prove itself,
//! and what it is told when it cannot is what Bedrock says. Pure: the time of day is handed in. Nothing here prints a
//! secret, and no refusal repeats one. Start reading at [`Auth::check`].

mod authorization;
mod bearer;
mod canonical;
mod credentials;
mod refusal;
pub mod session;
mod signature;

use std::borrow::Cow;

use bytes::Bytes;
use http::{Request, header};

use self::{
    authorization::{Claim, Skew},
    credentials::AccessKey,
    session::Session,
};
use super::{caller::Caller, control::sts, reply::WireError};

pub use credentials::{AccessKeySpec, ApiKeySpec, CredentialsSpec, Secret};

/// What is known of callers.
#[derive(Debug, Clone, Default)]
pub struct Auth {
    known: Option<CredentialsSpec>,
}

/// Who was let in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holder<'a> {
    /// Account of the credentials, where they name one.
    pub account: Option<Cow<'a, str>>,
    /// ARN of the assumed role, if it is one.
    pub role: Option<String>,
}

impl<'a> Holder<'a> {
    fn of_account(account: Option<&'a str>) -> Holder<'a> {
        Holder { account: account.map(Cow::Borrowed), role: None }
    }

    fn of_role(session: Session) -> Holder<'a> {
        Holder { account: Some(session.account().to_owned().into()), role: Some(session.arn) }
    }
}

impl Auth {
    /// An empty list of credentials lets everybody in.
    pub fn new(known: CredentialsSpec) -> Auth {
        Auth { known: (!known.is_empty()).then_some(known) }
    }

    /// Whether anything is checked at all.
    pub fn checks(&self) -> bool {
        self.known.is_some()
    }

    /// Lets the request in, or says what the service would.
    pub fn check(
        &self,
        request: &Request<Bytes>,
        caller: &Caller,
        unix_s: u64,
    ) -> Result<Holder<'_>, WireError> {
        let Some(known) = &self.known else { return Ok(trusted(request)) };
        let header = request.headers().get(header::AUTHORIZATION).map(|value| value.as_bytes());
        match header.map(String::from_utf8_lossy).as_deref() {
            None if authorization::is_presigned(request) => signed(known, request, caller, unix_s),
            None if sts::asks_without_signature(request) => Ok(Holder::default()),
            None => Err(refusal::missing()),
            Some(value) => match bearer::token(value) {
                Some(token) => bearer::check(known, token, &caller.region, unix_s),
                None => signed(known, request, caller, unix_s),
            },
        }
    }
}

/// Where everybody is let in, whoever says that they have assumed a role has.
fn trusted<'a>(request: &Request<Bytes>) -> Holder<'a> {
    let token = request.headers().get(TOKEN).and_then(|token| token.to_str().ok());
    token.and_then(Session::of).map_or_else(Holder::default, Holder::of_role)
}

/// Header with the token of temporary credentials.
const TOKEN: &str = "x-amz-security-token";

/// The order is: can the claim be read, is its scope right, is the key known, is the time near, is the token right,
/// is the signature. Which of several faults AWS names first is not documented.
fn signed<'a>(
    known: &'a CredentialsSpec,
    request: &Request<Bytes>,
    caller: &Caller,
    unix_s: u64,
) -> Result<Holder<'a>, WireError> {
    let claim = Claim::read(request)?;
    claim.check_scope(request, caller)?;
    let id = claim.scope.access_key;
    let token = claim.token.as_deref().unwrap_or_default();
    let session = Session::of(token);
    let given = session.as_ref().and_then(|session| session.key(token, id));
    let key = known.access_key(id).or(given.as_ref()).ok_or_else(refusal::unknown_key)?;
    match claim.skew(unix_s) {
        Skew::Near => {}
        Skew::Early { from } => return Err(refusal::not_yet(claim.stamp, from, unix_s)),
        Skew::Late { until, span } => {
            return Err(refusal::expired_signature(claim.stamp, until, unix_s, span));
        }
    }
    check_token(key, claim.token.as_deref(), unix_s)?;
    let canonical = canonical::request(request, &claim).ok_or_else(refusal::wrong_signature)?;
    let expected = signature::of(&key.secret, &claim.scope, claim.stamp, &canonical);
    if !signature::same(&expected, &claim.signature) {
        return Err(refusal::wrong_signature());
    }
    Ok(match session.filter(|_| given.is_some()) {
        Some(session) => Holder::of_role(session),
        None => Holder::of_account(known.access_key(id).and_then(|key| key.account.as_deref())),
    })
}

fn check_token(key: &AccessKey, token: Option<&str>, unix_s: u64) -> Result<(), WireError> {
    let same = match (&key.session_token, token) {
        (Some(expected), Some(token)) => expected.is(token),
        (None, None) => true,
        _ => false,
    };
    if !same {
        return Err(refusal::unknown_key());
    }
    if key.expires_unix_s.is_some_and(|at| at <= unix_s) { Err(refusal::expired_token()) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
