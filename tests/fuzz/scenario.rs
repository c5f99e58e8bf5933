//! Feeds mutated scenario files to the parser: whatever comes in, a plan or a list of problems comes out.
//!
//! Problems are rendered too, because carets under odd text are where slices go wrong, and the start of a plan's
//! schedule is drawn. `scripts/fuzz` builds and runs this.
#![no_main]

use std::{hint::black_box, path::Path};

use libfuzzer_sys::{Corpus, fuzz_target};
use richter::scenario::{self, Checked};
use richter_mock_bedrock::luck::Luck;

/// Where includes and traces are looked for.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios");

/// Enough to get past the first phase of a small scenario, and quick.
const ARRIVALS: usize = 200;

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Ok(text) = std::str::from_utf8(bytes) else { return Corpus::Reject };
    match scenario::load_text("fuzz.yaml", text, Path::new(FOLDER)) {
        Ok(Checked { plan, warnings }) => {
            black_box(warnings.render(false));
            let schedule = plan.traffic.arrivals(Luck::new(plan.seed, 0));
            schedule.take(ARRIVALS).for_each(|arrival| drop(black_box(arrival)));
        }
        Err(problems) => drop(black_box((problems.render(true), problems.summary()))),
    }
    Corpus::Keep
});
