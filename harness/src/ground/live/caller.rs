//! Who makes the calls: the AWS SDK, or the lean client.

use richter_core::live::{LeanRouter, Router};

/// Which client makes the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Client {
    /// The AWS SDK for Rust, as a service would use it.
    #[default]
    Sdk,
    /// A client of our own that costs about three fifths of the SDK's processor time and decides the same.
    Lean,
}

/// That of one lane.
#[derive(Debug)]
pub enum Caller {
    Sdk(Router),
    Lean(LeanRouter),
}

impl Caller {
    pub async fn warm(&self) {
        match self {
            Caller::Sdk(router) => router.warm().await,
            Caller::Lean(router) => router.warm().await,
        }
    }
}
