//! Writing a journal: lines are collected and handed to the system in one piece, many times a second. What the system
//! has been handed survives the death of this process.

use std::{
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::{Line, crc};

/// Bytes kept from one flush to the next.
const ROOM: usize = 1 << 16;

#[derive(Debug)]
pub struct Writer {
    file: File,
    path: PathBuf,
    lines: Vec<u8>,
    written: u64,
    failed: bool,
}

impl Writer {
    /// Begins a journal; one that lies there already is kept under another name.
    pub fn create(path: &Path) -> io::Result<Writer> {
        if path.exists() {
            std::fs::rename(path, path.with_extension("journal.before"))?;
        }
        let file = File::options().create_new(true).write(true).open(path)?;
        Ok(Writer { file, path: path.to_owned(), lines: Vec::with_capacity(ROOM), written: 0, failed: false })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes on the disk.
    pub fn written(&self) -> u64 {
        self.written
    }

    #[inline]
    pub fn line(&mut self, line: &Line) {
        let begins = self.lines.len();
        self.lines.extend_from_slice(b"00000000 ");
        serde_json::to_writer(&mut self.lines, line).expect("our own lines can be written to memory");
        let check = crc(&self.lines[begins + 9..]);
        for (place, byte) in hex(check).into_iter().enumerate() {
            self.lines[begins + place] = byte;
        }
        self.lines.push(b'\n');
    }

    /// Hands everything to the system. After an error nothing more is written, so that no line is torn in the middle.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.lines.is_empty() || self.failed {
            self.lines.clear();
            return Ok(());
        }
        let done = self.file.write_all(&self.lines);
        self.written += self.lines.len() as u64;
        self.failed = done.is_err();
        self.lines.clear();
        done
    }

    /// Makes it survive the machine's death too.
    pub fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        self.file.sync_data()
    }
}

fn hex(word: u32) -> [u8; 8] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    std::array::from_fn(|place| DIGITS[(word >> (28 - 4 * place)) as usize & 15])
}
