//! Why a strategy decided as it did: one list of names and meanings.

/// Makes the reasons and everything that must know all of them from one list.
macro_rules! reasons {
    ($($reason:ident, $name:literal, $meaning:literal;)+) => {
        /// Why a step was taken. Every decision carries one, and the run file counts them.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
        )]
        #[repr(u8)]
        pub enum Reason {
            $(#[doc = $meaning] #[serde(rename = $name)] $reason,)+
        }

        impl Reason {
            pub const ALL: [Reason; [$($name),+].len()] = [$(Reason::$reason),+];

            pub const fn name(self) -> &'static str {
                match self { $(Reason::$reason => $name,)+ }
            }

            /// What it means, for people.
            pub const fn meaning(self) -> &'static str {
                match self { $(Reason::$reason => $meaning,)+ }
            }
        }
    };
}

reasons! {
    FirstChoice, "first_choice", "the first attempt of a request";
    NextTarget, "next_target", "another target after a failure";
    RetrySame, "retry_same", "the same target again, after a back-off";
    RateLimited, "rate_limited", "held back by the strategy's own rate limiter";
    Answered, "answered", "the answer is complete";
    NotRetryable, "not_retryable", "this failure is not worth another attempt";
    AttemptsSpent, "attempts_spent", "no attempts left";
    TargetsSpent, "targets_spent", "every target was tried";
    BudgetEmpty, "budget_empty", "the retry budget is empty";
    DeadlineNear, "deadline_near", "too little time left before the deadline";
    BrokenAfterCommit, "broken_after_commit", "the answer broke after the caller had seen part of it";
    CallerGone, "caller_gone", "the caller gave up waiting";
    StillInAir, "still_in_air", "an attempt is still in the air";
    WaitsSpent, "waits_spent", "the strategy put off its decision too often";
    NothingEligible, "nothing_eligible", "no target may be tried now";
    ReadingState, "reading_state", "waiting for the state that several routers share";
    CoolingDown, "cooling_down", "every target that could take it is cooling down after a refusal";
    BreakerBlocked, "breaker_blocked", "every target that could take it is blocked after faults";
    Probe, "probe", "the one attempt that finds out whether a target works again";
    Panicked, "panicked", "health was ignored, because no target was healthy";
    LastResort, "last_resort", "the target that is used only when nothing else is left";
    Barred, "barred", "we may not use the target, or it does not exist";
    LeastBad, "least_bad", "the target that would be eligible first, since none is";
    AskedAnyway, "asked_anyway", "asked against our own books, since a refusal costs less than no answer";
    QuotaShort, "quota_short", "no quota is left for this request, by the strategy's own books";
    Hedged, "hedged", "a second attempt elsewhere, because the first one is silent for too long";
    NextModel, "next_model", "another model, because no target of this one can answer";
    ConcurrencyFull, "concurrency_full", "every target that could take it has as many attempts in the air as it bears";
    ThrottledLocally, "throttled_locally", "turned away here, because the service refuses most of what is sent";
    Ejected, "ejected", "every target that could take it is out of use, for faring worse than the others";
    Queued, "queued", "waits in the queue for its turn";
    QueueFull, "queue_full", "the queue in front of the targets is full";
    QueueTimeout, "queue_timeout", "it waited in the queue as long as it may";
    Paced, "paced", "put off, so that what is sent stays even and within the quota";
    ShedByPriority, "shed_by_priority", "turned away, because quota runs short and others matter more";
    TenantOverRate, "tenant_over_rate", "turned away, because its tenant asks for more than its rate";
    Degraded, "degraded", "sent with a lower max_tokens, because no more quota is left";
    FailedLate, "failed_late", "the failure came too late to try elsewhere";
    Incapable, "incapable", "no target can do what the request needs";
    Continued, "continued", "goes on with the answer where it broke off";
}
