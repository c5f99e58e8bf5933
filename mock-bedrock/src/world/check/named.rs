//! What stands under an ARN, an address or an account's name.

use super::{
    super::spec::{ExternalSpec, PromptRouterSpec, WorldSpec},
    Names, Problems, check_capacity, check_dist, check_quotas, check_rate, entries,
};

/// In fault selectors the account that is called when nothing else is said.
pub const OWN: &str = "own";

pub fn check(spec: &WorldSpec, names: &Names<'_>, problems: &mut Problems) {
    entries(&spec.prompt_routers).for_each(|(arn, router)| check_router(arn, router, problems));
    entries(&spec.external)
        .for_each(|(address, external)| check_external(address, external, names, problems));
    for (name, account) in entries(&spec.accounts) {
        if name == OWN {
            let hint = "its quotas are those of `quotas`; name another account here";
            problems.add(&["accounts", name], "\"own\" is the account that calls when nothing is said", hint);
        }
        check_quotas(&["accounts", name, "quotas"], &account.quotas, names, problems);
    }
}

fn check_router(arn: &str, router: &PromptRouterSpec, problems: &mut Problems) {
    if !matches!(router.models.len(), 0 | 2) {
        let message = format!("a prompt router picks from two models, not {}", router.models.len());
        problems.add(&["prompt_routers", arn, "models"], message, "write both, or leave them to the caller");
    }
    if let Some(overhead) = &router.overhead {
        check_dist(&["prompt_routers", arn, "overhead"], overhead, problems);
    }
}

fn check_external(address: &str, external: &ExternalSpec, names: &Names<'_>, problems: &mut Problems) {
    let at = ["external", address];
    if names.has_region(address) {
        let hint = "write the address of an endpoint outside AWS, such as https://gateway.example";
        problems.add(&at, format!("\"{address}\" is a Region"), hint);
    }
    if let Some(rtt) = &external.rtt {
        check_dist(&["external", address, "rtt"], rtt, problems);
    }
    check_rate(&["external", address, "requests"], external.requests, problems);
    check_rate(&["external", address, "tokens"], external.tokens, problems);
    if let Some(capacity) = &external.capacity {
        check_capacity(&["external", address, "capacity"], capacity, problems);
    }
    for (alias, model) in &external.models {
        names.check_model(&["external", address, "models", alias], model, problems);
    }
}
