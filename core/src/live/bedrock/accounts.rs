//! Whose credentials a target is called with: the caller's own, those of a named profile of the AWS configuration, or
//! those of a role that the caller's own may assume. Nothing is asked for before the first request.

use aws_config::{
    BehaviorVersion, SdkConfig, profile::ProfileFileCredentialsProvider, provider_config::ProviderConfig,
    sts::AssumeRoleProvider,
};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::{
    rt::sleep::{SharedAsyncSleep, TokioSleep},
    time::{SharedTimeSource, SystemTimeSource},
};

use super::loopback::{Trust, http_client};
use crate::target::{Account, TargetSpec};

/// What an assumed role's session is called in the other account's logs.
const SESSION: &str = "richter";

/// Each account's configuration, the caller's own first.
#[derive(Debug)]
pub(super) struct Accounts(Vec<(Option<Account>, SdkConfig)>);

impl Accounts {
    /// `config` is the caller's own, if it brings one.
    pub(super) async fn new(config: Option<SdkConfig>, targets: &[TargetSpec]) -> Accounts {
        let own = match config {
            Some(config) => completed(&config),
            None => {
                let loader = aws_config::defaults(BehaviorVersion::latest());
                loader.http_client(http_client(&Trust::System)).load().await
            }
        };
        let mut accounts = Accounts(vec![(None, own)]);
        for account in targets.iter().filter_map(TargetSpec::account) {
            if accounts.place(Some(account)).is_none() {
                let config = accounts.other(account).await;
                accounts.0.push((Some(account.clone()), config));
            }
        }
        accounts
    }

    pub(super) fn place(&self, account: Option<&Account>) -> Option<usize> {
        self.0.iter().position(|(known, _)| known.as_ref() == account)
    }

    pub(super) fn at(&self, place: usize) -> &SdkConfig {
        &self.0[place].1
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &SdkConfig> {
        self.0.iter().map(|(_, config)| config)
    }

    async fn other(&self, account: &Account) -> SdkConfig {
        let own = self.at(0);
        match account {
            Account::Role(arn) => {
                let provider = AssumeRoleProvider::builder(arn).session_name(SESSION).configure(own);
                let provider = SharedCredentialsProvider::new(provider.build().await);
                own.to_builder().credentials_provider(provider).build()
            }
            Account::Profile(name) => {
                let provider = SharedCredentialsProvider::new(of_profile(name, own));
                own.to_builder().credentials_provider(provider).build()
            }
        }
    }
}

/// The credentials of a profile that was named on purpose. As with the AWS CLI's `--profile`, those in the environment
/// do not go before it: they would be another account's.
pub fn of_profile(name: &str, own: &SdkConfig) -> ProfileFileCredentialsProvider {
    let client = own.http_client().unwrap_or_else(|| http_client(&Trust::System));
    let config = ProviderConfig::without_region()
        .with_region(own.region().cloned())
        .with_use_fips(own.use_fips())
        .with_use_dual_stack(own.use_dual_stack())
        .with_http_client(client);
    ProfileFileCredentialsProvider::builder().configure(&config).profile_name(name).build()
}

/// With what roles need and a configuration that was made by hand may lack.
fn completed(config: &SdkConfig) -> SdkConfig {
    let client = config.http_client().unwrap_or_else(|| http_client(&Trust::System));
    let time = config.time_source().unwrap_or_else(|| SharedTimeSource::new(SystemTimeSource::new()));
    let sleep = config.sleep_impl().unwrap_or_else(|| SharedAsyncSleep::new(TokioSleep::new()));
    config.to_builder().http_client(client).time_source(time).sleep_impl(sleep).build()
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;

    use super::*;
    use crate::target::OnDemand;

    fn target(account: Option<Account>) -> TargetSpec {
        TargetSpec::OnDemand(OnDemand { account, ..OnDemand::default() })
    }

    #[tokio::test]
    async fn each_account_has_one_configuration_and_credentials_of_its_own() {
        let role = Account::Role("arn:aws:iam::111122223333:role/caller".into());
        let targets = [target(None), target(Some(role.clone())), target(Some(role.clone())), target(None)];
        let credentials = Credentials::new("key", "secret", None, None, "test");
        let own = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(aws_config::Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        let accounts = Accounts::new(Some(own), &targets).await;
        assert_eq!(accounts.0.len(), 2);
        assert_eq!((accounts.place(None), accounts.place(Some(&role))), (Some(0), Some(1)));
        let provider = |place: usize| format!("{:?}", accounts.at(place).credentials_provider());
        assert!(!provider(0).contains("AssumeRole") && provider(1).contains("AssumeRole"), "{}", provider(1));
        assert!(accounts.at(0).http_client().is_some() && accounts.at(1).http_client().is_some());
    }
}
