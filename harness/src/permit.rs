//! The least that IAM must allow for a scenario: what `richter iam-policy` prints. Pure, and made from the plan alone, so
//! that it can be read before anybody has credentials.
//!
//! A call through a cross-Region profile needs three things: the profile in the Region that is called, the model there,
//! and the model in every Region that the profile may lead to, these two only by way of the profile. A global profile
//! needs the model without a Region instead of the last, and its request names the Region `unspecified`. Converse is
//! allowed by the same two actions as InvokeModel.
//!
//! Start at [`policy`]; `statement` is how a policy is written, `run`, `doctor` and `observe` are what each does.

mod doctor;
mod names;
mod observe;
mod run;
mod statement;

use std::collections::BTreeSet;

pub use statement::{Conditions, Policy, Statement};

use self::names::Names;
use crate::scenario::plan::{Plan, PlanTarget};

/// What is to be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// `richter run --on bedrock`.
    Run,
    /// `richter observe`.
    Observe,
    /// `richter doctor`.
    Doctor,
}

/// Whose policy, and for what.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    pub mode: Mode,
    /// The account id that ARNs are written with; `*` where nobody knows it.
    pub account: &'a str,
    /// The account as targets name it; without it, the run's own.
    pub of: Option<&'a str>,
}

/// A policy for one account. Targets of the others need policies of their own.
pub fn policy(plan: &Plan, ask: Ask<'_>) -> Policy {
    let own = |target: &&PlanTarget| target.spec.account().map(|account| account.name()) == ask.of;
    let targets: Vec<&PlanTarget> =
        plan.targets.iter().filter(own).filter(|target| target.spec.endpoint().is_none()).collect();
    let names = Names { account: ask.account };
    let mut statements = match ask.mode {
        Mode::Run => run::statements(&targets, &plan.traffic, names),
        Mode::Doctor => doctor::statements(&targets, names),
        Mode::Observe => observe::statements(&targets, names),
    };
    if ask.of.is_none() && ask.mode != Mode::Observe {
        statements.extend(run::roles(plan));
    }
    Policy::new(statements)
}

/// Accounts that targets name, beside the run's own.
pub fn other_accounts(plan: &Plan) -> BTreeSet<&str> {
    plan.targets.iter().filter_map(|target| target.spec.account()).map(|account| account.name()).collect()
}

#[cfg(test)]
mod tests;
