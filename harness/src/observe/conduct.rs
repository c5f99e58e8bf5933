//! Setup and teardown of one Region, from looking to the last call: with the state file kept, and with what was begun
//! taken back when a setup fails.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::{
    call::Call,
    cloud::Cloud,
    plan::{self, Plan, group_of},
    state::State,
    walk::{Trouble, walk},
    wanted::Wanted,
};

/// Where the state of one Region of one account is kept.
pub fn state_path(folder: &Path, account: &str, region: &str) -> PathBuf {
    folder.join(format!("observe-{account}-{region}.json"))
}

/// A setup or teardown that did not go through.
#[derive(Debug)]
pub struct Failed {
    pub trouble: Trouble,
    /// What a failed setup could not take back, or what a failed teardown has left to do.
    pub remains: Vec<String>,
}

impl std::error::Error for Failed {}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.trouble)?;
        if self.remains.is_empty() {
            return f.write_str("; what was begun is taken back, and the account is as before");
        }
        write!(f, "; this remains: {}; richter observe teardown takes it away", self.remains.join(", "))
    }
}

/// Makes the calls of a setup's plan. If one fails, what was begun is taken back.
pub async fn set_up(
    wanted: &Wanted,
    plan: &Plan,
    before: Option<&State>,
    path: &Path,
    cloud: &Cloud,
) -> Result<State, Failed> {
    let new = || {
        let group = plan.steps.iter().find_map(|step| match &step.call {
            Call::PutFilter { group, .. } => Some(group.clone()),
            _ => None,
        });
        State::new(&wanted.account, &wanted.region, &group.unwrap_or_else(|| group_of(wanted, None)))
    };
    let mut state = before.cloned().unwrap_or_else(new);
    let keep = |state: &State| state.keep(path);
    match walk(plan, &mut state, async |call| cloud.act(call).await, keep).await {
        Ok(()) => Ok(state),
        Err(trouble) => {
            let remains = take_back(wanted, before, path, &mut state, cloud).await;
            Err(Failed { trouble, remains })
        }
    }
}

/// Undoes what this setup has made; gives what is left of it.
async fn take_back(
    wanted: &Wanted,
    before: Option<&State>,
    path: &Path,
    state: &mut State,
    cloud: &Cloud,
) -> Vec<String> {
    let new = state.since(before);
    let remaining = |state: &State, why: &str| {
        let left = state.since(before);
        left.items.iter().map(|item| format!("{}{why}", item.made.describe(&state.group))).collect()
    };
    let found = match cloud.look(wanted, Some(&state.group)).await {
        Ok(found) => found,
        Err(error) => return remaining(state, &format!(" (cannot look: {error:#})")),
    };
    let back = plan::teardown(&found, &new, false);
    let keep = |state: &State| state.keep(path);
    match walk(&back, state, async |call| cloud.act(call).await, keep).await {
        Ok(()) => remaining(state, ""),
        Err(trouble) => remaining(state, &format!(" ({trouble})")),
    }
}

/// Takes everything away that the state file names; gives what had to be left, and why.
pub async fn tear_down(
    plan: &Plan,
    mut state: State,
    path: &Path,
    cloud: &Cloud,
) -> Result<Vec<String>, Failed> {
    let keep = |state: &State| state.keep(path);
    match walk(plan, &mut state, async |call| cloud.act(call).await, keep).await {
        Ok(()) => Ok(plan.left.clone()),
        Err(trouble) => {
            let remains = state.items.iter().map(|item| item.made.describe(&state.group)).collect();
            Err(Failed { trouble, remains })
        }
    }
}
