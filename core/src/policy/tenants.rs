//! A rate for each tenant, in front of everything else, so that one cannot use up what is there for all.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::gcra::{Gcra, Pace};
use crate::{Nanos, quantity::Rate, span};

/// Each tenant gets the same.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantsSpec {
    #[serde(default)]
    pub requests: Option<Rate>,
    /// Input, and what the output may come to; what an answer did not use is given back.
    #[serde(default)]
    pub tokens: Option<Rate>,
    /// What comes together in this time may come at once.
    #[serde(default = "ten_seconds", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub burst: Duration,
}

fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

impl TenantsSpec {
    /// Whether it limits anything, and lets anything through.
    pub fn makes_sense(&self) -> bool {
        let mut rates = [self.requests, self.tokens].into_iter().flatten().peekable();
        rates.peek().is_some() && rates.all(|rate| rate.per_second > 0.0)
    }

    fn pace(&self, rate: Rate) -> Pace {
        Pace { rate: rate.per_second, burst: span::nanos(self.burst) }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Books {
    requests: Gcra,
    tokens: Gcra,
}

#[derive(Debug, Clone)]
pub struct Tenants {
    spec: TenantsSpec,
    /// By tenant, as far as they have been seen.
    books: Vec<Books>,
}

impl Tenants {
    pub fn new(spec: &TenantsSpec) -> Tenants {
        Tenants { spec: *spec, books: Vec::new() }
    }

    /// Whether one more request with so many tokens is within the tenant's rate; if so, it counts.
    pub fn admit(&mut self, tenant: u16, tokens: f64, now: Nanos) -> bool {
        let spec = self.spec;
        let books = self.books(tenant);
        let requests = spec.requests.map(|rate| spec.pace(rate));
        let of_tokens = spec.tokens.map(|rate| spec.pace(rate));
        let over = requests.is_some_and(|pace| books.requests.check(1.0, pace, now).is_some())
            || of_tokens.is_some_and(|pace| books.tokens.check(tokens, pace, now).is_some());
        if over {
            return false;
        }
        if let Some(pace) = requests {
            books.requests.take(1.0, pace, now);
        }
        if let Some(pace) = of_tokens {
            books.tokens.take(tokens, pace, now);
        }
        true
    }

    /// An answer left so many of the request's tokens unused.
    pub fn give_back(&mut self, tenant: u16, tokens: f64) {
        if let Some(rate) = self.spec.tokens {
            let pace = self.spec.pace(rate);
            self.books(tenant).tokens.give_back(tokens.max(0.0), pace);
        }
    }

    /// A tenant that is seen for the first time gets books.
    fn books(&mut self, tenant: u16) -> &mut Books {
        let at = usize::from(tenant);
        if self.books.len() <= at {
            self.books.resize(at + 1, Books::default());
        }
        &mut self.books[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::SECOND;

    fn tenants(text: &str) -> Tenants {
        Tenants::new(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn one_tenant_s_flood_leaves_the_others_their_rate() {
        let mut tenants = tenants(r#"{ "requests": "60/min", "burst": "5s" }"#);
        let mut admitted = [0; 3];
        for second in 0..60 {
            for _ in 0..50 {
                admitted[0] += u32::from(tenants.admit(0, 0.0, second * SECOND));
            }
            for quiet in [1, 2] {
                admitted[usize::from(quiet)] += u32::from(tenants.admit(quiet, 0.0, second * SECOND));
            }
        }
        assert_eq!(admitted, [64, 60, 60]);
    }

    #[test]
    fn unused_tokens_come_back_and_a_refused_request_counts_for_nothing() {
        let mut tenants = tenants(r#"{ "requests": "2/s", "tokens": "100/s", "burst": "10s" }"#);
        assert!(tenants.admit(7, 1_000.0, 0));
        assert!(!tenants.admit(7, 200.0, 0));
        tenants.give_back(7, 300.0);
        assert!(tenants.admit(7, 200.0, 0));
        assert!(!tenants.admit(7, 200.0, 0));
        tenants.give_back(7, -5.0);
        assert!(tenants.admit(7, 100.0, 0), "the refused ones took nothing");
    }

    #[test]
    fn a_limit_limits_something_and_lets_something_through() {
        let sense = |text| serde_json::from_str::<TenantsSpec>(text).unwrap().makes_sense();
        assert!(sense(r#"{ "tokens": "1k/min" }"#));
        assert!(!sense("{}"));
        assert!(!sense(r#"{ "requests": "0/s", "tokens": "1k/min" }"#));
    }
}
