//! Why AWS cannot be called, and what to do about it: the command that renews what has expired, the action that is not
//! allowed, the file that is wrong.

use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_runtime::env_config::section::EnvConfigSections;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::{
    Source,
    source::{Kind, chain},
};

/// Credentials or permissions are missing; a command that meets one ends with exit code 4.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct AccessError {
    /// What is wrong, and why.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

impl AccessError {
    pub fn new(what: impl Into<String>, fix: impl Into<String>) -> AccessError {
        AccessError { what: what.into(), fix: fix.into() }
    }

    pub fn only_an_api_key() -> AccessError {
        AccessError::new(
            "there is only a Bedrock API key, which no other service takes",
            "add access keys to learn of identity and quotas, or do without",
        )
    }
}

pub fn no_region() -> AccessError {
    AccessError::new("no Region is set", "give --region, or set AWS_REGION or the profile's region")
}

/// Whoever has none, or whose credentials could not be renewed.
pub fn no_credentials(
    source: &Source,
    profiles: &EnvConfigSections,
    error: &CredentialsError,
) -> AccessError {
    let known: Vec<&str> = profiles.profiles().collect();
    let nothing = || {
        let mut fix = "run `aws login`, or `aws configure sso`".to_owned();
        if !known.is_empty() {
            fix += &format!("; or name one of the profiles {} with --profile", known.join(", "));
        }
        fix
    };
    match source {
        Source::Machine => AccessError::new("no AWS credentials were found", nothing()),
        Source::Profile { name, kind: Kind::Nothing, .. } => {
            AccessError::new(format!("profile {name} has no credentials"), nothing())
        }
        source => none_from(source, error),
    }
}

/// A source that should have credentials and gives none.
pub fn none_from(source: &Source, error: &CredentialsError) -> AccessError {
    AccessError::new(format!("no credentials from {source}: {}", chain(error)), renew(source))
}

/// What brings new credentials from where these came from.
fn renew(source: &Source) -> String {
    match source {
        Source::Profile { wants_mfa: true, name, .. } => format!(
            "the profile wants an MFA code (mfa_serial), which is not asked for here; run `eval \"$(aws configure \
             export-credentials --profile {name} --format env)\"` and leave --profile out"
        ),
        Source::Profile { name, kind, .. } => match kind {
            Kind::Sso => format!("run `aws sso login --profile {name}`"),
            Kind::Login => format!("run `aws login --profile {name}`"),
            Kind::Process => format!("run the credential_process of profile {name} by hand, and see what it says"),
            Kind::WebIdentity => {
                "renew the token in the profile's web_identity_token_file, and see that its role trusts it".into()
            }
            Kind::Keys => format!("run `aws configure --profile {name}`, or `aws login --profile {name}`"),
            Kind::Named | Kind::Nothing => "see that the profile's credential_source is there".into(),
        },
        Source::Role { arn } => {
            format!("allow sts:AssumeRole on {arn}, and let the role's trust policy name whoever calls")
        }
        Source::ApiKey => "make a new API key in the Bedrock console, and set AWS_BEARER_TOKEN_BEDROCK to it".into(),
        Source::Environment => {
            "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN anew, or unset them and run `aws login`"
                .into()
        }
        Source::WebIdentity => {
            "renew the token in AWS_WEB_IDENTITY_TOKEN_FILE, and see that the role AWS_ROLE_ARN trusts it".into()
        }
        Source::Machine => "give this container or instance a role, or run `aws login`".into(),
    }
}

/// Names with which services refuse credentials that are out of date or unknown.
const STALE: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "RequestExpired",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
];

/// Names with which services refuse a signature, which a wrong clock or secret makes.
const SIGNATURE: &[&str] = &["SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature"];

pub fn of_call<E, R>(source: &Source, action: &str, error: &SdkError<E, R>) -> AccessError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
    R: fmt::Debug + 'static,
{
    let Some(told) = error.as_service_error() else { return unreached(source, action, error) };
    let (name, text) = (told.code().unwrap_or("an error without a name"), told.message().unwrap_or_default());
    let what = format!("{action} was refused: {name}: {text}");
    if STALE.contains(&name) {
        AccessError::new(what, renew(source))
    } else if SIGNATURE.contains(&name) {
        AccessError::new(what, "compare this machine's clock with the time, then the secret key")
    } else if name.starts_with("AccessDenied") || name == "UnauthorizedOperation" {
        AccessError::new(what, format!("allow {action}; `richter iam-policy` prints all that is needed"))
    } else {
        AccessError::new(what, "try again later, and look at https://health.aws.amazon.com")
    }
}

/// No answer, or none that could be read. Credentials that could not be had are told of here too.
fn unreached<E, R>(source: &Source, action: &str, error: &SdkError<E, R>) -> AccessError
where
    E: std::error::Error + 'static,
    R: fmt::Debug + 'static,
{
    let why = chain(error);
    let lower = why.to_lowercase();
    let what = format!("{action} could not be called: {why}");
    let fix = if lower.contains("certificate") || lower.contains("unknownissuer") {
        "name the authority that signed the server's certificate with --ca-bundle or AWS_CA_BUNDLE".to_owned()
    } else if lower.contains("credential") || lower.contains("identity") || lower.contains("token") {
        renew(source)
    } else {
        "look at the network, HTTPS_PROXY and NO_PROXY, and --endpoint-url".to_owned()
    };
    AccessError::new(what, fix)
}
