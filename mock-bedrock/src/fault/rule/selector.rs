//! Which calls a fault strikes.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::checks::Checks;
use crate::{
    engine::Operation,
    fault::{Subject, kind::Place},
    world::{AccountId, ModelId, RegionId},
};

/// Which calls, as written. What is not given selects all; what is given must hold all together.
///
/// Behind a cross-Region profile, faults of the connection, of access and of quotas, and `outage`, look at
/// the Region that is called; all others at the Region that serves the call.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SelectorSpec {
    /// One Region or a list.
    pub region: Names,
    /// One base model or a list.
    pub model: Names,
    pub operation: Option<OperationSpec>,
    /// Only streams (true), or only calls that are answered as a whole (false).
    pub stream: Option<bool>,
    /// One tenant or a list.
    pub tenant: Names,
    /// One account or a list; `own` is the one that is called when nothing else is said.
    pub account: Names,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationSpec {
    Converse,
    ConverseStream,
    InvokeModel,
    InvokeModelWithResponseStream,
}

impl From<OperationSpec> for Operation {
    fn from(spec: OperationSpec) -> Operation {
        match spec {
            OperationSpec::Converse => Operation::Converse,
            OperationSpec::ConverseStream => Operation::ConverseStream,
            OperationSpec::InvokeModel => Operation::InvokeModel,
            OperationSpec::InvokeModelWithResponseStream => Operation::InvokeModelWithResponseStream,
        }
    }
}

/// Quota pools by the way that calls come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PoolKind {
    OnDemand,
    Profile,
    GlobalProfile,
    Provisioned,
    External,
}

impl PoolKind {
    /// First word of the names of such pools.
    pub(in crate::fault) const fn name(self) -> &'static str {
        match self {
            PoolKind::OnDemand => "on_demand",
            PoolKind::Profile => "profile",
            PoolKind::GlobalProfile => "global_profile",
            PoolKind::Provisioned => "provisioned",
            PoolKind::External => "external",
        }
    }
}

/// One name or a list of names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names(pub Vec<String>);

/// Which calls, resolved; empty lists select all.
#[derive(Debug, Clone, Default)]
pub(in crate::fault) struct Selector {
    pub regions: Vec<RegionId>,
    pub models: Vec<ModelId>,
    pub operation: Option<Operation>,
    pub stream: Option<bool>,
    /// `None` is a name that has no number yet.
    pub tenants: Vec<Option<u16>>,
    pub accounts: Vec<AccountId>,
}

impl Selector {
    pub fn takes_region(&self, region: RegionId) -> bool {
        self.regions.is_empty() || self.regions.contains(&region)
    }

    pub fn takes_model(&self, model: ModelId) -> bool {
        self.models.is_empty() || self.models.contains(&model)
    }

    pub fn takes_account(&self, account: AccountId) -> bool {
        self.accounts.is_empty() || self.accounts.contains(&account)
    }

    /// Whether it selects the call as (called, served) in a selected Region; `None` if for other reasons not.
    pub fn places(&self, subject: &Subject) -> Option<(bool, bool)> {
        let selected = self.takes_model(subject.model)
            && self.takes_account(subject.account)
            && self.operation.is_none_or(|operation| operation == subject.operation)
            && self.stream.is_none_or(|stream| stream == subject.operation.streams())
            && (self.tenants.is_empty() || self.tenants.contains(&Some(subject.tenant)));
        selected.then(|| (self.takes_region(subject.region), self.takes_region(subject.serving)))
    }
}

impl Place {
    pub(in crate::fault) fn holds(self, at_endpoint: bool, at_serving: bool) -> bool {
        match self {
            Place::Endpoint => at_endpoint,
            Place::Serving => at_serving,
            Place::Either => at_endpoint || at_serving,
        }
    }
}

impl SelectorSpec {
    pub(in crate::fault) fn resolve(&self, checks: &mut Checks<'_>) -> Selector {
        Selector {
            regions: checks.regions(&["on", "region"], &self.region),
            models: checks.models(&["on", "model"], &self.model),
            operation: self.operation.map(Operation::from),
            stream: self.stream,
            tenants: vec![None; self.tenant.0.len()],
            accounts: checks.accounts(&["on", "account"], &self.account),
        }
    }

    /// Keys that say something about single calls, and so nothing about a pool.
    pub(in crate::fault) fn call_keys(&self) -> Vec<&'static str> {
        let keys = [
            ("operation", self.operation.is_some()),
            ("stream", self.stream.is_some()),
            ("tenant", !self.tenant.0.is_empty()),
        ];
        keys.into_iter().filter(|(_, given)| *given).map(|(key, _)| key).collect()
    }

    /// Keys that say more than which endpoint is called.
    pub(in crate::fault) fn endpoint_strangers(&self) -> Vec<&'static str> {
        let more = [("model", !self.model.0.is_empty()), ("account", !self.account.0.is_empty())];
        let more = more.into_iter().filter(|(_, given)| *given).map(|(key, _)| key);
        self.call_keys().into_iter().chain(more).collect()
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Names;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name, or a list of names")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<Names, E> {
                Ok(Names(vec![name.to_owned()]))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = list.next_element()? {
                    names.push(name);
                }
                if names.is_empty() {
                    return Err(de::Error::custom(
                        "an empty list selects nothing; leave the key out to select all",
                    ));
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Names {
    fn schema_name() -> Cow<'static, str> {
        "Names".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A name, or a list of names.",
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::testing::subject;

    fn takes(selector: &Selector, place: Place, subject: &Subject) -> bool {
        selector.places(subject).is_some_and(|(endpoint, serving)| place.holds(endpoint, serving))
    }

    #[test]
    fn an_empty_selector_takes_every_call() {
        assert!(takes(&Selector::default(), Place::Endpoint, &subject(1)));
    }

    #[test]
    fn every_given_part_must_hold() {
        let call = subject(1);
        let other = |change: fn(&mut Subject)| {
            let mut other = call;
            change(&mut other);
            other
        };
        let strict = Selector {
            regions: vec![call.region],
            models: vec![call.model],
            operation: Some(call.operation),
            stream: Some(true),
            tenants: vec![Some(call.tenant)],
            accounts: vec![call.account],
        };
        assert!(takes(&strict, Place::Endpoint, &call));
        for different in [
            other(|call| call.region = RegionId(9)),
            other(|call| call.model = ModelId(9)),
            other(|call| call.operation = Operation::InvokeModelWithResponseStream),
            other(|call| call.tenant = 9),
            other(|call| call.account = AccountId(9)),
        ] {
            assert!(!takes(&strict, Place::Endpoint, &different), "{different:?}");
        }
        let unary = other(|call| call.operation = Operation::Converse);
        assert!(!takes(&Selector { stream: Some(true), ..Selector::default() }, Place::Endpoint, &unary));
        assert!(takes(&Selector { stream: Some(false), ..Selector::default() }, Place::Endpoint, &unary));
    }

    #[test]
    fn behind_a_profile_the_place_decides_which_region_counts() {
        let far = Subject { region: RegionId(0), serving: RegionId(1), ..subject(1) };
        let serving = Selector { regions: vec![RegionId(1)], ..Selector::default() };
        assert!(!takes(&serving, Place::Endpoint, &far));
        assert!(takes(&serving, Place::Serving, &far));
        assert!(takes(&serving, Place::Either, &far));
    }

    #[test]
    fn a_tenant_without_a_number_takes_nobody() {
        let unknown = Selector { tenants: vec![None], ..Selector::default() };
        assert!(!takes(&unknown, Place::Endpoint, &subject(1)));
    }
}
