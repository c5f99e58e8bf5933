//! Time to the first token over time.

use super::{Chart, frame::Frame, total::times};
use crate::stats::Clock;

pub(super) fn chart(frame: &Frame<'_>) -> Option<Chart> {
    times(frame, Clock::FirstToken, ["first_token", "Time to the first token over time"])
}
