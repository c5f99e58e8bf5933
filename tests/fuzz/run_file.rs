//! Feeds mutated run files to their reader, and what passes it to everything that is made of run files: whatever comes in, an
//! error or a report comes out. `scripts/fuzz run_file` builds and runs this.
#![no_main]

use std::hint::black_box;

use libfuzzer_sys::{Corpus, fuzz_target};
use richter_reports::{
    diff,
    export::Report,
    format,
    gate::{self, Tolerances},
    html,
    run_file::RunFile,
    text, verdict,
};

/// More cells are the same again, only slower.
const CELLS_MAX: usize = 64;
/// The page takes as long as everything else together, so only one input in so many gets one.
const PAGE_EVERY: usize = 8;

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let run = match RunFile::from_json(bytes) {
        Ok(run) if run.cells.len() <= CELLS_MAX => run,
        Ok(_) => return Corpus::Keep,
        Err(refusal) => {
            black_box(refusal.to_string());
            return Corpus::Keep;
        }
    };
    let judgement = verdict::judge(&run);
    black_box(text::render(&judgement, &text::Options::default()));
    let reports = [Report::with(&run, judgement.clone())];
    black_box((format::markdown(&reports), format::junit(&reports).is_ok(), format::csv(&reports)));
    black_box((format::openmetrics(&reports), format::gha_benchmark(&reports), format::bencher(&reports)));
    black_box((format::hgrm(&run), reports[0].to_json().is_ok()));
    if bytes.len().is_multiple_of(PAGE_EVERY) {
        black_box(html::render(&reports[0]).is_ok());
    }
    if gate::comparable(&run, &run).is_ok() {
        let gate = gate::compare(&run, &run, &judgement, &Tolerances::default());
        assert_eq!(gate.count(gate::Outcome::Regressed), 0, "a run is no worse than itself");
        black_box(gate::render(&gate, &text::Options::default()));
    }
    black_box(diff::render(&diff::diff(&run, &run), &text::Options::default()));
    for decisions in run.cells.iter().filter_map(|cell| cell.decisions.as_ref()) {
        black_box(decisions.unpack().is_ok());
    }
    Corpus::Keep
});
