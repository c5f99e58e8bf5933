//! Where the credentials come from: told from the environment and the profile before anybody is asked for them, so that
//! an error can say which command renews them.

use std::{borrow::Cow, collections::BTreeSet, fmt};

use aws_runtime::env_config::{
    file::EnvConfigFiles,
    section::{EnvConfigSections, Profile},
};
use aws_types::os_shim_internal::{Env, Fs};

use super::{AccessError, variable};

/// The beginning of the chain of credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// AWS_BEARER_TOKEN_BEDROCK and nothing else.
    ApiKey,
    /// AWS_ACCESS_KEY_ID and its like.
    Environment,
    Profile {
        name: String,
        kind: Kind,
        wants_mfa: bool,
    },
    /// AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN.
    WebIdentity,
    /// A role that is assumed for a target.
    Role {
        arn: String,
    },
    /// A container's or an instance's role, if there is one.
    Machine,
}

/// What a profile, or the last of the profiles that it refers to, takes credentials from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Keys,
    Sso,
    Login,
    WebIdentity,
    Process,
    /// `credential_source`: the environment, a container or an instance.
    Named,
    Nothing,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::ApiKey => f.write_str("a Bedrock API key (AWS_BEARER_TOKEN_BEDROCK)"),
            Source::Environment => f.write_str("the environment (AWS_ACCESS_KEY_ID)"),
            Source::WebIdentity => f.write_str("a web identity (AWS_WEB_IDENTITY_TOKEN_FILE)"),
            Source::Role { arn } => write!(f, "the role {arn}"),
            Source::Machine => f.write_str("the role of this container or instance"),
            Source::Profile { name, kind, .. } => write!(f, "profile {name} ({})", kind.name()),
        }
    }
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Kind::Keys => "access keys",
            Kind::Sso => "SSO",
            Kind::Login => "aws login",
            Kind::WebIdentity => "web identity",
            Kind::Process => "credential_process",
            Kind::Named => "credential_source",
            Kind::Nothing => "no credentials",
        }
    }
}

/// The profiles as the files have them, with the one selected that is meant.
pub async fn profiles(named: Option<&str>) -> Result<EnvConfigSections, AccessError> {
    let env = Env::real();
    // The CLI knows both variables, the SDK only the first.
    let variables = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"];
    let meant = named.map(str::to_owned).or_else(|| variables.iter().find_map(|name| variable(&env, name)));
    let files = EnvConfigFiles::default();
    let loaded = aws_config::profile::load(&Fs::real(), &env, &files, meant.clone().map(Cow::Owned)).await;
    let profiles = loaded.map_err(|error| {
        AccessError::new(chain(&error), "mend the file, or name another with AWS_CONFIG_FILE")
    })?;
    match meant {
        Some(name) if profiles.get_profile(&name).is_none() => Err(unknown(&name, &profiles)),
        _ => Ok(profiles),
    }
}

/// An error and everything that caused it.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = Vec::new();
    for text in causes.map(ToString::to_string) {
        // Some repeat what caused them.
        if !texts.iter().any(|told| told.contains(&text)) {
            texts.push(text);
        }
    }
    texts.join(": ")
}

fn unknown(name: &str, profiles: &EnvConfigSections) -> AccessError {
    let known: BTreeSet<&str> = profiles.profiles().collect();
    let near =
        known.iter().max_by(|a, b| strsim::jaro_winkler(name, a).total_cmp(&strsim::jaro_winkler(name, b)));
    let fix = match near {
        None => "there is no profile at all; `aws configure sso` or `aws login` makes one".to_owned(),
        Some(near) if strsim::jaro_winkler(name, near) > 0.8 => format!("did you mean {near}?"),
        Some(_) => format!("known are {}", known.into_iter().collect::<Vec<_>>().join(", ")),
    };
    AccessError::new(format!("no AWS profile is called {name}"), fix)
}

/// Whether Bedrock is called with an API key.
pub fn has_api_key(env: &Env) -> bool {
    variable(env, "AWS_BEARER_TOKEN_BEDROCK").is_some()
}

/// As the SDK's chain will look, and before it only the profile if that was named on purpose.
pub fn of(profiles: &EnvConfigSections, env: &Env, on_purpose: bool) -> Result<Source, AccessError> {
    let selected = profiles.selected_profile();
    let kind = match profiles.get_profile(selected) {
        Some(profile) => kind(profiles, profile)?,
        None => Kind::Nothing,
    };
    let from_profile = || {
        let wants_mfa =
            profiles.get_profile(selected).is_some_and(|profile| profile.get("mfa_serial").is_some());
        Source::Profile { name: selected.to_owned(), kind, wants_mfa }
    };
    Ok(if on_purpose {
        from_profile()
    } else if variable(env, "AWS_ACCESS_KEY_ID").is_some() {
        Source::Environment
    } else if kind != Kind::Nothing {
        from_profile()
    } else if variable(env, "AWS_WEB_IDENTITY_TOKEN_FILE").is_some() {
        Source::WebIdentity
    } else {
        Source::Machine
    })
}

/// Follows `source_profile` to where credentials begin.
fn kind(profiles: &EnvConfigSections, from: &Profile) -> Result<Kind, AccessError> {
    let (mut profile, mut seen) = (from, BTreeSet::new());
    loop {
        let has = |property: &str| profile.get(property).is_some();
        if let Some(next) = profile.get("source_profile").filter(|_| has("role_arn")) {
            let own_keys = next == profile.name();
            if own_keys {
                return Ok(Kind::Keys);
            }
            if !seen.insert(next) {
                return Err(AccessError::new(
                    format!("the profiles {} refer to each other in a circle", join(seen)),
                    "let source_profile of one of them lead to credentials",
                ));
            }
            let name = profile.name();
            profile = profiles.get_profile(next).ok_or_else(|| {
                let what = format!("source_profile of profile {name} names {next}, which is not there");
                AccessError::new(what, "add that profile, or name another")
            })?;
            continue;
        }
        let table = [
            ("credential_source", Kind::Named),
            ("web_identity_token_file", Kind::WebIdentity),
            ("sso_session", Kind::Sso),
            ("sso_start_url", Kind::Sso),
            ("login_session", Kind::Login),
            ("aws_access_key_id", Kind::Keys),
            ("credential_process", Kind::Process),
        ];
        return Ok(table.into_iter().find(|(name, _)| has(name)).map_or(Kind::Nothing, |(_, kind)| kind));
    }
}

fn join(names: BTreeSet<&str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}
