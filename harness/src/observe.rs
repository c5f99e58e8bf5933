//! The evidence that CloudWatch holds: who served a cross-Region call, which its answer never says.
//!
//! Everything that decides is pure, and is built always; what talks to AWS needs the feature `observe`. Settings
//! ([`spec`]) become one description of what is [`wanted`]; with what was found and what the [`state`] file remembers
//! that becomes a [`mod@plan`] of [`call`]s, and [`walk`] makes them. [`record`] is one line of the evidence itself.

pub mod alarm;
pub mod call;
#[cfg(feature = "observe")]
pub mod cloud;
#[cfg(feature = "observe")]
pub mod conduct;
pub mod dashboard;
pub mod explain;
pub mod export;
pub mod filter;
pub mod join;
pub mod plan;
pub mod publish;
pub mod record;
pub mod records;
pub mod scene;
pub mod spec;
pub mod state;
pub mod walk;
pub mod wanted;
