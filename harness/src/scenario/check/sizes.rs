//! Requests that no model of the targets would take: they would all be refused, and the comparison would be of refusals.

use indexmap::IndexSet;
use richter_mock_bedrock::{
    dist::Dist,
    units::{Quantity, Tokens},
    world::{ModelSpec, RouteId, World},
};

use super::Check;
use crate::{load::spec::ClassSpec, scenario::tree::Path};

pub fn check(check: &mut Check<'_>, world: &World) {
    let scenario = check.scenario;
    let specs = scenario.world.as_ref().and_then(|world| world.models.as_ref());
    let routes = (0..world.routes()).map(|route| RouteId(route as u16));
    let models: IndexSet<&str> = routes.map(|route| world.model_name(world.route_model(route))).collect();
    let limits =
        || models.iter().filter_map(|model| Some((*model, specs.and_then(|specs| specs.get(*model))?)));
    for (class, spec) in scenario.traffic.iter().flat_map(|traffic| &traffic.mix) {
        // Where one of them takes it, the others may well be there to fail over from.
        if let Some((model, limits)) = limits().max_by_key(|(_, limits)| limits.max_output.0) {
            output(check, class, spec, model, limits);
        }
        let room = |limits: &ModelSpec| limits.context.map_or(u64::MAX, |context| context.0);
        if let Some((model, limits)) = limits().max_by_key(|(_, limits)| room(limits)) {
            input(check, class, spec, model, limits);
        }
    }
}

fn output(check: &mut Check<'_>, class: &str, spec: &ClassSpec, model: &str, limits: &ModelSpec) {
    let Some(asked) = spec.max_tokens.filter(|asked| *asked > limits.max_output) else { return };
    let (asked, most) = (asked.0, limits.max_output.0);
    let message =
        format!("{model} produces at most {most} tokens and would refuse every call that asks for {asked}");
    let hint = format!("write at most {most}");
    check.error(Path::of(&["traffic", "mix"]).key(class).key("max_tokens"), message, hint);
}

fn input(check: &mut Check<'_>, class: &str, spec: &ClassSpec, model: &str, limits: &ModelSpec) {
    let Some(context) = limits.context else { return };
    let median = median(&spec.input);
    if median > context.base() {
        let message = format!(
            "half of the prompts are longer than {context} tokens, the context of {model}, and would be refused"
        );
        let hint = format!("stay well below {context}");
        check.error(Path::of(&["traffic", "mix"]).key(class).key("input"), message, hint);
    }
}

fn median(dist: &Dist<Tokens>) -> f64 {
    dist.sampler().at(0.5)
}
