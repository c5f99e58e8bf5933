//! `richter schema`.

use clap::{Args, ValueEnum};
use richter_reports::export;

use crate::{exit::Exit, scenario::schema::schema_text};

#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Of which files.
    #[arg(value_name = "WHAT", value_enum, default_value_t = Of::Scenario)]
    of: Of,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Of {
    /// Scenario files, for editors.
    Scenario,
    /// The report as JSON, for those who read it.
    Report,
    /// What `richter doctor --json` prints.
    #[cfg(feature = "aws")]
    Doctor,
}

pub fn schema(args: &SchemaArgs) -> anyhow::Result<Exit> {
    let text = match args.of {
        Of::Scenario => schema_text(),
        #[cfg(feature = "aws")]
        Of::Doctor => serde_json::to_string_pretty(&crate::doctor::schema())? + "\n",
        Of::Report => serde_json::to_string_pretty(&export::schema())? + "\n",
    };
    super::print(text.as_bytes())?;
    Ok(Exit::Passed)
}
