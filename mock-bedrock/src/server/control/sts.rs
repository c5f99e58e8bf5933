//! STS: who am I, and credentials for a role. Any role may be assumed, by whoever was let in; a web identity's token must
//! have the form of a JWT and not be out of date. Whether its issuer is known is not asked.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::Value;

use super::{
    Ask,
    form::{Protocol, escape, xml, xml_error},
};
use crate::{
    record::rfc3339,
    server::auth::session::{Session, letters},
};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// Seconds that a role's session may last, and does if nobody says.
const DURATION_S: (u64, u64) = (900, 43_200);
const DURATION_USUAL_S: u64 = 3_600;

/// Name and text of an error, and its status.
type Refusal = (StatusCode, &'static str, String);

pub(super) fn answer(ask: &Ask<'_>, request_id: &str) -> Response<Bytes> {
    let action = parameter(ask.request, "Action").unwrap_or_default();
    let version = parameter(ask.request, "Version").unwrap_or_default();
    let result = match action.as_str() {
        "GetCallerIdentity" => Ok(identity(ask)),
        "AssumeRole" => assume(ask, None),
        WEB => web_identity(ask).and_then(|subject| assume(ask, Some(&subject))),
        "" => Err((StatusCode::BAD_REQUEST, "MissingAction", "No Action was specified".to_owned())),
        action => {
            let text = format!("Could not find operation {action} for version {version}");
            Err((StatusCode::BAD_REQUEST, "InvalidAction", text))
        }
    };
    match result {
        Ok(result) => xml(StatusCode::OK, whole(&action, &result, request_id), request_id),
        Err((status, name, text)) => xml_error(status, name, &text, request_id),
    }
}

const WEB: &str = "AssumeRoleWithWebIdentity";

/// Whether this is the one question that needs no credentials, since its token stands for them.
pub fn asks_without_signature(request: &Request<Bytes>) -> bool {
    Protocol::of(request) == Protocol::Query && parameter(request, "Action").as_deref() == Some(WEB)
}

fn whole(action: &str, result: &str, request_id: &str) -> String {
    format!(
        "<{action}Response xmlns=\"{NAMESPACE}\">\n  <{action}Result>\n{result}  </{action}Result>\n  \
         <ResponseMetadata>\n    <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n</{action}Response>\n"
    )
}

fn identity(ask: &Ask<'_>) -> String {
    let (arn, account) = (ask.caller.arn(), escape(&ask.caller.account));
    // In the form of a user's unique id, always the same for one user.
    let id = match &ask.caller.role {
        Some(arn) => role_id(arn),
        None => letters("AIDA", &arn, 17),
    };
    format!(
        "    <Arn>{}</Arn>\n    <UserId>{}</UserId>\n    <Account>{account}</Account>\n",
        escape(&arn),
        escape(&id)
    )
}

/// The role's own id, and the name of the session.
fn role_id(arn: &str) -> String {
    let (role, session) = arn.rsplit_once('/').unwrap_or((arn, ""));
    format!("{}:{session}", letters("AROA", role, 17))
}

/// Credentials for a role, and for a web identity whom they are for.
fn assume(ask: &Ask<'_>, subject: Option<&str>) -> Result<String, Refusal> {
    let required = |name: &'static str| {
        parameter(ask.request, name).filter(|text| !text.is_empty()).ok_or_else(|| {
            let at = format!("{}{}", name[..1].to_lowercase(), &name[1..]);
            invalid(format!(
                "1 validation error detected: Value null at '{at}' failed to satisfy constraint: Member must not be null"
            ))
        })
    };
    let (role, session) = (required("RoleArn")?, required("RoleSessionName")?);
    let arn = assumed(&role, &session).ok_or_else(|| invalid(format!("{role} is invalid")))?;
    let session = Session { arn, expires_unix_s: ask.when.unix_s.saturating_add(duration(ask)?) };
    let issued = session.issue();
    let subject = subject.map_or_else(String::new, |subject| {
        format!("    <SubjectFromWebIdentityToken>{}</SubjectFromWebIdentityToken>\n", escape(subject))
    });
    Ok(format!(
        "{subject}    <AssumedRoleUser>\n      <AssumedRoleId>{}</AssumedRoleId>\n      <Arn>{}</Arn>\n    \
         </AssumedRoleUser>\n    <Credentials>\n      <AccessKeyId>{}</AccessKeyId>\n      \
         <SecretAccessKey>{}</SecretAccessKey>\n      <SessionToken>{}</SessionToken>\n      \
         <Expiration>{}</Expiration>\n    </Credentials>\n",
        escape(&role_id(&session.arn)),
        escape(&session.arn),
        issued.access_key,
        issued.secret,
        issued.token,
        rfc3339(session.expires_unix_s)
    ))
}

fn invalid(text: String) -> Refusal {
    (StatusCode::BAD_REQUEST, "ValidationError", text)
}

/// The ARN of a session of a role; none where the role's is no ARN of one.
fn assumed(role: &str, session: &str) -> Option<String> {
    let mut parts = role.splitn(6, ':');
    let (arn, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let name = resource.strip_prefix("role/")?.rsplit('/').next()?;
    let numbered = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let whole = arn == "arn" && partition.starts_with("aws") && service == "iam" && region.is_empty();
    let named = !name.is_empty() && !session.contains('/');
    (whole && numbered && named)
        .then(|| format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session}"))
}

fn duration(ask: &Ask<'_>) -> Result<u64, Refusal> {
    let (least, most) = DURATION_S;
    let Some(text) = parameter(ask.request, "DurationSeconds") else { return Ok(DURATION_USUAL_S) };
    text.parse().ok().filter(|seconds| (least..=most).contains(seconds)).ok_or_else(|| {
        invalid(format!(
            "1 validation error detected: Value '{text}' at 'durationSeconds' failed to satisfy constraint: Member must \
             have value between {least} and {most}"
        ))
    })
}

/// Whom a web identity's token is for.
fn web_identity(ask: &Ask<'_>) -> Result<String, Refusal> {
    let token = parameter(ask.request, "WebIdentityToken").unwrap_or_default();
    let claims = claims(&token).ok_or_else(|| {
        let text =
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)";
        (StatusCode::BAD_REQUEST, "InvalidIdentityToken", text.to_owned())
    })?;
    let now = ask.when.unix_s;
    match claims["exp"].as_u64() {
        Some(expires) if expires <= now => {
            let text = format!(
                "Token expired: current date/time {now} must be before the expiration date/time {expires}"
            );
            Err((StatusCode::BAD_REQUEST, "ExpiredTokenException", text))
        }
        _ => Ok(claims["sub"].as_str().unwrap_or_default().to_owned()),
    }
}

fn claims(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (_head, body, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    let body = URL_SAFE_NO_PAD.decode(body).ok().filter(|_| parts.next().is_none())?;
    serde_json::from_slice(&body).ok().filter(Value::is_object)
}

/// A parameter of the form in the body, or of the query.
pub fn parameter(request: &Request<Bytes>, name: &str) -> Option<String> {
    let body = std::str::from_utf8(request.body()).ok()?;
    let all = if body.is_empty() { request.uri().query().unwrap_or_default() } else { body };
    let (_, value) = all.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?;
    let value = value.replace('+', " ");
    Some(crate::server::path::decode(&value).unwrap_or(value))
}
