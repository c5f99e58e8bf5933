//! What may be done about a failure before any content reached the caller: one table, from what went wrong to what
//! helps, in the order in which it is tried.
//!
//! Another target costs no wait, so it always comes first. Another model changes what the caller gets, so it comes after
//! all targets of the same model, and before waiting for one of them. What the caller did wrong helps nowhere, but a
//! prompt that is too long for one model may fit another, and what one model's filter stops another may answer.

use crate::failure::{Failure, ThrottleScope, Timer};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A target that was not tried yet, tier by tier.
    NextTarget,
    /// A target of the `general` model map.
    NextModel,
    /// One that was tried, after a wait.
    RetrySame,
    /// A target of the `context_window` map.
    LargerContext,
    /// A target of the `content` map.
    OtherContent,
}

use Action::{LargerContext, NextModel, NextTarget, OtherContent, RetrySame};

/// Nothing in it: the failure is handed on.
pub const fn actions(failure: Failure) -> &'static [Action] {
    match failure {
        // A day's quota is not back before the caller has left.
        Failure::Throttle { scope: ThrottleScope::TokensPerDay, .. } | Failure::QuotaHard => {
            &[NextTarget, NextModel]
        }
        Failure::Throttle { .. }
        | Failure::Capacity { .. }
        | Failure::ServerFault { .. }
        | Failure::Transport(_)
        | Failure::StreamBroken
        | Failure::Timeout(Timer::Connect) => &[NextTarget, NextModel, RetrySame],
        // The same target would take as long again, or refuse again.
        Failure::Timeout(Timer::FirstToken | Timer::Idle | Timer::Pace | Timer::Model)
        | Failure::Access
        | Failure::Credential
        | Failure::ModelUnavailable => &[NextTarget, NextModel],
        Failure::ContextWindow => &[LargerContext],
        Failure::Content => &[OtherContent],
        Failure::Timeout(Timer::Total) | Failure::BadRequest | Failure::LocalReject => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Phase;

    const fn throttle(scope: ThrottleScope) -> Failure {
        Failure::Throttle { scope, retry_after_ms: None }
    }

    #[test]
    fn each_kind_of_failure_has_its_remedies_in_their_order() {
        const ANYWHERE: &[Action] = &[NextTarget, NextModel, RetrySame];
        const ELSEWHERE: &[Action] = &[NextTarget, NextModel];
        let table: [(Failure, &[Action]); 23] = [
            (throttle(ThrottleScope::Requests), ANYWHERE),
            (throttle(ThrottleScope::Tokens), ANYWHERE),
            (throttle(ThrottleScope::Unknown), ANYWHERE),
            (throttle(ThrottleScope::TokensPerDay), ELSEWHERE),
            (Failure::QuotaHard, ELSEWHERE),
            (Failure::Capacity { retry_after_ms: None }, ANYWHERE),
            (Failure::ServerFault { retry_after_ms: None }, ANYWHERE),
            (Failure::Transport(Phase::Connect), ANYWHERE),
            (Failure::Transport(Phase::Await), ANYWHERE),
            (Failure::Transport(Phase::Body), ANYWHERE),
            (Failure::StreamBroken, ANYWHERE),
            (Failure::Timeout(Timer::Connect), ANYWHERE),
            (Failure::Timeout(Timer::FirstToken), ELSEWHERE),
            (Failure::Timeout(Timer::Idle), ELSEWHERE),
            (Failure::Timeout(Timer::Model), ELSEWHERE),
            (Failure::Timeout(Timer::Total), &[]),
            (Failure::Access, ELSEWHERE),
            (Failure::Credential, ELSEWHERE),
            (Failure::ModelUnavailable, ELSEWHERE),
            (Failure::ContextWindow, &[LargerContext]),
            (Failure::Content, &[OtherContent]),
            (Failure::BadRequest, &[]),
            (Failure::LocalReject, &[]),
        ];
        for (failure, expected) in table {
            assert_eq!(actions(failure), expected, "{failure:?}");
        }
    }
}
