//! When a fault is there: by phase name and offset, or by absolute times.

use schemars::JsonSchema;
use serde::Deserialize;

use super::checks::Checks;
use crate::{Nanos, units::Span};

/// When, as written: `{ phase: spike, after: 60s, for: 90s }` or `{ from: 2m, for: 90s }`. Without `for` it
/// lasts to the end of the phase, or of the run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DuringSpec {
    pub phase: Option<String>,
    /// Since the start of the phase.
    pub after: Option<Span>,
    /// Since the start of the run; instead of `phase`.
    pub from: Option<Span>,
    #[serde(rename = "for")]
    pub length: Option<Span>,
}

/// When, resolved: from `from` on and before `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::fault) struct Window {
    pub from: Nanos,
    pub to: Nanos,
    /// It lasts to the end of the run, and so also for what is still open then.
    pub open_ended: bool,
}

impl Window {
    pub fn contains(&self, now: Nanos) -> bool {
        now >= self.from && (self.open_ended || now < self.to)
    }

    /// Next moment after `now` at which the window opens or closes.
    pub fn next_edge(&self, now: Nanos) -> Nanos {
        if now < self.from {
            self.from
        } else if now < self.to && !self.open_ended {
            self.to
        } else {
            Nanos::MAX
        }
    }
}

/// Start and end of a phase, by its name.
pub(in crate::fault) type Phases<'a> = &'a dyn Fn(&str) -> Option<(Nanos, Nanos)>;

impl DuringSpec {
    pub(in crate::fault) fn resolve(
        &self,
        phases: Phases<'_>,
        end: Nanos,
        checks: &mut Checks<'_>,
    ) -> Window {
        let (from, default_end) = self.start(phases, end, checks);
        let to = self.length.map_or(default_end, |length| from.saturating_add(length.0));
        if self.length == Some(Span(0)) {
            checks.problem(&["during", "for"], "a window of 0s is never there", "write such as for: 90s");
        } else if from >= end {
            let (from, end) = (Span(from), Span(end));
            let hint = "write an earlier start, or a longer phase";
            checks.problem(&["during"], format!("starts at {from}, but the run ends at {end}"), hint);
        } else if to <= from {
            let message = format!("starts at {}, but its phase ends at {}", Span(from), Span(to));
            checks.problem(
                &["during", "after"],
                message,
                "write an earlier start, or say `for` how long it lasts",
            );
        }
        Window { from, to: to.max(from), open_ended: to >= end }
    }

    /// Where the window starts, and where it ends unless it says so itself.
    fn start(&self, phases: Phases<'_>, end: Nanos, checks: &mut Checks<'_>) -> (Nanos, Nanos) {
        if self.phase.is_some() && self.from.is_some() {
            let hint = "keep `phase` with `after`, or `from` alone";
            checks.problem(&["during", "from"], "a window starts either in a phase or at `from`", hint);
        }
        let after = self.after.map_or(0, |span| span.0);
        let Some(phase) = &self.phase else {
            if self.after.is_some() {
                let hint = "add `phase`, or write `from` for a time since the start of the run";
                checks.problem(&["during", "after"], "`after` needs a phase to count from", hint);
            }
            return (self.from.map_or(0, |span| span.0), end);
        };
        let (start, phase_end) = phases(phase).unwrap_or_else(|| {
            checks.problem(
                &["during", "phase"],
                format!("no phase is called \"{phase}\""),
                "use a phase of `traffic`",
            );
            (0, end)
        });
        (start.saturating_add(after), phase_end)
    }
}
