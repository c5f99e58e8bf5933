//! `richter observe teardown`.

use clap::Args;

use super::{StateArgs, Subject, account::Account, confirmed, told};
use crate::{
    cli::{Color, print},
    exit::Exit,
    observe::{
        conduct::{self, state_path},
        plan,
        state::{Made, State},
        wanted::Wanted,
    },
};

#[derive(Debug, Args)]
pub struct TeardownArgs {
    #[command(flatten)]
    subject: Subject,
    #[command(flatten)]
    state: StateArgs,
    /// Leave the log group with its records.
    #[arg(long)]
    keep_logs: bool,
    /// Print every call that would be made, and make none.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

pub async fn teardown(args: &TeardownArgs, color: Color) -> anyhow::Result<Exit> {
    let account = match Account::of(&args.subject, color).await {
        Ok(account) => account,
        Err(exit) => return Ok(exit),
    };
    let (spec, scenes) = match args.subject.read(&account.id, color) {
        Ok(read) => read,
        Err(exit) => return Ok(exit),
    };
    let mut exit = Exit::Passed;
    for scene in &scenes {
        let region = &scene.region;
        let path = state_path(&args.state.state, &account.id, region);
        let Some(state) = State::read(&path, &account.id, region)? else {
            eprintln!("{region}: nothing to take away, {} is not there", path.display());
            continue;
        };
        // Whether a role is looked for depends on whether one was made, not on today's options.
        let role =
            state.items.iter().any(|item| matches!(item.made, Made::Role { .. } | Made::RolePolicy { .. }));
        let mut spec = spec.clone();
        spec.role.arn = (!role).then(|| "arn:aws:iam::000000000000:role/any".to_owned());
        let wanted = Wanted::new(&spec, scene, role).map_err(|unfit| anyhow::anyhow!("{}", unfit[0]))?;
        let wanted = of_state(wanted, &state);
        let cloud = account.cloud(region);
        let found = cloud.look(&wanted, Some(&state.group)).await?;
        let plan = plan::teardown(&found, &state, args.keep_logs);
        plan.kept.iter().for_each(|kept| eprintln!("{region}: {kept}"));
        print(told(region, &plan.steps, args.dry_run).as_bytes())?;
        if args.dry_run {
            continue;
        }
        if !plan.steps.is_empty() && !confirmed(args.yes, &format!("make these {} calls", plan.steps.len()))?
        {
            return Ok(Exit::Refused);
        }
        match conduct::tear_down(&plan, state, &path, &cloud).await {
            Ok(left) if left.is_empty() => eprintln!("{region}: as it was before"),
            Ok(left) => {
                left.iter().for_each(|left| eprintln!("warning: {region}: left as it is: {left}"));
                exit = Exit::Gate;
            }
            Err(failed) => {
                eprintln!("error: {region}: {failed}");
                exit = Exit::Broke;
            }
        }
    }
    Ok(exit)
}

/// Names to look for: those that the state file has, whatever the settings say today.
fn of_state(mut wanted: Wanted, state: &State) -> Wanted {
    wanted.alarms.clear();
    for item in &state.items {
        match &item.made {
            Made::Alarm(alarm) => wanted.alarms.push(alarm.clone()),
            Made::Dashboard { name } => wanted.dashboard.name.clone_from(name),
            Made::Role { name } => wanted.role = crate::observe::wanted::Role::Create(name.clone()),
            _ => {}
        }
    }
    wanted
}
