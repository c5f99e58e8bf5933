//! Walks a plan: before each change the state file says what is about to be made, after it that it was. The walker
//! decides nothing but to stop at the first trouble; what makes the calls is handed in.

use std::fmt;

use super::{
    call::Call,
    plan::{Plan, Step},
    state::{Item, Made, State, StateError},
};

/// A call that did not succeed. Whether it took effect is not known.
#[derive(Debug)]
pub struct Trouble {
    /// As IAM names it.
    pub action: &'static str,
    pub source: anyhow::Error,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:#}", self.action, self.source)
    }
}

impl From<StateError> for Trouble {
    fn from(error: StateError) -> Trouble {
        Trouble { action: "the state file", source: error.into() }
    }
}

/// Makes every call of the plan in turn, and keeps the state.
pub async fn walk(
    plan: &Plan,
    state: &mut State,
    mut act: impl AsyncFnMut(&Call) -> anyhow::Result<()>,
    mut keep: impl FnMut(&State) -> Result<(), StateError>,
) -> Result<(), Trouble> {
    for Step { call, made, undoes, .. } in &plan.steps {
        if let Some(made) = made {
            state.begin(made);
            keep(state)?;
        }
        let action = call.action();
        act(call).await.map_err(|source| Trouble { action, source })?;
        if let Some(made) = made {
            state.done(made);
        }
        if let Some(undone) = undoes {
            state.forget(undone);
        }
        if made.is_some() || undoes.is_some() {
            keep(state)?;
        }
    }
    for gone in &plan.gone {
        state.forget(gone);
    }
    Ok(keep(state)?)
}

impl State {
    /// Something is about to be made, or to be made otherwise. What stood there before the first time stays known.
    fn begin(&mut self, made: &Made) {
        match self.items.iter_mut().find(|item| item.made.is_same_thing(made)) {
            Some(item) => *item = Item { made: made.clone(), done: false },
            None => self.items.push(Item { made: made.clone(), done: false }),
        }
    }

    fn done(&mut self, made: &Made) {
        if let Some(item) = self.items.iter_mut().find(|item| item.made.is_same_thing(made)) {
            item.done = true;
        }
    }

    fn forget(&mut self, made: &Made) {
        self.items.retain(|item| !item.made.is_same_thing(made));
    }

    /// What this state has and an earlier one had not: what a failed setup has to take back.
    pub fn since(&self, before: Option<&State>) -> State {
        let new = |item: &&Item| before.is_none_or(|before| before.find(&item.made).is_none());
        State { items: self.items.iter().filter(new).cloned().collect(), ..self.clone() }
    }
}
