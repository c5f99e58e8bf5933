//! The evidence that CloudWatch holds: who served a cross-Region call, which its answer never says.
//!
//! Everything that decides is pure, and is built always; what talks to AWS needs the feature `observe`. Start with
//! [`record`], which is one line of the evidence.

pub mod record;
pub mod records;
