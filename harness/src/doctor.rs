//! Whether a scenario can be run on Amazon Bedrock from here: what `richter doctor` looks at, and what it thinks of it.
//!
//! Everything asked is read-only and free. `ask` asks AWS and the machine and gathers facts; `judge` turns facts into
//! checks and knows no client; `report` is what a person or a script reads. Start at [`examine`].

mod ask;
pub mod facts;
mod judge;
mod machine;
mod need;
mod quota_name;
mod report;

pub use report::{CHECKS, Check, CheckInfo, Kind, Report, Status, schema};

use crate::{
    aws::{self, AwsArgs},
    clock,
    scenario::plan::Plan,
};

/// Asks and judges. It never fails: whatever cannot be asked is a failed check.
pub async fn examine(plan: &Plan, args: &AwsArgs) -> Report {
    let first = plan.targets.iter().find(|target| target.spec.endpoint().is_none());
    let access = aws::load(args, first.map(|target| target.spec.region())).await;
    let now = clock::unix_s();
    let machine = machine::look();
    let mut checks = match access {
        Ok(access) => judge::aws(&ask::facts(plan, &access).await, plan, now),
        Err(error) => vec![Check::fail(Kind::Credentials, "", error.what, error.fix)],
    };
    checks.extend(judge::machine(&machine, &need::load(plan)));
    Report::new(plan.name.clone(), checks)
}

#[cfg(test)]
mod tests;
