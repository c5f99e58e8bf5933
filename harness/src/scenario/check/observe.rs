//! What is to be set up in an account: names and numbers that CloudWatch takes.

use super::Check;
use crate::{observe::wanted, scenario::tree::Path};

pub fn check(check: &mut Check<'_>) {
    if check.places.damaged("observe") {
        return;
    }
    let scenario = check.scenario;
    for unfit in wanted::check(&scenario.observe) {
        let path = unfit.setting.split('.').fold(Path::of(&["observe"]), |path, key| path.key(key));
        check.error(path, unfit.message, unfit.hint);
    }
}
