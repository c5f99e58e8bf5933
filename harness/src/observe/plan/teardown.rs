//! The way back. Only the state file says what is undone; what was found says whether there is anything left to undo.

use super::{Found, Plan, Step, told};
use crate::observe::{
    call::Call,
    state::{Made, State},
    wanted::Logging,
};

/// The way back: what the state file says was made goes, in the reverse order, and what was there comes again.
pub fn teardown(found: &Found, state: &State, keep_logs: bool) -> Plan {
    let mut plan = Plan::default();
    for item in state.items.iter().rev() {
        let (name, made) = (item.made.describe(&state.group), item.made.clone());
        match undo(found, state, &item.made, keep_logs) {
            Undo::By(call, why) => {
                plan.steps.push(Step { call: *call, why, made: None, undoes: Some(made) });
            }
            Undo::Nothing => plan.gone.push(made),
            Undo::Leave(why) => plan.left.push(format!("{name}: {why}")),
            Undo::Keep(why) => {
                plan.kept.push(format!("{name}: {why}"));
                plan.gone.push(made);
            }
        }
    }
    plan
}

enum Undo {
    By(Box<Call>, String),
    /// It is not there any more, or never was.
    Nothing,
    /// It must not be touched.
    Leave(String),
    /// It was asked to stay.
    Keep(String),
}

fn undo(found: &Found, state: &State, made: &Made, keep_logs: bool) -> Undo {
    let group = &state.group;
    let when = |there: bool, call: Call| match there {
        true => Undo::By(Box::new(call), "richter made it".to_owned()),
        false => Undo::Nothing,
    };
    match made {
        Made::Alarm(alarm) => {
            when(found.alarms.contains_key(&alarm.name), Call::DeleteAlarm { name: alarm.name.clone() })
        }
        Made::Dashboard { name } => {
            when(found.dashboard.is_some(), Call::DeleteDashboard { name: name.clone() })
        }
        Made::Filter(filter) => {
            let call = Call::DeleteFilter { group: group.clone(), name: filter.name.clone() };
            when(found.filters.contains_key(&filter.name), call)
        }
        Made::Logging { was, is } => undo_logging(found, was.as_ref(), is),
        Made::RolePolicy { role, name } => {
            let call = Call::DeleteRolePolicy { role: role.clone(), name: name.clone() };
            when(found.role && found.role_policy, call)
        }
        Made::Role { name } => when(found.role, Call::DeleteRole { name: name.clone() }),
        Made::Group => undo_group(found, state, keep_logs),
    }
}

fn undo_logging(found: &Found, was: Option<&Logging>, is: &Logging) -> Undo {
    match (&found.logging, was) {
        (there, was) if there.as_ref() == was => Undo::Nothing,
        (Some(there), _) if !there.agrees_with(is) => {
            Undo::Leave(format!("somebody changed it since; it is now {}", told(there)))
        }
        // Somebody switched it off, which is not ours to undo unless something stood there before.
        (None, _) => Undo::Leave("somebody deleted it since".to_owned()),
        (Some(_), None) => Undo::By(Box::new(Call::DeleteLogging), "it was off before".to_owned()),
        (Some(_), Some(was)) => Undo::By(
            Box::new(Call::PutLogging { config: was.clone(), fresh_role: false }),
            "that stood there before".to_owned(),
        ),
    }
}

fn undo_group(found: &Found, state: &State, keep_logs: bool) -> Undo {
    let Some(group) = &found.group else { return Undo::Nothing };
    if keep_logs {
        return Undo::Keep("its records are kept, as asked".to_owned());
    }
    let others =
        found.filters.values().filter(|filter| state.find(&Made::Filter((*filter).clone())).is_none());
    let others: Vec<&str> = others.map(|filter| &*filter.name).collect();
    if !others.is_empty() {
        return Undo::Leave(format!("others put metric filters on it: {}", others.join(", ")));
    }
    if !group.foreign_streams.is_empty() {
        return Undo::Leave(format!("others write into it: {}", group.foreign_streams.join(", ")));
    }
    let call = Call::DeleteGroup { group: state.group.clone() };
    Undo::By(Box::new(call), "richter made it, with all records in it".to_owned())
}
