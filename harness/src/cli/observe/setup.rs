//! `richter observe setup` and `status`: the same look and the same plan; only setup walks it.

use std::path::PathBuf;

use clap::Args;

use super::{StateArgs, Subject, account::Account, confirmed, told};
use crate::{
    cli::{Color, print},
    exit::Exit,
    observe::{
        cloud::Cloud,
        conduct::{self, state_path},
        plan::{self, Difference, Plan},
        state::State,
        wanted::Wanted,
    },
};

#[derive(Debug, Args)]
pub struct SetupArgs {
    #[command(flatten)]
    subject: Subject,
    #[command(flatten)]
    state: StateArgs,
    /// Print every call that would be made, with all that would be sent, and make none.
    #[arg(long)]
    dry_run: bool,
    /// Put the patterns without proving them by TestMetricFilter first, where the endpoint has no such thing.
    #[arg(long)]
    unproven: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    subject: Subject,
    #[command(flatten)]
    state: StateArgs,
}

/// One Region, looked at and planned.
struct Region {
    wanted: Wanted,
    cloud: Cloud,
    path: PathBuf,
    state: Option<State>,
    plan: Result<Plan, Vec<Difference>>,
}

async fn regions(
    subject: &Subject,
    state: &StateArgs,
    color: Color,
) -> anyhow::Result<Result<Vec<Region>, Exit>> {
    let account = match Account::of(subject, color).await {
        Ok(account) => account,
        Err(exit) => return Ok(Err(exit)),
    };
    let read = subject.read(&account.id, color);
    let wanted = match read.and_then(|(spec, scenes)| subject.wanted(&spec, &scenes)) {
        Ok(wanted) => wanted,
        Err(exit) => return Ok(Err(exit)),
    };
    let mut regions = Vec::new();
    for wanted in wanted {
        let path = state_path(&state.state, &account.id, &wanted.region);
        let state = State::read(&path, &account.id, &wanted.region)?;
        let cloud = account.cloud(&wanted.region);
        let at = state.as_ref().map(|state| state.group.as_str());
        let found = cloud.look(&wanted, at).await?;
        let plan = plan::setup(&wanted, &found, state.as_ref());
        regions.push(Region { wanted, cloud, path, state, plan });
    }
    Ok(Ok(regions))
}

pub async fn setup(args: &SetupArgs, color: Color) -> anyhow::Result<Exit> {
    let mut regions = match regions(&args.subject, &args.state, color).await? {
        Ok(regions) => regions,
        Err(exit) => return Ok(exit),
    };
    if args.unproven {
        for plan in regions.iter_mut().filter_map(|region| region.plan.as_mut().ok()) {
            plan.steps.retain(|step| !step.call.only_asks());
        }
    }
    let mut refused = false;
    let mut calls = 0;
    for region in &regions {
        let name = &region.wanted.region;
        match &region.plan {
            Err(differences) => {
                refused = true;
                differences.iter().for_each(|difference| eprintln!("error: {name}: {difference}"));
            }
            Ok(plan) => {
                calls += plan.steps.len();
                plan.kept.iter().for_each(|kept| eprintln!("{name}: {kept}"));
                print(told(name, &plan.steps, args.dry_run).as_bytes())?;
            }
        }
    }
    if refused {
        return Ok(Exit::Refused);
    }
    if calls == 0 {
        eprintln!("everything is set up already");
        return Ok(Exit::Passed);
    }
    if args.dry_run {
        return Ok(Exit::Passed);
    }
    if !confirmed(args.yes, &format!("make these {calls} calls"))? {
        return Ok(Exit::Refused);
    }
    for region in regions {
        let Ok(plan) = &region.plan else { continue };
        if let Some(folder) = region.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let done = conduct::set_up(&region.wanted, plan, region.state.as_ref(), &region.path, &region.cloud);
        if let Err(failed) = done.await {
            eprintln!("error: {}: {failed}", region.wanted.region);
            return Ok(Exit::Broke);
        }
        let (name, path) = (&region.wanted.region, region.path.display());
        eprintln!("{name}: set up; {path} remembers what was there before, keep it for teardown");
    }
    Ok(Exit::Passed)
}

pub async fn status(args: &StatusArgs, color: Color) -> anyhow::Result<Exit> {
    let regions = match regions(&args.subject, &args.state, color).await? {
        Ok(regions) => regions,
        Err(exit) => return Ok(exit),
    };
    let mut whole = true;
    for region in &regions {
        let name = &region.wanted.region;
        let mut text = String::new();
        let items = region.state.iter().flat_map(|state| state.items.iter().map(move |item| (state, item)));
        for (state, item) in items {
            let doubt = if item.done { "" } else { " (begun and not ended)" };
            text.push_str(&format!("{name}: richter made {}{doubt}\n", item.made.describe(&state.group)));
        }
        match &region.plan {
            Err(differences) => {
                whole = false;
                differences.iter().for_each(|difference| text.push_str(&format!("{name}: {difference}\n")));
            }
            Ok(plan) => {
                whole &= plan.steps.is_empty();
                plan.kept.iter().for_each(|kept| text.push_str(&format!("{name}: {kept}\n")));
                plan.steps.iter().filter(|step| !step.call.only_asks()).for_each(|step| {
                    text.push_str(&format!("{name}: missing or changed: {}\n", step.call.action()));
                });
                if plan.steps.is_empty() {
                    text.push_str(&format!("{name}: everything is set up\n"));
                }
            }
        }
        print(text.as_bytes())?;
    }
    Ok(if whole { Exit::Passed } else { Exit::Gate })
}
