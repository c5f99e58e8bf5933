//! Tests that need more than one part, in one binary. One module per concern.

mod random;
mod scenarios;
mod tidy;
