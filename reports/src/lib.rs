//! Reads run files and explains them.
//!
//! It defines the run file and reads nothing else: no router, no scenario file, no async runtime. Old runs can be
//! reported again by new code. Start reading at [`run_file`], then [`stats`]; [`verdict::judge`] is the whole way
//! from one to the other, and [`text::render`] puts it on a terminal.

pub mod chart;
pub mod comparison;
pub mod diff;
pub mod expect;
pub mod export;
pub mod format;
pub mod gate;
pub mod html;
pub mod metric;
pub mod paired;
pub mod picture;
pub mod plain;
pub mod quantity;
pub mod run_file;
pub mod samples;
pub mod standing;
pub mod stats;
pub mod tally;
pub mod text;
pub mod verdict;

#[cfg(test)]
mod synthetic;
