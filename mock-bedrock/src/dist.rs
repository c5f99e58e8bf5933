//! Distributions as people write them, and samplers with pinned mathematics: an inverse distribution function
//! applied to one keyed draw, so that the same scenario gives the same bytes on every machine.

use std::{borrow::Cow, fmt, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::units::{Quantity, Share};

/// Standard normal quantile of 0.99; with it a log-normal is given by its p50 and p99.
const Z99: f64 = 2.326_347_874_040_840_8;

/// How a quantity varies from draw to draw. A bare quantity means a constant.
#[derive(Debug, Clone, PartialEq)]
pub enum Dist<Q> {
    Constant(Q),
    Uniform { from: Q, to: Q },
    LogNormal { p50: Q, p99: Q },
    Empirical(Vec<Point<Q>>),
}

/// One point of a measured quantile table.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Point<Q> {
    /// The quantile, such as 99%.
    pub at: Share,
    pub value: Q,
}

impl<Q: Quantity> Dist<Q> {
    /// Compiles to plain numbers in the base unit (nanoseconds, tokens).
    pub fn sampler(&self) -> Sampler {
        match self {
            Dist::Constant(q) => Sampler::Constant(q.base()),
            Dist::Uniform { from, to } => {
                Sampler::Uniform { from: from.base(), width: to.base() - from.base() }
            }
            Dist::LogNormal { p50, p99 } => {
                let mu = libm::log(p50.base().max(1e-9));
                Sampler::LogNormal { mu, sigma: (libm::log(p99.base().max(1e-9)) - mu) / Z99 }
            }
            Dist::Empirical(points) => {
                Sampler::Empirical(points.iter().map(|p| (p.at.0, p.value.base())).collect())
            }
        }
    }

    /// What is wrong with the numbers, if anything.
    pub fn problem(&self) -> Option<String> {
        match self {
            Dist::Constant(_) => None,
            Dist::Uniform { from, to } if from.base() > to.base() => {
                Some(format!("uniform runs from {from} down to {to}; write the smaller bound first"))
            }
            Dist::LogNormal { p50, p99 } if p50.base() <= 0.0 || p99.base() < p50.base() => {
                Some(format!("log_normal needs 0 < p50 <= p99, not p50 {p50} and p99 {p99}"))
            }
            Dist::Empirical(points) if points.len() < 2 => Some("empirical needs at least two points".into()),
            Dist::Empirical(points)
                if points
                    .windows(2)
                    .any(|w| w[0].at.0 >= w[1].at.0 || w[0].value.base() > w[1].value.base()) =>
            {
                Some("empirical points must rise in both `at` and `value`".into())
            }
            _ => None,
        }
    }
}

/// A compiled distribution in base units.
#[derive(Debug, Clone, PartialEq)]
pub enum Sampler {
    Constant(f64),
    Uniform { from: f64, width: f64 },
    LogNormal { mu: f64, sigma: f64 },
    Empirical(Vec<(f64, f64)>),
}

impl Sampler {
    /// The value at quantile `unit`, which must lie in (0, 1).
    pub fn at(&self, unit: f64) -> f64 {
        match self {
            Sampler::Constant(value) => *value,
            Sampler::Uniform { from, width } => from + width * unit,
            Sampler::LogNormal { mu, sigma } => libm::exp(mu + sigma * normal_quantile(unit)),
            Sampler::Empirical(points) => interpolate(points, unit),
        }
    }

    /// The mean, exact where the shape gives one.
    pub fn mean(&self) -> f64 {
        match self {
            Sampler::Constant(value) => *value,
            Sampler::Uniform { from, width } => from + width / 2.0,
            Sampler::LogNormal { mu, sigma } => libm::exp(mu + sigma * sigma / 2.0),
            Sampler::Empirical(points) => {
                // Flat outside the first and last point, linear between: the area under the quantile function.
                let inner: f64 = points.windows(2).map(|w| (w[1].0 - w[0].0) * (w[0].1 + w[1].1) / 2.0).sum();
                let first = points.first().map_or(0.0, |p| p.0 * p.1);
                let last = points.last().map_or(0.0, |p| (1.0 - p.0) * p.1);
                first + inner + last
            }
        }
    }
}

fn interpolate(points: &[(f64, f64)], unit: f64) -> f64 {
    let after = points.partition_point(|(quantile, _)| *quantile < unit);
    match (after.checked_sub(1).and_then(|before| points.get(before)), points.get(after)) {
        (Some((q0, v0)), Some((q1, v1))) => v0 + (v1 - v0) * (unit - q0) / (q1 - q0),
        (None, Some((_, value))) | (Some((_, value)), None) => *value,
        (None, None) => 0.0,
    }
}

/// The standard normal quantile by Wichura's AS 241 (PPND16), accurate to about 1 part in 10^16.
pub fn normal_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * ratio(r, &CENTRE);
    }
    let r = libm::sqrt(-libm::log(if q < 0.0 { p } else { 1.0 - p }));
    let tail = if r <= 5.0 { ratio(r - 1.6, &MIDDLE) } else { ratio(r - 5.0, &FAR) };
    if q < 0.0 { -tail } else { tail }
}

fn ratio(r: f64, (above, below): &([f64; 8], [f64; 8])) -> f64 {
    let horner = |c: &[f64; 8]| c.iter().rev().fold(0.0, |sum, c| sum * r + c);
    horner(above) / horner(below)
}

#[rustfmt::skip]
const CENTRE: ([f64; 8], [f64; 8]) = (
    [3.387_132_872_796_366_5, 1.331_416_678_917_843_8e2, 1.971_590_950_306_551_3e3, 1.373_169_376_550_946e4,
     4.592_195_393_154_987e4, 6.726_577_092_700_87e4, 3.343_057_558_358_813e4, 2.509_080_928_730_122_7e3],
    [1.0, 4.231_333_070_160_091e1, 6.871_870_074_920_579e2, 5.394_196_021_424_751e3,
     2.121_379_430_158_659_7e4, 3.930_789_580_009_271e4, 2.872_908_573_572_194_3e4, 5.226_495_278_852_545e3],
);
#[rustfmt::skip]
const MIDDLE: ([f64; 8], [f64; 8]) = (
    [1.423_437_110_749_683_5, 4.630_337_846_156_546, 5.769_497_221_460_691, 3.647_848_324_763_204_5,
     1.270_458_252_452_368_4, 2.417_807_251_774_506e-1, 2.272_384_498_926_918_4e-2, 7.745_450_142_783_414e-4],
    [1.0, 2.053_191_626_637_759, 1.676_384_830_183_803_8, 6.897_673_349_851e-1,
     1.481_039_764_274_800_8e-1, 1.519_866_656_361_645_7e-2, 5.475_938_084_995_345e-4, 1.050_750_071_644_416_9e-9],
);
#[rustfmt::skip]
const FAR: ([f64; 8], [f64; 8]) = (
    [6.657_904_643_501_103, 5.463_784_911_164_114, 1.784_826_539_917_291_3, 2.965_605_718_285_048_7e-1,
     2.653_218_952_657_612_4e-2, 1.242_660_947_388_078_4e-3, 2.711_555_568_743_487_6e-5, 2.010_334_399_292_288_1e-7],
    [1.0, 5.998_322_065_558_88e-1, 1.369_298_809_227_358e-1, 1.487_536_129_085_061_5e-2,
     7.868_691_311_456_133e-4, 1.846_318_317_510_054_7e-5, 1.421_511_758_316_446e-7, 2.044_263_103_389_939_8e-15],
);

impl<'de, Q: Quantity + Deserialize<'de>> Deserialize<'de> for Dist<Q> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DistVisitor(PhantomData))
    }
}

struct DistVisitor<Q>(PhantomData<Q>);

const SHAPES: &[&str] = &["constant", "uniform", "log_normal", "empirical"];

impl<'de, Q: Quantity + Deserialize<'de>> de::Visitor<'de> for DistVisitor<Q> {
    type Value = Dist<Q>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} or a distribution such as {{ log_normal: {{ p50: .., p99: .. }} }}", Q::WHAT)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        text.parse().map(Dist::Constant).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        let bare = || E::custom(format_args!("{number} has no unit; write {}", Q::EXAMPLE));
        Q::from_bare(number).map(Dist::Constant).ok_or_else(bare)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        let whole = u64::try_from(number)
            .map_err(|_| E::custom(format_args!("{number} is negative; write {}", Q::EXAMPLE)))?;
        self.visit_u64(whole)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
        let text = number.to_string();
        let no_unit = || E::custom(format_args!("{text} has no unit; write {}", Q::EXAMPLE));
        Err(if Q::BARE { E::custom(Q::error(&text)) } else { no_unit() })
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Uniform<Q> {
            from: Q,
            to: Q,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct LogNormal<Q> {
            p50: Q,
            p99: Q,
        }
        let Some(shape) = map.next_key::<String>()? else {
            return Err(de::Error::custom(
                "an empty distribution; write { log_normal: { p50: .., p99: .. } }",
            ));
        };
        let dist = match shape.as_str() {
            "constant" => Dist::Constant(map.next_value()?),
            "uniform" => map.next_value::<Uniform<Q>>().map(|u| Dist::Uniform { from: u.from, to: u.to })?,
            "log_normal" => {
                map.next_value::<LogNormal<Q>>().map(|l| Dist::LogNormal { p50: l.p50, p99: l.p99 })?
            }
            "empirical" => Dist::Empirical(map.next_value()?),
            other => return Err(de::Error::unknown_variant(other, SHAPES)),
        };
        if map.next_key::<String>()?.is_some() {
            return Err(de::Error::custom("a distribution has one shape; remove the second"));
        }
        dist.problem().map_or(Ok(dist), |problem| Err(de::Error::custom(problem)))
    }
}

impl<Q: JsonSchema> JsonSchema for Dist<Q> {
    fn schema_name() -> Cow<'static, str> {
        format!("DistOf{}", Q::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let q = generator.subschema_for::<Q>();
        let point = generator.subschema_for::<Point<Q>>();
        let one = |name: &str, inner: serde_json::Value| serde_json::json!({ "type": "object", "properties": { name: inner }, "required": [name], "additionalProperties": false });
        let pair = |a: &str, b: &str| serde_json::json!({ "type": "object", "properties": { a: q, b: q }, "required": [a, b], "additionalProperties": false });
        json_schema!({ "anyOf": [
            q,
            one("constant", serde_json::json!(q)),
            one("uniform", pair("from", "to")),
            one("log_normal", pair("p50", "p99")),
            one("empirical", serde_json::json!({ "type": "array", "items": point, "minItems": 2 })),
        ] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Span, Tokens};

    #[test]
    fn the_normal_quantile_matches_published_values() {
        for (p, z) in
            [(0.5, 0.0), (0.975, 1.959_963_984_540_054), (0.99, Z99), (1e-10, -6.361_340_902_404_056)]
        {
            assert!((normal_quantile(p) - z).abs() < 1e-12, "{p}: {}", normal_quantile(p));
        }
    }

    #[test]
    fn a_log_normal_goes_through_its_p50_and_p99() {
        let dist = Dist::LogNormal { p50: Span(450_000_000), p99: Span(2_000_000_000) }.sampler();
        assert!((dist.at(0.5) - 450e6).abs() < 1.0);
        assert!((dist.at(0.99) - 2e9).abs() < 10.0);
    }

    #[test]
    fn means_agree_with_the_samples() {
        let point = |at, value| Point { at: Share(at), value: Tokens(value) };
        let dists = [
            Dist::Uniform { from: Tokens(10), to: Tokens(30) },
            Dist::LogNormal { p50: Tokens(600), p99: Tokens(4000) },
            Dist::Empirical(vec![point(0.0, 10), point(0.5, 100), point(0.9, 400)]),
        ];
        for dist in dists {
            let sampler = dist.sampler();
            let n = 100_000;
            let mean =
                (0..n).map(|i| sampler.at((f64::from(i) + 0.5) / f64::from(n))).sum::<f64>() / f64::from(n);
            assert!(
                (mean / sampler.mean() - 1.0).abs() < 0.003,
                "{dist:?}: {mean} against {}",
                sampler.mean()
            );
        }
    }
}
