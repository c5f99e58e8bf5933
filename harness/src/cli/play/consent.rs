//! Nothing goes to the real service before its user has seen what it would send and cost, and has agreed.

use std::io::{IsTerminal as _, Write as _};

use super::args::LiveArgs;
use crate::{
    exit::Exit,
    run::estimate::{self, Estimate},
    scenario::plan::Plan,
};

/// Whether it may go on; otherwise the exit code with which it ends.
pub fn ask(plan: &Plan, args: &LiveArgs, service: &str, is_real: bool) -> Result<(), Exit> {
    let refill = u64::try_from(args.refill.as_nanos()).unwrap_or(u64::MAX);
    let estimate = Estimate::of(plan, if is_real { refill } else { 0 });
    let words = estimate::words(plan, &estimate, service);
    if args.dry_run {
        println!("{words}");
        println!("Nothing was sent, because of --dry-run.");
        return Err(Exit::Passed);
    }
    if !is_real {
        return Ok(());
    }
    eprintln!("{words}");
    if let (Some(most), None) = (args.max_spend, estimate.worst_usd) {
        let unpriced = estimate.unpriced.join(", ");
        eprintln!("error: --max-spend {most} cannot be kept, because there is no price for {unpriced}");
        eprintln!("help: write prices for them under `prices:` in the scenario, or give --prices FILE");
        return Err(Exit::Refused);
    }
    if args.yes {
        return Ok(());
    }
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        eprintln!("error: this sends real requests to {service}, and nobody can be asked here");
        eprintln!(
            "help: give --yes to agree, and --max-spend USD to limit it; --dry-run shows this and sends nothing"
        );
        return Err(Exit::Refused);
    }
    if agrees() {
        return Ok(());
    }
    eprintln!("nothing was sent");
    Err(Exit::Refused)
}

fn agrees() -> bool {
    eprint!("Send it? Type yes: ");
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && answer.trim().eq_ignore_ascii_case("yes")
}
