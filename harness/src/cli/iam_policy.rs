//! `richter iam-policy SCENARIO`.

use std::path::PathBuf;

use clap::Args;

use super::Color;
use crate::{
    exit::Exit,
    permit::{Ask, Mode, other_accounts, policy},
};

const EXAMPLES: &str = "\
Examples:
  richter iam-policy viral-spike.yaml --account 111122223333 > run.json
  aws iam create-policy --policy-name richter --policy-document file://run.json
  richter iam-policy viral-spike.yaml --mode doctor

Nothing is asked of AWS. The Regions that profiles lead to are those that AWS documents; \
`richter doctor` shows where an account's differ.";

/// Most characters that IAM takes in one managed policy, blanks not counted.
const MANAGED_MAX: usize = 6_144;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct IamPolicyArgs {
    /// The scenario file.
    scenario: PathBuf,
    /// What is to be allowed.
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Mode::Run)]
    mode: Mode,
    /// The account id, 12 digits; without it ARNs have `*` in its place.
    #[arg(long, value_name = "ID", value_parser = account)]
    account: Option<String>,
    /// The policy of another account that targets name, instead of the run's own.
    #[arg(long, value_name = "NAME")]
    of: Option<String>,
}

fn account(text: &str) -> Result<String, String> {
    let whole = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole {
        Ok(text.to_owned())
    } else {
        Err("an account id has 12 digits, such as 111122223333".to_owned())
    }
}

pub fn iam_policy(args: &IamPolicyArgs, color: Color) -> anyhow::Result<Exit> {
    let plan = match super::load(&args.scenario, color) {
        Ok(checked) => checked.plan,
        Err(exit) => return Ok(exit),
    };
    let others = other_accounts(&plan);
    if let Some(unknown) = args.of.as_deref().filter(|name| !others.contains(name)) {
        let known = others.into_iter().collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "no account but the run's own".to_owned() } else { known };
        eprintln!("error: no target is of account {unknown}; the scenario has {known}");
        return Ok(Exit::Usage);
    }
    let ask =
        Ask { mode: args.mode, account: args.account.as_deref().unwrap_or("*"), of: args.of.as_deref() };
    let policy = policy(&plan, ask);
    let text = serde_json::to_string_pretty(&policy)?;
    if args.account.is_none() && text.contains(":*:") {
        eprintln!("note: the account is written as *; --account ID narrows the policy to yours");
    }
    if args.of.is_none() {
        for name in others {
            eprintln!("note: targets of account {name} need a policy there: add --of {name}");
        }
    }
    let size = text.chars().filter(|c| !c.is_whitespace()).count();
    if size > MANAGED_MAX {
        eprintln!("note: {size} characters are too many for one managed policy ({MANAGED_MAX}); split it");
    }
    super::print((text + "\n").as_bytes())?;
    Ok(Exit::Passed)
}
