//! The retry quota: a bucket of tokens in the client that retries draw from and successes fill.

use super::{Client, RetryQuota};

/// The same in all SDKs and both behaviours.
pub(super) const FULL: u32 = 500;
/// What a success adds that needed no retry.
const PLAIN_SUCCESS: u32 = 1;

#[derive(Debug)]
pub(super) struct Quota {
    kept: RetryQuota,
    client: Client,
    /// Of the shared bucket.
    left: u32,
    /// What the latest retry cost, whosever it was; the Rust SDK keeps one such permit for the whole client, and the next
    /// success gives it back.
    permit: Option<u32>,
}

impl Quota {
    pub(super) fn new(kept: RetryQuota, client: Client) -> Quota {
        Quota { kept, client, left: FULL, permit: None }
    }

    /// Pays for one more retry of a request, given the costs of all its retries so far with the new one last.
    pub(super) fn withdraw(&mut self, costs: impl Iterator<Item = u32>) -> bool {
        match self.kept {
            RetryQuota::Off => true,
            RetryQuota::PerRequest => costs.fold(0, u32::saturating_add) <= FULL,
            RetryQuota::Shared => {
                let cost = costs.last();
                let left = cost.and_then(|cost| self.left.checked_sub(cost));
                if let Some(left) = left {
                    (self.left, self.permit) = (left, cost);
                }
                left.is_some()
            }
        }
    }

    #[cfg(test)]
    pub(super) const fn left(&self) -> u32 {
        self.left
    }

    /// A success gives back what its last retry cost, or to the Rust SDK, what the client's last retry cost.
    pub(super) fn refund(&mut self, last_cost: Option<u32>) {
        let last_cost = match self.client {
            Client::Boto3 => last_cost,
            Client::Rust => self.permit.take(),
        };
        self.left = self.left.saturating_add(last_cost.unwrap_or(PLAIN_SUCCESS)).min(FULL);
    }
}
