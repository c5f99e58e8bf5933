//! The credentials of one account: asked for when they are first needed, and again before they end, as the SDK does.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use aws_config::SdkConfig;
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials as _, SharedCredentialsProvider, error::CredentialsError},
};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use tokio::time::timeout;

/// So long before their end credentials are not used any more.
const MARGIN: Duration = Duration::from_secs(10);
/// Credentials that do not say when they end are asked for again after this: somebody may have changed them.
const AGE_MAX: Duration = Duration::from_secs(15 * 60);

/// Whoever gives credentials may take so long: a login that has to be renewed takes seconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Keys {
    provider: Option<SharedCredentialsProvider>,
    time: SharedTimeSource,
    held: Mutex<Option<Arc<Held>>>,
    /// Held by whoever asks for new ones.
    asking: tokio::sync::Mutex<()>,
}

/// Credentials, and until when they are good.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) credentials: Credentials,
    until: SystemTime,
}

impl Keys {
    pub(super) fn of(config: &SdkConfig) -> Keys {
        Keys {
            provider: config.credentials_provider(),
            time: config.time_source().unwrap_or_else(|| SharedTimeSource::new(SystemTimeSource::new())),
            held: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn has_provider(&self) -> bool {
        self.provider.is_some()
    }

    pub(super) fn now(&self) -> SystemTime {
        self.time.now()
    }

    pub(super) async fn held(&self) -> Result<Arc<Held>, CredentialsError> {
        if let Some(held) = self.fresh() {
            return Ok(held);
        }
        let _asking = self.asking.lock().await;
        if let Some(held) = self.fresh() {
            return Ok(held);
        }
        let provider = self.provider.as_ref();
        let provider =
            provider.ok_or_else(|| CredentialsError::not_loaded("there is no credentials provider"))?;
        let asked = timeout(ANSWER_WITHIN, provider.provide_credentials()).await;
        let credentials = asked.map_err(|_| CredentialsError::provider_timed_out(ANSWER_WITHIN))??;
        let until = credentials.expiry().unwrap_or_else(|| self.now() + AGE_MAX);
        let held = Arc::new(Held { credentials, until });
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&held));
        Ok(held)
    }

    fn fresh(&self) -> Option<Arc<Held>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().filter(|held| self.now() + MARGIN < held.until).cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use aws_credential_types::provider::{ProvideCredentials, future};
    use aws_smithy_async::time::TimeSource;

    use super::*;

    /// Seconds since 1970, by hand.
    #[derive(Debug, Clone, Default)]
    struct Hand(Arc<AtomicU64>);

    impl TimeSource for Hand {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::Relaxed))
        }
    }

    /// Gives new ones each time; they last so long.
    #[derive(Debug)]
    struct Giver {
        given: AtomicU64,
        time: Hand,
        lasts: Option<u64>,
    }

    impl ProvideCredentials for Giver {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let number = self.given.fetch_add(1, Ordering::Relaxed);
            let until = self.lasts.map(|lasts| self.time.now() + Duration::from_secs(lasts));
            future::ProvideCredentials::ready(Ok(Credentials::new(
                number.to_string(),
                "s",
                None,
                until,
                "test",
            )))
        }
    }

    async fn names(lasts: Option<u64>, at: [u64; 4]) -> Vec<String> {
        let time = Hand::default();
        let giver = Giver { given: AtomicU64::new(0), time: time.clone(), lasts };
        let config = SdkConfig::builder()
            .credentials_provider(SharedCredentialsProvider::new(giver))
            .time_source(time.clone())
            .build();
        let keys = Keys::of(&config);
        let mut names = Vec::new();
        for at in at {
            time.0.store(at, Ordering::Relaxed);
            names.push(keys.held().await.expect("given").credentials.access_key_id().to_owned());
        }
        names
    }

    #[tokio::test]
    async fn credentials_are_kept_until_shortly_before_their_end() {
        assert_eq!(names(Some(60), [0, 49, 50, 99]).await, ["0", "0", "1", "1"]);
        assert_eq!(names(None, [0, 889, 890, 891]).await, ["0", "0", "1", "1"]);
    }

    #[tokio::test]
    async fn without_a_provider_there_are_none() {
        let error = Keys::of(&SdkConfig::builder().build()).held().await.expect_err("none can be had");
        assert!(format!("{error:?}").contains("no credentials provider"), "{error:?}");
    }
}
