//! Quotas beside what the scenario asks at its peak. That it asks for more is no fault: to see what then happens may be
//! what the scenario is for. That a quota is zero is one.

use indexmap::IndexMap;

use super::{place_name, unknown};
use crate::doctor::{
    facts::{Facts, QuotaFacts},
    need::{PoolKey, PoolNeed},
    quota_name::{Counts, TOKENS_PER_DAY, fits},
    report::{Check, Kind},
};

pub fn quotas(facts: &Facts, pools: &IndexMap<PoolKey, PoolNeed>) -> Vec<Check> {
    let mut checks = Vec::new();
    for ((account, region), place) in &facts.places {
        let whose = &facts.accounts[*account].name;
        let about = place_name(facts, *account, region);
        let here = || pools.iter().filter(|((owner, at, ..), _)| owner == whose && at == region);
        match &place.quotas {
            Err(error) if here().count() > 0 => checks.push(unknown(Kind::Quota, about, error)),
            Err(_) => {}
            Ok(quotas) => {
                checks.extend(here().map(|(key, need)| pool(&about, key, need, quotas)));
                checks.extend(day(&about, here().map(|(_, need)| need.tokens).fold(0.0, f64::max), quotas));
            }
        }
    }
    checks
}

fn pool(place: &str, (_, _, kind, model): &PoolKey, need: &PoolNeed, quotas: &[QuotaFacts]) -> Check {
    let about = format!("{} {model} in {place} ({})", kind.name(), need.targets.join(", "));
    let find = |counts: Counts| quotas.iter().find(|quota| fits(&quota.name, *kind, counts, model));
    let (requests, tokens) = (find(Counts::Requests), find(Counts::Tokens));
    let asked = [
        requests.map(|quota| Asked { what: "requests/min", asked: need.requests_per_minute, quota }),
        tokens.map(|quota| Asked { what: "tokens/min", asked: need.tokens_per_minute, quota }),
    ];
    let asked: Vec<Asked<'_>> = asked.into_iter().flatten().collect();
    let says = asked.iter().map(Asked::says).collect::<Vec<_>>().join("; ");
    if let Some(zero) = asked.iter().find(|asked| asked.quota.value <= 0.0) {
        return Check::fail(Kind::Quota, about, says, zero.raise());
    }
    match asked.iter().find(|asked| asked.asked > asked.quota.value) {
        _ if asked.is_empty() => Check::warn(
            Kind::Quota,
            about,
            "no quota of that name is listed",
            "look for the model in the Service Quotas console, under Amazon Bedrock",
        ),
        None => Check::ok(Kind::Quota, about, says),
        Some(over) => {
            let fix = format!(
                "expect throttling, which may be what you want to see; else lower the rate, or {}",
                over.raise()
            );
            Check::warn(Kind::Quota, about, says, fix)
        }
    }
}

/// The cap per day on all models of a place together.
fn day(place: &str, tokens: f64, quotas: &[QuotaFacts]) -> Option<Check> {
    let quota = quotas.iter().find(|quota| quota.name == TOKENS_PER_DAY)?;
    let asked = Asked { what: "tokens/day", asked: tokens, quota };
    let (kind, about) = (Kind::Quota, format!("all models in {place}"));
    Some(if quota.value <= 0.0 {
        Check::fail(kind, about, asked.says(), asked.raise())
    } else if tokens > quota.value {
        let fix = format!("make the run shorter, or {}", asked.raise());
        Check::warn(kind, about, asked.says(), fix)
    } else {
        Check::ok(kind, about, asked.says())
    })
}

/// One quota, and what is asked of it.
struct Asked<'a> {
    what: &'static str,
    asked: f64,
    quota: &'a QuotaFacts,
}

impl Asked<'_> {
    fn says(&self) -> String {
        let over = if self.asked > self.quota.value && self.quota.value > 0.0 {
            format!(", {:.1} times as much", self.asked / self.quota.value)
        } else {
            String::new()
        };
        format!("up to {} {} of {}{over}", count(self.asked), self.what, count(self.quota.value))
    }

    fn raise(&self) -> String {
        let QuotaFacts { code, adjustable, .. } = self.quota;
        if *adjustable {
            format!("ask for more of quota {code} in the Service Quotas console")
        } else {
            format!("ask AWS Support about quota {code}, which cannot be raised by itself")
        }
    }
}

/// Whole, with commas.
fn count(number: f64) -> String {
    let digits = format!("{:.0}", number.ceil());
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_whole_with_commas() {
        let table = [(0.0, "0"), (999.2, "1,000"), (12.0, "12"), (1_234_567.0, "1,234,567"), (100.0, "100")];
        for (number, text) in table {
            assert_eq!(count(number), text);
        }
    }
}
