//! `richter schema`.

use crate::{exit::Exit, scenario::schema::schema_text};

pub fn schema() -> anyhow::Result<Exit> {
    super::print(schema_text().as_bytes())?;
    Ok(Exit::Passed)
}
