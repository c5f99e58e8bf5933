//! From facts to checks. Pure: it knows no client and no clock.

mod quota;
mod target;

use super::{
    facts::{AccountFacts, CredentialFacts, Facts, LoggingFacts, Machine, PlaceFacts},
    need::{self, Load},
    report::{Check, Kind},
};
use crate::{aws::AccessError, scenario::plan::Plan};

/// Everything about AWS. `now` is in seconds since 1970.
pub fn aws(facts: &Facts, plan: &Plan, now: u64) -> Vec<Check> {
    let ends = now.saturating_add(plan.length() / 1_000_000_000);
    let accounts = facts.accounts.iter();
    let mut checks: Vec<Check> = accounts.clone().map(|account| credentials(account, ends)).collect();
    checks.extend(clock(facts.ahead_s));
    checks.extend(accounts.filter_map(identity));
    for target in &facts.targets {
        checks.extend(target::target(target, &facts.accounts[target.account].name));
    }
    checks.extend(target::destinations(facts));
    checks.extend(quota::quotas(facts, &need::pools(plan)));
    checks.extend(
        facts
            .places
            .iter()
            .map(|((account, region), place)| logging(&place_name(facts, *account, region), place)),
    );
    checks
}

/// A Region, and whose.
fn place_name(facts: &Facts, account: usize, region: &str) -> String {
    match &*facts.accounts[account].name {
        "" => region.to_owned(),
        name => format!("{region} of {name}"),
    }
}

/// A check that could not be made.
fn unknown(kind: Kind, about: impl Into<String>, error: &AccessError) -> Check {
    Check::warn(kind, about, error.what.clone(), error.fix.clone())
}

fn refused(kind: Kind, about: impl Into<String>, error: &AccessError) -> Check {
    Check::fail(kind, about, error.what.clone(), error.fix.clone())
}

fn credentials(account: &AccountFacts, ends: u64) -> Check {
    let (kind, about) = (Kind::Credentials, account.name.clone());
    let facts = match &account.credentials {
        Ok(facts) => facts,
        Err(error) => return refused(kind, about, error),
    };
    let CredentialFacts { source, expires_unix_s, renewed, end_unknown, .. } = facts;
    match expires_unix_s {
        None if *end_unknown => Check::warn(
            kind,
            about,
            format!("{source}: a session token whose end nobody knows"),
            "see that it lasts as long as the run, or use a profile, which is renewed by itself",
        ),
        None => Check::ok(kind, about, format!("{source}, which do not end")),
        Some(end) if *renewed => {
            Check::ok(kind, about, format!("{source}, until {} and renewed by themselves", time(*end)))
        }
        Some(end) if *end < ends => Check::fail(
            kind,
            about,
            format!("{source}: they end at {}, the run at {}", time(*end), time(ends)),
            "get new ones before the run, or use a profile, which is renewed by itself",
        ),
        Some(end) => Check::ok(kind, about, format!("{source}, until {}", time(*end))),
    }
}

fn time(unix_s: u64) -> String {
    let at = i64::try_from(unix_s).ok().and_then(|at| jiff::Timestamp::from_second(at).ok());
    at.map_or_else(|| "a time far from now".to_owned(), |at| at.to_string())
}

/// A signature counts for five minutes; an HTTP date has whole seconds and was made on the way.
const AHEAD_FAIL_S: i64 = 240;
const AHEAD_WARN_S: i64 = 30;

fn clock(ahead_s: Option<i64>) -> Option<Check> {
    let fix = "set the clock, and keep it with NTP (chrony, systemd-timesyncd)";
    let off = ahead_s?;
    let says = match off {
        0 => "agrees with AWS to the second".to_owned(),
        1.. => format!("{off} s ahead of AWS"),
        _ => format!("{} s behind AWS", off.saturating_neg()),
    };
    Some(match off.saturating_abs() {
        AHEAD_FAIL_S.. => Check::fail(Kind::Clock, "", says + "; signatures count for five minutes", fix),
        AHEAD_WARN_S.. => Check::warn(Kind::Clock, "", says, fix),
        _ => Check::ok(Kind::Clock, "", says),
    })
}

fn identity(account: &AccountFacts) -> Option<Check> {
    let credentials = account.credentials.as_ref().ok()?;
    let about = account.name.clone();
    Some(match &account.identity {
        Ok(identity) => Check::ok(Kind::Identity, about, format!("{} ({})", identity.arn, identity.account)),
        Err(error) if !credentials.keys => unknown(Kind::Identity, about, error),
        Err(error) => refused(Kind::Identity, about, error),
    })
}

fn logging(about: &str, place: &PlaceFacts) -> Check {
    let kind = Kind::Logging;
    match &place.logging {
        Err(error) => unknown(kind, about, error),
        Ok(Some(LoggingFacts { group: Some(group), .. })) => {
            Check::ok(kind, about, format!("on, to log group {group}"))
        }
        Ok(Some(LoggingFacts { bucket: Some(bucket), .. })) => Check::warn(
            kind,
            about,
            format!("on, to bucket {bucket} alone"),
            "send it to CloudWatch Logs too, which is what `richter observe` reads",
        ),
        Ok(_) => Check::warn(
            kind,
            about,
            "off: which Region served a request will not be known",
            "turn it on in the Bedrock console, or by `aws bedrock put-model-invocation-logging-configuration`",
        ),
    }
}

/// Files that the process has open besides its connections.
const FILES_BESIDE: u64 = 64;
/// How many times the mean number of connections a burst or a slow spell may need.
const BURST: f64 = 2.0;

/// Everything about this machine.
pub fn machine(machine: &Machine, load: &Load) -> Vec<Check> {
    vec![open_files(machine, load), cpu(machine, load)]
}

fn open_files(machine: &Machine, load: &Load) -> Check {
    let kind = Kind::OpenFiles;
    let Some(limit) = machine.open_files else {
        return Check::warn(kind, "", "the limit is not known on this system", "see what `ulimit -n` says");
    };
    let mean = load.concurrent.ceil() as u64 + FILES_BESIDE;
    let wanted = (load.concurrent * BURST).ceil() as u64 + FILES_BESIDE;
    let limited = if limit == u64::MAX { "not limited".to_owned() } else { format!("{limit} allowed") };
    let says = format!("{limited}; about {:.0} requests are in the air at the peak", load.concurrent.ceil());
    let fix = format!("raise it: ulimit -n {}", wanted.next_power_of_two());
    if limit < mean {
        Check::fail(kind, "", says, fix)
    } else if limit < wanted {
        Check::warn(kind, "", says, fix)
    } else {
        Check::ok(kind, "", says)
    }
}

/// Beyond this share of all cores, lateness of the generator shows in the latencies.
const BUSY: f64 = 0.5;

fn cpu(machine: &Machine, load: &Load) -> Check {
    let share = load.cpu / machine.cores as f64;
    let says = format!(
        "{} cores; {:.0} requests/s at the peak need about {:.1} of them",
        machine.cores, load.requests_per_second, load.cpu
    );
    let fix = "use a larger machine, or lower the scenario's rate";
    if share > 1.0 {
        Check::fail(Kind::Cpu, "", says, fix)
    } else if share > BUSY {
        Check::warn(Kind::Cpu, "", says, fix)
    } else {
        Check::ok(Kind::Cpu, "", says)
    }
}

#[cfg(test)]
mod tests;
