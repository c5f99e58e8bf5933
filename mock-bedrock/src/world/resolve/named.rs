//! Ways in that an ARN or an address names: what lies behind them is written, not told by their name.

use indexmap::IndexMap;

use super::{
    super::spec::{ExternalSpec, ProvisionedSpec},
    Builder, ChoiceRule, Found, PoolSettings, Problems, RouteId, RouteKind, Router, Way, after_slash,
    base_of, did_you_mean,
};
use crate::{dist::Sampler, latency::salt, units::Rate};

/// A prompt router of Nova models added this much to each call in a public lab (chaosreload/aws-hands-on-lab, "prompt
/// routing"); AWS speaks of 85 ms for nine in ten.
const ROUTER_OVERHEAD: f64 = 329e6;

impl<'a> Builder<'a> {
    pub(super) fn provisioned(&mut self, way: &Way<'a>, problems: &mut Problems) -> Option<Found<'a>> {
        let bought = self.bought(way, problems)?;
        if let Some(region) = way.id.split(':').nth(3).filter(|region| !region.is_empty())
            && region != way.region
        {
            let elsewhere = format!("\"{}\" lies in {region}, not in {}", way.id, way.region);
            way.problem(problems, elsewhere, format!("call it in {region}"));
        }
        let model = self.known_model(&bought.model, problems)?;
        let settings = PoolSettings {
            account: way.account,
            region: self.region_id(way.region),
            model,
            name: format!("provisioned {} {}", way.region, way.id),
            requests_per_minute: bought.requests.map(Rate::per_minute),
            tokens_per_minute: bought.tokens.map(Rate::per_minute),
            day: None,
            concurrent: bought.concurrent,
        };
        Some(Found {
            model,
            pool: self.pool_id(settings),
            choice: ChoiceRule::SourceFirst,
            destinations: vec![way.region],
            through_profile: false,
            unavailable: None,
        })
    }

    /// What was bought under an ARN. A world with one model and no `provisioned` section can only mean that model,
    /// without limits.
    fn bought(&self, way: &Way<'a>, problems: &mut Problems) -> Option<ProvisionedSpec> {
        let section = self.spec.provisioned.as_ref();
        let found = match (section, self.names.models.as_slice()) {
            (None, [model]) => Some(ProvisionedSpec::unlimited(model)),
            _ => section.and_then(|bought| bought.get(way.id)).cloned(),
        };
        if found.is_none() {
            let known = section.into_iter().flat_map(IndexMap::keys).map(String::as_str);
            let hint = match section {
                Some(bought) if !bought.is_empty() => did_you_mean(way.id, known),
                _ => {
                    "write an entry there under this ARN, such as { model: .., tokens: 200k/min }".to_owned()
                }
            };
            way.problem(problems, format!("\"{}\" is not in provisioned", way.id), hint);
        }
        found
    }

    /// It behaves as what it copies, whose quota it draws on, too: AWS lists none of its own.
    pub(super) fn application_profile(
        &mut self,
        way: &Way<'a>,
        problems: &mut Problems,
    ) -> Option<Found<'a>> {
        let written = self.spec.application_profiles.as_ref().and_then(|profiles| profiles.get(way.id));
        let copies = match (way.leads_to, written) {
            ([copies, ..], Some(written)) if *copies != written.copies => {
                let message =
                    format!("the world says that it copies \"{}\", not \"{copies}\"", written.copies);
                way.problem(problems, message, "write the same in both places, or only at the target".into());
                return None;
            }
            ([copies, ..], _) => copies,
            ([], Some(written)) => &written.copies,
            ([], None) => {
                let hint =
                    "write an entry there under this ARN, such as { copies: us.amazon.nova-lite-v1:0 }";
                let message = format!("\"{}\" is not in application_profiles", way.id);
                way.problem(problems, message, hint.into());
                return None;
            }
        };
        self.behind(way, copies, problems).1
    }

    /// The way to a base model or a cross-Region profile that another name stands for.
    fn behind(
        &mut self,
        way: &Way<'a>,
        id: &'a str,
        problems: &mut Problems,
    ) -> (Way<'a>, Option<Found<'a>>) {
        let profile = base_of(after_slash(id)).is_some()
            || self.spec.profiles.as_ref().is_some_and(|profiles| profiles.contains_key(id));
        let kind = if profile { RouteKind::Profile } else { RouteKind::OnDemand };
        let inner = Way { kind, id, leads_to: &[], ..way.clone() };
        let found = match kind {
            RouteKind::Profile => self.profile(&inner, problems),
            _ => self.on_demand(&inner, problems),
        };
        (inner, found)
    }

    pub(super) fn prompt_router(&mut self, way: &Way<'a>, problems: &mut Problems) {
        let written = self.spec.prompt_routers.as_ref().and_then(|routers| routers.get(way.id));
        let known = written.map_or(&[] as &[String], |written| &written.models);
        let models = if way.leads_to.is_empty() { known } else { way.leads_to };
        if !known.is_empty() && known != models {
            let message = format!("the world says that it picks from {}", known.join(" and "));
            way.problem(problems, message, "write the same in both places, or only at the target".into());
        }
        let [one, other] = models else {
            let message = format!("\"{}\" picks from {} models, not from two", way.id, models.len());
            way.problem(problems, message, "name two, or write an entry in prompt_routers".into());
            return;
        };
        let ((first, one), (second, other)) =
            (self.behind(way, one, problems), self.behind(way, other, problems));
        let (Some(one), Some(other)) = (one, other) else { return };
        let router = Router {
            salt: salt(way.id),
            models: [RouteId(0); 2],
            first: written.and_then(|written| written.first).map_or(0.5, |share| share.0),
            overhead: written
                .and_then(|written| written.overhead.as_ref())
                .map_or(Sampler::Constant(ROUTER_OVERHEAD), |overhead| overhead.sampler()),
        };
        // Never more routers than routes, and those were counted.
        let place = u16::try_from(self.routers.len()).unwrap_or(u16::MAX);
        self.push(way, &one, Some(place));
        self.routers.push((router, [(first, one), (second, other)]));
    }

    pub(super) fn external(&mut self, way: &Way<'a>, problems: &mut Problems) -> Option<Found<'a>> {
        let written = self.spec.external.as_ref().and_then(|external| external.get(way.region));
        let alias = written.and_then(|written| written.models.get(way.id));
        let model = self.known_model(alias.map_or(way.id, String::as_str), problems)?;
        let rate = |of: fn(&ExternalSpec) -> Option<Rate>| written.and_then(of).map(Rate::per_minute);
        let settings = PoolSettings {
            name: format!("external {} {}", way.region, way.id),
            account: way.account,
            region: self.region_id(way.region),
            model,
            requests_per_minute: rate(|written| written.requests),
            tokens_per_minute: rate(|written| written.tokens),
            day: None,
            concurrent: None,
        };
        Some(Found {
            model,
            pool: self.pool_id(settings),
            choice: ChoiceRule::SourceFirst,
            destinations: vec![way.region],
            through_profile: false,
            unavailable: None,
        })
    }
}
