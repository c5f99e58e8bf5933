//! How richter reaches AWS: as the AWS CLI would. Whatever works there works here: profiles, `AWS_*` variables, roles,
//! web identities, SSO, `aws login` sessions, API keys, another authority, FIPS endpoints.
//!
//! A command flattens [`AwsArgs`], calls [`load`], and makes clients from [`Access::config`] or [`Access::in_region`].
//! `load` asks for credentials once, so that whoever has none is told before anything else happens, with the command
//! that helps; a refusal that comes later is explained by [`Access::refused`]. Both give an [`AccessError`], which is
//! exit code 4. No secret is ever printed: not by `Debug`, not in an error.
//!
//! `--endpoint-url` is for the services that richter calls itself. Where credentials come from (STS for a role, SSO) keeps
//! its own endpoints, as with the AWS CLI, unless `AWS_ENDPOINT_URL` or one of its kind says otherwise.

mod error;
mod source;
mod trust;

use std::{fmt, path::PathBuf, time::SystemTime};

use aws_config::{BehaviorVersion, Region, SdkConfig, sts::AssumeRoleProvider};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials as _, SharedCredentialsProvider, error::CredentialsError},
};
use aws_runtime::env_config::section::EnvConfigSections;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::os_shim_internal::Env;
use clap::Args;
use richter_core::{
    live::{Trust, http_client, of_profile},
    target::Account,
};

pub use error::AccessError;
pub use source::Source;

/// What a command that calls AWS takes. Each is also a setting of the AWS CLI's own: a variable, or a line of the profile.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "AWS, as with the AWS CLI")]
pub struct AwsArgs {
    /// The profile to use; its credentials then go before those of the environment (AWS_PROFILE).
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// The Region, where nothing else says it; may be given several times where a command takes more than one
    /// (AWS_REGION).
    #[arg(long = "region", value_name = "REGION")]
    pub regions: Vec<String>,
    /// Where to send calls, instead of to each service's own endpoint (AWS_ENDPOINT_URL, or for one service alone
    /// AWS_ENDPOINT_URL_BEDROCK_RUNTIME and the like).
    #[arg(long, value_name = "URL", value_parser = endpoint)]
    pub endpoint_url: Option<String>,
    /// Trust only the authorities in this file, in PEM (AWS_CA_BUNDLE).
    #[arg(long, value_name = "FILE")]
    pub ca_bundle: Option<PathBuf>,
    /// Use the endpoints that are validated by FIPS 140 (AWS_USE_FIPS_ENDPOINT).
    #[arg(long)]
    pub fips: bool,
}

fn endpoint(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.contains(char::is_whitespace) => Ok(text.to_owned()),
        _ => Err("expected a URL such as http://127.0.0.1:4599".to_owned()),
    }
}

/// A way into AWS that was found to have credentials.
#[derive(Clone)]
pub struct Access {
    config: SdkConfig,
    trust: Trust,
    source: Source,
    /// Access keys, if there are any beside or instead of an API key.
    credentials: Option<Credentials>,
}

/// What an assumed role's session is called in the other account's logs.
const SESSION: &str = "richter";

/// Who calls, as STS says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub account: String,
    pub arn: String,
}

/// Finds configuration and credentials. `region` is the one to use if neither `--region` nor the environment nor the
/// profile names one, such as that of a scenario's first target.
pub async fn load(args: &AwsArgs, region: Option<&str>) -> Result<Access, AccessError> {
    let profiles = source::profiles(args.profile.as_deref()).await?;
    let env = Env::real();
    let source = source::of(&profiles, &env, args.profile.is_some())?;
    let trust = trust::read(args.ca_bundle.as_deref(), &profiles)?;
    let config = configure(args, region, &profiles, &trust).await;
    match credentials(&config).await {
        Ok(credentials) => Ok(Access { config, trust, source, credentials: Some(credentials) }),
        Err(_) if source::has_api_key(&env) => {
            Ok(Access { config, trust, source: Source::ApiKey, credentials: None })
        }
        Err(error) => Err(error::no_credentials(&source, &profiles, &error)),
    }
}

async fn configure(
    args: &AwsArgs,
    region: Option<&str>,
    profiles: &EnvConfigSections,
    trust: &Trust,
) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client(trust))
        .profile_name(profiles.selected_profile());
    if args.fips {
        loader = loader.use_fips(true);
    }
    if let Some(url) = &args.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    if let Some(region) = args.regions.first() {
        loader = loader.region(Region::new(region.clone()));
    }
    let found = loader.load().await;
    let config = match (found.region(), region) {
        (None, Some(region)) => found.into_builder().region(Region::new(region.to_owned())).build(),
        _ => found,
    };
    match &args.profile {
        Some(name) => {
            let provider = SharedCredentialsProvider::new(of_profile(name, &config));
            config.into_builder().credentials_provider(provider).build()
        }
        None => config,
    }
}

async fn credentials(config: &SdkConfig) -> Result<Credentials, CredentialsError> {
    let provider =
        config.credentials_provider().ok_or_else(|| CredentialsError::not_loaded("no provider is set"))?;
    provider.provide_credentials().await
}

impl Access {
    /// For clients of the default Region.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// With an HTTP client of its own: connections belong to the runtime that they were made on.
    pub fn with_own_connections(&self) -> SdkConfig {
        self.config.to_builder().http_client(http_client(&self.trust)).build()
    }

    /// Who vouches for servers.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// For clients of another Region.
    pub fn in_region(&self, region: &str) -> SdkConfig {
        self.config.to_builder().region(Region::new(region.to_owned())).build()
    }

    /// The Region to call where nothing else says one.
    pub fn region(&self) -> Option<&str> {
        self.config.region().map(AsRef::as_ref)
    }

    /// Where the credentials come from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Whether Bedrock is called with an API key, so that other services may have no credentials at all.
    pub fn has_api_key(&self) -> bool {
        source::has_api_key(&Env::real())
    }

    /// The same for another account, as a target names it. It asks for that account's credentials once.
    pub async fn of_account(&self, account: &Account) -> Result<Access, AccessError> {
        let (provider, source) = match account {
            Account::Role(arn) => {
                let role = AssumeRoleProvider::builder(arn).session_name(SESSION).configure(&self.config);
                let source = Source::Role { arn: arn.clone() };
                (SharedCredentialsProvider::new(role.build().await), source)
            }
            Account::Profile(name) => {
                let profiles = source::profiles(Some(name)).await?;
                let source = source::of(&profiles, &Env::real(), true)?;
                (SharedCredentialsProvider::new(of_profile(name, &self.config)), source)
            }
        };
        let config = self.config.to_builder().credentials_provider(provider).build();
        match credentials(&config).await {
            Ok(credentials) => {
                Ok(Access { config, trust: self.trust.clone(), source, credentials: Some(credentials) })
            }
            Err(error) => Err(error::none_from(&source, &error)),
        }
    }

    /// Whether the credentials are temporary ones.
    pub fn has_token(&self) -> bool {
        self.credentials.as_ref().is_some_and(|credentials| credentials.session_token().is_some())
    }

    /// Whether there are access keys, which every service but Bedrock needs.
    pub fn has_keys(&self) -> bool {
        self.credentials.is_some()
    }

    /// When the credentials end, if they do. Some are renewed before that.
    pub fn expires(&self) -> Option<SystemTime> {
        self.credentials.as_ref().and_then(Credentials::expiry)
    }

    /// Asks STS who calls.
    pub async fn identity(&self) -> Result<Identity, AccessError> {
        if !self.has_keys() {
            return Err(AccessError::only_an_api_key());
        }
        let Some(region) = self.region() else { return Err(error::no_region()) };
        let client = aws_sdk_sts::Client::new(&self.in_region(region));
        let answer = client.get_caller_identity().send().await;
        let answer = answer.map_err(|error| self.refused("sts:GetCallerIdentity", &error))?;
        Ok(Identity {
            account: answer.account().unwrap_or_default().to_owned(),
            arn: answer.arn().unwrap_or_default().to_owned(),
        })
    }

    /// Explains why a call failed, and what to do about it. `action` is as IAM names it.
    pub fn refused<E, R>(&self, action: &str, error: &SdkError<E, R>) -> AccessError
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
        R: fmt::Debug + 'static,
    {
        error::of_call(&self.source, action, error)
    }
}

/// Without the configuration, whose parts nobody can vouch for.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Access");
        shown.field("source", &self.source).field("region", &self.region());
        shown.field("expires", &self.expires()).finish_non_exhaustive()
    }
}

/// What is set, if it is not empty: the AWS CLI takes an empty variable for none.
fn variable(env: &Env, name: &str) -> Option<String> {
    env.get(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests;
