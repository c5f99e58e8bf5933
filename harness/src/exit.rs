//! Exit codes: an interface for scripts, so each has one meaning and a row in the README.

use std::process::ExitCode;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Passed = 0,
    Broke = 1,
    Usage = 2,
    Scenario = 3,
    Access = 4,
    Refused = 5,
    Gate = 99,
    Interrupted = 130,
}

impl Exit {
    pub const ALL: [Exit; 8] = [
        Exit::Passed,
        Exit::Broke,
        Exit::Usage,
        Exit::Scenario,
        Exit::Access,
        Exit::Refused,
        Exit::Gate,
        Exit::Interrupted,
    ];

    pub const fn code(self) -> u8 {
        self as u8
    }

    pub const fn meaning(self) -> &'static str {
        match self {
            Exit::Passed => "every expectation held",
            Exit::Broke => {
                "the run could not be done, is invalid, or was stopped by an abort rule on success"
            }
            Exit::Usage => "wrong command line",
            Exit::Scenario => "the scenario file has errors",
            Exit::Access => "credentials, a permission or a part of the program is missing",
            Exit::Refused => "a spend limit was reached, or a confirmation was refused",
            Exit::Gate => {
                "an expectation did not hold, a number regressed, or there was not enough data to tell"
            }
            Exit::Interrupted => "interrupted; what was measured is written",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}
