//! How people and files name a request: `1.2756` is place 2756 of phase 1, both counted from 0.
//!
//! ```text
//! 1.2756      phase 1, place 2756; with a trace, the place of its row and copy
//! 1.u12.3     phase 1, user 12 of a closed population, that user's request 3
//! 1.2756+2    the same caller, come again for the second time
//! ```
//!
//! Inside, a request is one packed number: bit 63 for a user, bits 56-62 how many times the caller came again, bits
//! 48-55 the phase, and below them the place, or user (20 bits) and turn (28 bits). The packed number is accepted
//! wherever a name is. It is not written to files: many readers of JSON round whole numbers above 2^53.

use std::{fmt, str::FromStr};

use serde::{Deserializer, Serializer, de};

pub const USER: u64 = 1 << 63;
pub const AGAIN_SHIFT: u32 = 56;
pub const AGAIN_MAX: u64 = (1 << 7) - 1;
pub const PHASE_SHIFT: u32 = 48;
pub const PHASE_MAX: u64 = (1 << 8) - 1;
pub const TURN_BITS: u32 = 28;
const PLACE_MAX: u64 = (1 << PHASE_SHIFT) - 1;
const TURN_MAX: u64 = (1 << TURN_BITS) - 1;
const USER_MAX: u64 = PLACE_MAX >> TURN_BITS;

/// A packed request number that reads and writes as a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestName(pub u64);

impl fmt::Display for RequestName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RequestName(number) = *self;
        let (phase, place) = (number >> PHASE_SHIFT & PHASE_MAX, number & PLACE_MAX);
        match number & USER {
            0 => write!(f, "{phase}.{place}")?,
            _ => write!(f, "{phase}.u{}.{}", place >> TURN_BITS, place & TURN_MAX)?,
        }
        match number >> AGAIN_SHIFT & AGAIN_MAX {
            0 => Ok(()),
            again => write!(f, "+{again}"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no request is named like that; write PHASE.PLACE as the report does, such as 1.2756")]
pub struct NotAName;

impl FromStr for RequestName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<RequestName, NotAName> {
        let Some((phase, rest)) = text.split_once('.') else {
            return field(text, u64::MAX).map(RequestName);
        };
        let (place, again) = match rest.split_once('+') {
            Some((place, again)) => (place, field(again, AGAIN_MAX)?),
            None => (rest, 0),
        };
        let place = match place.strip_prefix('u') {
            Some(user) => {
                let (user, turn) = user.split_once('.').ok_or(NotAName)?;
                USER | field(user, USER_MAX)? << TURN_BITS | field(turn, TURN_MAX)?
            }
            None => field(place, PLACE_MAX)?,
        };
        Ok(RequestName(again << AGAIN_SHIFT | field(phase, PHASE_MAX)? << PHASE_SHIFT | place))
    }
}

fn field(text: &str, max: u64) -> Result<u64, NotAName> {
    // `parse` alone would take a sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number <= max).ok_or(NotAName)
}

/// A request in a run file, for `#[serde(with = ..)]`.
pub(super) fn serialize<S: Serializer>(number: &u64, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&RequestName(*number))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    from.deserialize_any(Visitor)
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request such as \"1.2756\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
        text.parse().map(|RequestName(number)| number).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }
}

/// Several requests in a run file.
pub(super) mod list {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Item(#[serde(with = "super")] u64);

    pub fn serialize<S: Serializer>(numbers: &[u64], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(numbers.iter().map(|number| Item(*number)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u64>, D::Error> {
        Vec::<Item>::deserialize(from).map(|items| items.into_iter().map(|Item(number)| number).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::run_file::{Notable, Slowest};

    #[test]
    fn a_name_says_phase_and_place_or_user_and_turn_and_how_often_the_caller_came_again() {
        for (number, name) in [
            (0, "0.0"),
            (281_474_976_713_412, "1.2756"),
            (USER | 1 << 48 | 12 << 28 | 3, "1.u12.3"),
            (2 << 56 | 1 << 48 | 2_756, "1.2756+2"),
            (u64::MAX, "255.u1048575.268435455+127"),
        ] {
            assert_eq!(RequestName(number).to_string(), name);
            assert_eq!(name.parse(), Ok(RequestName(number)), "{name}");
        }
        assert_eq!("281474976713412".parse(), Ok(RequestName(281_474_976_713_412)), "packed");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = format!("1.{}", 1u64 << 48);
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "+5",
            "-1",
            "1.-2",
            "1.+2",
            "1.2+",
            "1.2+128",
            "256.0",
            "1.u5",
            "1.u.5",
            "1.u1048576.0",
            "1.u0.268435456",
            "1.2.3",
            "1 .2",
            "spike.2",
            "18446744073709551616",
            &long,
        ] {
            assert_eq!(text.parse::<RequestName>(), Err(NotAName), "{text:?}");
        }
    }

    #[test]
    fn a_run_file_names_requests_and_may_number_them() {
        let slowest = vec![Slowest { request: 1 << 48 | 7, total_ms: 1.5 }];
        let notable = Notable { slowest, failed: vec![3, USER] };
        let json = serde_json::to_string(&notable).unwrap();
        let named = r#"{"slowest":[{"request":"1.7","total_ms":1.5}],"failed":["0.3","0.u0.0"]}"#;
        assert_eq!(json, named);
        assert_eq!(serde_json::from_str::<Notable>(named).unwrap(), notable);
        let packed =
            r#"{"slowest":[{"request":281474976710663,"total_ms":1.5}],"failed":[3,9223372036854775808]}"#;
        assert_eq!(serde_json::from_str::<Notable>(packed).unwrap(), notable);
        let error = serde_json::from_str::<Notable>(r#"{"slowest":[],"failed":["x"]}"#).unwrap_err();
        assert!(error.to_string().contains("PHASE.PLACE"), "{error}");
    }

    proptest! {
        #[test]
        fn every_number_has_a_name_of_its_own(number: u64) {
            prop_assert_eq!(RequestName(number).to_string().parse(), Ok(RequestName(number)));
        }
    }
}
