//! What a model id leads to at run time: the way in that the engine knows it by. Ids of Bedrock's own resources are
//! taken apart; what callers made is followed to what it stands for.

use super::{
    Ask, Control, When,
    arn::{self, Arn},
    atlas::Atlas,
    holdings::Source,
    profiles::{APPLICATION, SYSTEM},
    provisioned::{PROVISIONED, Status},
    routers::{CUSTOM, DEFAULT},
};
use crate::{
    exception::{Exception, ExceptionKind},
    server::caller::Caller,
    world::{RegionId, RouteKind, World},
};

/// One way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    pub kind: RouteKind,
    /// What the engine's route is called: a base model's id, a profile's id, or the ARN of provisioned capacity.
    pub id: String,
    /// The base model in the end.
    pub model: String,
    /// The model that a prompt router chose, for `trace.promptRouter.invokedModelId`.
    pub invoked: Option<String>,
}

/// Gives the world the capacity behind whatever is bought at run time: one way in without limits for each model that
/// a Region serves. Nobody can call it but by buying.
pub fn stand(world: &mut World, account: &str) {
    let atlas = Atlas::of(world);
    let regions: Vec<RegionId> =
        (0..u16::try_from(world.regions()).unwrap_or(u16::MAX)).map(RegionId).collect();
    for region in regions {
        let name = world.region_name(region).to_owned();
        for model in atlas.models().filter(|model| atlas.offers(&name, model)) {
            if let Some(id) = world.model(model) {
                world.add_unlimited(region, id, standing_arn(&name, account, model));
            }
        }
    }
}

pub(super) fn standing_arn(region: &str, account: &str, model: &str) -> String {
    arn::owned(region, account, PROVISIONED, &arn::id(&["standing", region, model]))
}

impl Control {
    /// What a model id leads to for this caller. `unit` is a draw from zero to one, with which a prompt router chooses.
    pub fn resolve(
        &self,
        caller: &Caller,
        id: &str,
        now: crate::Nanos,
        unit: f64,
    ) -> Result<Resolved, Exception> {
        let request = http::Request::new(bytes::Bytes::new());
        let ask = Ask { caller, request: &request, when: When { now, unix_ms_at_zero: 0, unix_s: 0 } };
        match Arn::parse(id) {
            None => self.plain(&ask, id),
            Some(arn) if arn.region != caller.region => Err(Exception::invalid_model_id()),
            Some(arn) if !arn.account.is_empty() && arn.account != caller.account => Err(not_yours()),
            Some(arn) => self.by_arn(&ask, id, &arn, unit),
        }
    }

    fn by_arn(&self, ask: &Ask<'_>, text: &str, arn: &Arn<'_>, unit: f64) -> Result<Resolved, Exception> {
        match arn.kind {
            "foundation-model" => self.on_demand(ask, arn.id),
            SYSTEM => self.through(ask, arn.id),
            APPLICATION => match self.application(ask, text).map(|(_, profile)| &profile.source) {
                Some(Source::Model(model)) => self.on_demand(ask, model),
                Some(Source::Profile(profile)) => self.through(ask, profile),
                None => Err(Exception::invalid_model_id()),
            },
            PROVISIONED => self.capacity(ask, text),
            CUSTOM | DEFAULT => self.routed(ask, text, unit),
            _ => Err(Exception::invalid_model_id()),
        }
    }

    fn plain(&self, ask: &Ask<'_>, id: &str) -> Result<Resolved, Exception> {
        if self.atlas.knows(id) { self.on_demand(ask, id) } else { self.through(ask, id) }
    }

    fn on_demand(&self, ask: &Ask<'_>, model: &str) -> Result<Resolved, Exception> {
        let region = &*ask.caller.region;
        if self.atlas.offers(region, model) {
            let (id, model) = (model.to_owned(), model.to_owned());
            return Ok(Resolved { kind: RouteKind::OnDemand, id, model, invoked: None });
        }
        let through = self.atlas.profiles(region).any(|profile| profile.model == model);
        Err(if through { Exception::needs_a_profile(model) } else { Exception::invalid_model_id() })
    }

    fn through(&self, ask: &Ask<'_>, id: &str) -> Result<Resolved, Exception> {
        let profile = self.atlas.profile(&ask.caller.region, id).ok_or_else(Exception::invalid_model_id)?;
        let (id, model) = (profile.id.clone(), profile.model.clone());
        Ok(Resolved { kind: RouteKind::Profile, id, model, invoked: None })
    }

    fn capacity(&self, ask: &Ask<'_>, text: &str) -> Result<Resolved, Exception> {
        let (now, within) = (ask.when.now, self.settings.provision_within);
        let region = &*ask.caller.region;
        let standing = |model: &str| standing_arn(region, &ask.caller.account, model);
        let furnished =
            self.atlas.capacity(region).find(|(arn, model)| *arn == text && standing(model) != text);
        if let Some((arn, model)) = furnished {
            let (id, model) = (arn.to_owned(), model.to_owned());
            return Ok(Resolved { kind: RouteKind::Provisioned, id, model, invoked: None });
        }
        let (_, bought) = self.bought(ask, text).ok_or_else(Exception::invalid_model_id)?;
        if bought.status(now, within) == Status::Creating {
            return Err(Exception::usual(ExceptionKind::ModelNotReadyException));
        }
        let model = bought.serves(now, within).to_owned();
        let id = standing(&model);
        Ok(Resolved { kind: RouteKind::Provisioned, id, model, invoked: None })
    }

    fn routed(&self, ask: &Ask<'_>, text: &str, unit: f64) -> Result<Resolved, Exception> {
        let own = self.router(ask, text).map(|(_, router)| router.models.clone());
        let models = own.or_else(|| self.default_router(ask, text).map(|(_, models)| models.to_vec()));
        let models = models.ok_or_else(Exception::invalid_model_id)?;
        let chosen = models.get(usize::from(unit >= 0.5)).ok_or_else(Exception::invalid_model_id)?;
        let chosen = chosen.as_str();
        // A router leads to models and profiles only, so that this ends.
        let arn = Arn::parse(chosen).filter(|arn| arn.kind != CUSTOM && arn.kind != DEFAULT);
        let arn = arn.ok_or_else(Exception::invalid_model_id)?;
        let found = self.by_arn(ask, chosen, &arn, unit)?;
        Ok(Resolved { invoked: Some(chosen.to_owned()), ..found })
    }
}

/// Something of another account, which no policy here opens.
fn not_yours() -> Exception {
    Exception::usual(ExceptionKind::AccessDeniedException)
}
