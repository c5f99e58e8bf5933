//! The mix of request classes: which class a request belongs to, how large it is, what its caller does.

use richter_mock_bedrock::{
    Nanos,
    dist::Sampler,
    engine::Prefix,
    luck::{Draws, Luck, Stream},
};

use super::{Arrival, number, spec::ClassSpec, tenants::Asking};

// Purposes of the draws of one request. Part of the recorded world: append, never reorder.
const CLASS: u32 = 0;
const INPUT: u32 = 0;
const OUTPUT: u32 = 1;
const TENANT: u32 = 1;
const PREFIX: u32 = 2;
const AGAIN: u32 = 0;
const AFTER: u32 = 1;

#[derive(Debug, Clone, PartialEq)]
pub struct Mix {
    classes: Vec<Class>,
}

#[derive(Debug, Clone, PartialEq)]
struct Class {
    /// Upper end of the class's part of 0..1.
    until: f64,
    input: Sampler,
    output: Sampler,
    tenants: Asking,
    max_tokens: Option<u32>,
    shared: Option<Shared>,
    patience: Option<Nanos>,
    again: Option<Again>,
}

/// Beginnings that prompts of a class share.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Shared {
    prefixes: u32,
    tokens: u32,
}

#[derive(Debug, Clone, PartialEq)]
struct Again {
    share: f64,
    after: Sampler,
    times: u32,
}

/// The streams that a request's own draws come from, looked up once.
#[derive(Debug, Clone, Copy)]
pub struct Keys {
    classes: Draws,
    sizes: Draws,
}

impl Keys {
    pub fn new(luck: Luck) -> Keys {
        Keys { classes: luck.stream(Stream::Classes), sizes: luck.stream(Stream::Sizes) }
    }
}

/// When a request comes, before its class and sizes are known.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    pub at: Nanos,
    pub number: u64,
    pub phase: u16,
    /// Input and output tokens, where a trace gives them.
    pub sizes: Option<(u32, u32)>,
}

impl Mix {
    /// Each class with its tenants.
    pub fn new<'a>(specs: impl Iterator<Item = (&'a ClassSpec, Asking)>) -> Mix {
        let mut until = 0.0;
        let classes = specs.map(|(spec, tenants)| {
            until += spec.share.0;
            Class::new(spec, tenants, until)
        });
        Mix { classes: classes.collect() }
    }

    #[inline]
    pub fn arrival(&self, keys: Keys, point: Point) -> Arrival {
        let index = self.pick(keys.classes.draw(point.number, 0, CLASS).unit());
        let class = &self.classes[index];
        let (input_tokens, output_tokens) = point.sizes.unwrap_or_else(|| {
            let input = class.input.at(keys.sizes.draw(point.number, 0, INPUT).unit());
            let output = class.output.at(keys.sizes.draw(point.number, 0, OUTPUT).unit());
            (whole_tokens(input), whole_tokens(output))
        });
        Arrival {
            at: point.at,
            number: point.number,
            phase: point.phase,
            class: index as u16,
            // All requests of one user are one tenant's.
            tenant: class.tenants.pick(|| keys.classes.draw(number::caller(point.number), 0, TENANT).unit()),
            input_tokens,
            output_tokens,
            max_tokens: class.max_tokens,
            prefix: class.shared.map(|shared| {
                let nth = keys.sizes.draw(point.number, 0, PREFIX).below(u64::from(shared.prefixes));
                // Each prompt ends with something of its own.
                let tokens = shared.tokens.min(input_tokens.saturating_sub(1));
                Prefix { key: (index as u64) << 32 | nth, tokens }
            }),
            patience: class.patience,
        }
    }

    fn pick(&self, unit: f64) -> usize {
        // Shares add up to 1 only nearly, so the last class takes what rounding leaves.
        self.classes.iter().position(|class| unit < class.until).unwrap_or(self.classes.len() - 1)
    }

    /// Whether any caller ever comes again.
    pub fn anybody_comes_again(&self) -> bool {
        self.classes.iter().any(|class| class.again.is_some())
    }

    /// When the caller of a failed request comes again, if it does.
    pub fn again(&self, luck: Luck, failed: &Arrival, ended: Nanos) -> Option<Arrival> {
        let again = self.classes.get(usize::from(failed.class))?.again.as_ref()?;
        let clients = luck.stream(Stream::Clients);
        let willing = clients.draw(failed.number, 0, AGAIN).unit() < again.share;
        if !willing || number::times_again(failed.number) >= again.times {
            return None;
        }
        let pause = again.after.at(clients.draw(failed.number, 0, AFTER).unit()) as Nanos;
        Some(Arrival { at: ended.saturating_add(pause), number: number::again(failed.number)?, ..*failed })
    }
}

impl Class {
    fn new(spec: &ClassSpec, tenants: Asking, until: f64) -> Class {
        Class {
            until,
            tenants,
            input: spec.input.sampler(),
            output: spec.output.sampler(),
            max_tokens: spec.max_tokens.map(|tokens| whole_tokens(tokens.0 as f64)),
            shared: spec.shared_prefix.as_ref().map(|shared| Shared {
                prefixes: shared.prefixes,
                tokens: whole_tokens(shared.tokens.0 as f64),
            }),
            patience: spec.abandon_after.map(|span| span.0),
            again: spec.again.as_ref().map(|again| Again {
                share: again.share.0,
                after: again.after.sampler(),
                times: again.times,
            }),
        }
    }
}

/// At least one token, at most what 32 bits hold; the cast saturates.
pub fn whole_tokens(tokens: f64) -> u32 {
    ((tokens + 0.5) as u32).max(1)
}
