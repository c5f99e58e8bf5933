//! The journal of a live run: everything the recorder hears, line by line as it comes, so that a run which is killed at
//! any moment can be told from what is on the disk. Each line is JSON with its CRC in front; the last one may be torn,
//! and reading stops there.
//!
//! It begins with the scenario as text, so that it can be read when the file has moved or changed. No prompt, answer,
//! header or credential is ever in it: only numbers of requests, times and counts.

mod read;
mod write;

pub use read::{Journal, JournalError, Recording};
pub use write::Writer;

use richter_reports::run_file::{Ground, LiveCell};
use serde::{Deserialize, Serialize};

use super::{
    export::{Aside, Place},
    tape::Told,
};

pub const FORMAT: &str = "richter-journal";
pub const VERSION: u32 = 1;

/// What the journal's first line says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    pub format: String,
    pub version: u32,
    pub written_by: String,
    /// RFC 3339.
    pub started: String,
    pub ground: Ground,
    pub service: String,
    pub scenario: ScenarioText,
    pub seed: u64,
    pub replications: u32,
    /// The strategies that ran, by name.
    pub strategies: Vec<String>,
    #[serde(default)]
    pub caveats: Vec<String>,
    #[serde(default)]
    pub client_faults: Vec<String>,
    /// Whether the service itself tells what it made.
    pub told_by_service: bool,
}

/// The scenario as it was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScenarioText {
    /// The file as it was named, and where that name was looked up.
    pub file: String,
    pub folder: String,
    pub digest: String,
    pub text: String,
    /// Name as written, and text.
    #[serde(default)]
    pub include: Option<(String, String)>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    Head(Box<Head>),
    /// A cell begins; the lines up to the next belong to it.
    Cell(Place),
    Told(Told),
    /// The service's side up to now.
    Aside(Box<Aside>),
    /// The cell went to its end.
    CellEnd(Box<LiveCell>),
    /// The run was stopped, and why.
    Stopped(String),
}

/// CRC-32 as zip files and Ethernet have it.
pub(super) fn crc(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    let step = |crc: u32, byte: &u8| (crc >> 8) ^ TABLE[usize::from((crc as u8) ^ byte)];
    !bytes.iter().fold(u32::MAX, step)
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_published_crc() {
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
    }
}
