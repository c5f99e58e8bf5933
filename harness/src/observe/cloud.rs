//! The shell around a Region of an account: looks at what is there, and makes the calls of a plan through the AWS SDK. It
//! decides nothing but when to ask again.

mod act;
pub mod collect;
mod look;
mod publish;

use std::time::Duration;

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_smithy_types::error::display::DisplayErrorContext;

/// Clients of one Region.
#[derive(Debug, Clone)]
pub struct Cloud {
    pub bedrock: aws_sdk_bedrock::Client,
    pub logs: aws_sdk_cloudwatchlogs::Client,
    pub metrics: aws_sdk_cloudwatch::Client,
    pub iam: aws_sdk_iam::Client,
    patience: Patience,
}

/// How long to wait for what takes time in AWS.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until a new role can be used. IAM says seconds; a minute is seen.
    pub role: Duration,
    /// Before the first time that it is asked again.
    pub first: Duration,
    /// How often a call is made that is throttled or fails on the service's side.
    pub attempts: u32,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience { role: Duration::from_secs(90), first: Duration::from_secs(1), attempts: 6 }
    }
}

impl Cloud {
    pub fn new(config: &SdkConfig, patience: Patience) -> Cloud {
        let retries =
            RetryConfig::standard().with_max_attempts(patience.attempts).with_initial_backoff(patience.first);
        let config = config.to_builder().retry_config(retries).build();
        Cloud {
            bedrock: aws_sdk_bedrock::Client::new(&config),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
            metrics: aws_sdk_cloudwatch::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            patience,
        }
    }
}

/// The service's own words, with what they mean to whoever runs this.
fn explained(
    error: impl std::error::Error + aws_smithy_types::error::metadata::ProvideErrorMetadata,
) -> anyhow::Error {
    let hint = match error.code() {
        Some("AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation") => {
            "; the caller may not do that: `richter iam-policy` prints what it needs"
        }
        Some("LimitExceededException" | "LimitExceeded" | "LimitExceededFault") => {
            "; the account has no room for one more: delete what is not used, or have the limit raised"
        }
        Some("ThrottlingException" | "Throttling") => "; the control plane is busy: try again in a minute",
        _ => "",
    };
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => anyhow::anyhow!("{code}: {message}{hint}"),
        (Some(code), None) => anyhow::anyhow!("{code}{hint}"),
        _ => anyhow::anyhow!("{}", DisplayErrorContext(&error)),
    }
}

#[cfg(test)]
mod tests;
