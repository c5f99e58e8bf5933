//! `richter list WHAT`: from the code's own tables.

use clap::{Args, ValueEnum};
use richter_core::{
    strategy::{STRATEGIES, preset::PRESETS},
    target::TARGETS,
};
use richter_mock_bedrock::fault::{FAULTS, FaultInfo};
use richter_reports::{format::FORMATS, metric::METRICS};

use crate::{exit::Exit, load::ARRIVALS, record::metric::MEASURED};

#[derive(Debug, Args)]
pub struct ListArgs {
    what: What,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    Strategies,
    /// Ways to reach a model.
    Targets,
    Faults,
    Arrivals,
    /// Ready-made settings of strategies.
    Presets,
    /// What an expectation can be about.
    Metrics,
    /// What a run file holds.
    Measurements,
    /// What a report can be written as.
    Formats,
    ExitCodes,
}

pub fn list(args: &ListArgs) -> anyhow::Result<Exit> {
    let rows: Vec<[String; 2]> = match args.what {
        What::Strategies => STRATEGIES.iter().map(|s| [s.name.into(), s.summary.into()]).collect(),
        What::Targets => {
            TARGETS.iter().map(|t| [t.name.into(), format!("{}\n    {}", t.summary, t.example)]).collect()
        }
        What::Faults => {
            let row = |f: &FaultInfo| {
                let FaultInfo { summary, client_sees, in_simulation, on_the_wire, example, .. } = f;
                let text = format!(
                    "{summary}\n    the client sees: {client_sees}\n    simulation: {in_simulation}\n    \
                     mock server: {on_the_wire}\n    {example}"
                );
                [f.name.into(), text]
            };
            FAULTS.iter().map(row).collect()
        }
        What::Arrivals => {
            ARRIVALS.iter().map(|a| [a.name.into(), format!("{}; {}", a.summary, a.example)]).collect()
        }
        What::Presets => {
            PRESETS.iter().map(|p| [p.name.into(), format!("{}\n    {}", p.summary, p.settings)]).collect()
        }
        What::Metrics => METRICS.iter().map(|m| [m.name.into(), m.meaning.into()]).collect(),
        What::Measurements => {
            MEASURED.iter().map(|m| [m.name.into(), format!("{} ({})", m.meaning, m.unit)]).collect()
        }
        What::Formats => FORMATS.iter().map(|f| [f.option.into(), f.meaning.into()]).collect(),
        What::ExitCodes => Exit::ALL.iter().map(|e| [e.code().to_string(), e.meaning().into()]).collect(),
    };
    let width = rows.iter().map(|[name, _]| name.len()).max().unwrap_or(0);
    let text: String = rows.iter().map(|[name, summary]| format!("{name:<width$}  {summary}\n")).collect();
    super::print(text.as_bytes())?;
    Ok(Exit::Passed)
}

#[cfg(test)]
mod tests {
    use richter_core::strategy::StrategySpec;

    use super::*;

    #[test]
    fn every_preset_is_a_strategy_without_a_problem_and_has_the_targets_to_replace() {
        for preset in PRESETS {
            let spec: StrategySpec = serde_saphyr::from_str(preset.settings)
                .unwrap_or_else(|error| panic!("{}: {error}", preset.name));
            assert_eq!(spec.problems(), [], "{}", preset.name);
            let targets: Vec<&str> = spec.targets().iter().map(|(_, name)| *name).collect();
            assert_eq!(targets.first(), Some(&"east"), "{}", preset.name);
            assert!(targets.iter().all(|name| ["east", "west", "us"].contains(name)), "{}", preset.name);
        }
    }
}
