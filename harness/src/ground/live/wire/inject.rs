//! Faults on our side of the connection: a throttle that the service never sent, a delay before a call leaves, a
//! connection that breaks before anything is sent. They may be applied to the real service, which they do not reach.
//! Chance is keyed by request and attempt, so every strategy meets the same.

use std::{fmt, str::FromStr, time::Duration};

use richter_core::span;
use richter_mock_bedrock::{luck::Draws, units::Share};

/// A rule as written: `throttle:10%`, `delay:200ms:50%`, `reset:5%`, each with `@REGION` behind it if it is for one only.
#[derive(Debug, Clone, PartialEq)]
pub struct Injection {
    pub kind: Kind,
    /// Of the calls that it is for.
    pub share: f64,
    pub region: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The call is not sent; the answer is a throttle.
    Throttle,
    /// The call is sent later.
    Delay(Duration),
    /// The call is not sent; its connection breaks.
    Reset,
}

const HOW: &str =
    "write throttle:10%, delay:200ms:50% or reset:5%, with @REGION behind it for one Region only";

impl FromStr for Injection {
    type Err = String;

    fn from_str(text: &str) -> Result<Injection, String> {
        let wrong = |what: String| format!("{what}; {HOW}");
        let (rule, region) = match text.split_once('@') {
            Some((_, "")) => return Err(wrong("the Region after @ is missing".to_owned())),
            Some((rule, region)) => (rule, Some(region.to_owned())),
            None => (text, None),
        };
        let share = |text: &str| {
            let read: Result<Share, _> = serde_json::from_value(text.into());
            read.map(|share| share.0).map_err(|error| wrong(error.to_string()))
        };
        let (kind, share) = match rule.split(':').collect::<Vec<_>>().as_slice() {
            ["throttle", part] => (Kind::Throttle, share(part)?),
            ["reset", part] => (Kind::Reset, share(part)?),
            ["delay", length, part] => {
                let length = span::parse(length).map_err(|error| wrong(error.to_string()))?;
                (Kind::Delay(length), share(part)?)
            }
            _ => return Err(wrong(format!("\"{rule}\" is no fault that can be injected"))),
        };
        Ok(Injection { kind, share, region })
    }
}

impl fmt::Display for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Throttle => f.write_str("a throttle in place of ")?,
            Kind::Delay(length) => write!(f, "a delay of {} ms before ", length.as_millis())?,
            Kind::Reset => f.write_str("a broken connection in place of ")?,
        }
        write!(f, "{} of calls", Share(self.share))?;
        match &self.region {
            Some(region) => write!(f, " to {region}"),
            None => Ok(()),
        }
    }
}

/// What happens to one call: the first rule that hits.
pub fn struck(rules: &[Injection], draws: Draws, call: (u64, u32), region: &str) -> Option<Kind> {
    let (request, attempt) = call;
    let hits = |(place, rule): &(usize, &Injection)| {
        let here = rule.region.as_deref().is_none_or(|only| only == region);
        here && draws.draw(request, attempt, *place as u32).unit() < rule.share
    };
    rules.iter().enumerate().find(hits).map(|(_, rule)| rule.kind)
}

/// The Region that a call is signed for; empty if it is not signed.
pub fn signed_region(authorization: Option<&str>) -> &str {
    let scope = authorization.and_then(|value| value.split_once("Credential="));
    let scope = scope.and_then(|(_, rest)| rest.split(',').next());
    scope.and_then(|scope| scope.rsplit('/').nth(2)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use richter_mock_bedrock::luck::{Luck, Stream};

    use super::*;

    #[test]
    fn a_rule_is_read_and_told_or_refused_with_how_to_write_it() {
        let told = |text: &str| text.parse::<Injection>().map(|rule| rule.to_string());
        assert_eq!(told("throttle:10%"), Ok("a throttle in place of 10% of calls".into()));
        assert_eq!(
            told("delay:200ms:50%@us-west-2"),
            Ok("a delay of 200 ms before 50% of calls to us-west-2".into())
        );
        assert_eq!(told("reset:5%"), Ok("a broken connection in place of 5% of calls".into()));
        for wrong in ["", "throttle", "throttle:10", "delay:5%", "reset:5%@", "melt:5%", "delay:fast:5%"] {
            let error = told(wrong).expect_err(wrong);
            assert!(error.contains("write throttle:10%"), "{error}");
        }
    }

    #[test]
    fn a_rule_strikes_its_share_of_its_region_s_calls_and_the_same_ones_each_time() {
        let rules = ["throttle:20%@us-east-1".parse().expect("a rule")];
        let draws = Luck::new(1, 0).stream(Stream::Clients);
        let struck = |region| {
            (0..10_000u64).filter(|request| struck(&rules, draws, (*request, 0), region).is_some()).count()
        };
        assert!((1_800..2_200).contains(&struck("us-east-1")), "{}", struck("us-east-1"));
        assert_eq!((struck("us-east-1"), struck("us-west-2")), (struck("us-east-1"), 0));
    }

    #[test]
    fn the_region_is_that_of_the_signature() {
        let signed = "AWS4-HMAC-SHA256 Credential=AKIA/20261121/eu-west-1/bedrock/aws4_request, SignedHeaders=host, Signature=00";
        assert_eq!(signed_region(Some(signed)), "eu-west-1");
        assert_eq!((signed_region(Some("Bearer abc")), signed_region(None)), ("", ""));
    }
}
