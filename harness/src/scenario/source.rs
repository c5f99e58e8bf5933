//! The files that a scenario was read from, kept so that problems can point into them.

use std::ops::Range;

/// Which of the files: 0 is the scenario itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct FileId(pub usize);

/// Bytes of one of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    pub file: FileId,
    pub at: Range<usize>,
}

#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<Source>,
}

#[derive(Debug, Clone)]
pub struct Source {
    pub name: String,
    pub text: String,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl Sources {
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        let text = text.into();
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        self.files.push(Source { name: name.into(), text, lines });
        FileId(self.files.len() - 1)
    }

    pub fn get(&self, file: FileId) -> &Source {
        &self.files[file.0]
    }

    /// In the order in which they were read: the scenario first.
    pub fn all(&self) -> &[Source] {
        &self.files
    }

    /// Digest of all that was read, in order: FNV-1a over the bytes, each file closed by a byte that UTF-8 never has.
    pub fn digest(&self) -> String {
        const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0100_0000_01b3;
        let bytes = self.files.iter().flat_map(|file| file.text.bytes().chain([0xff]));
        let hash = bytes.fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
        format!("{hash:016x}")
    }
}

impl Source {
    /// Line and column, both from 1; columns count characters.
    pub fn position(&self, at: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= at).max(1);
        let start = self.lines[line - 1];
        let column = self.text.get(start..at).map_or(0, |text| text.chars().count()) + 1;
        (line, column)
    }

    /// Where a line lies, without its end.
    pub fn line(&self, line: usize) -> Range<usize> {
        let start = self.lines[line - 1];
        let end = self.lines.get(line).map_or(self.text.len(), |next| next - 1);
        let end = end.max(start);
        start..start + self.text[start..end].trim_end_matches('\r').len()
    }

    /// The part of `at` on its first line, without blanks at its end; at least one character where there is one.
    pub fn clip(&self, at: &Range<usize>) -> Range<usize> {
        let start = self.text.floor_char_boundary(at.start.min(self.text.len()));
        let line = self.line(self.position(start).0);
        let end = self.text.floor_char_boundary(at.end.min(line.end).max(start));
        let shown = start + self.text[start..end].trim_end().len();
        let one = self.text[start..line.end.max(start)].chars().next().map_or(0, char::len_utf8);
        start..shown.max(start + one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        let mut sources = Sources::default();
        let id = sources.add("x", text);
        sources.get(id).clone()
    }

    #[test]
    fn lines_and_columns_count_from_one_and_by_character() {
        let source = source("aé: 1\n\nb: 2");
        assert_eq!(source.position(0), (1, 1));
        assert_eq!(source.position(3), (1, 3));
        assert_eq!(source.position(7), (2, 1));
        assert_eq!(source.position(8), (3, 1));
        assert_eq!(source.position(12), (3, 5));
    }

    #[test]
    fn a_span_is_clipped_to_its_first_line() {
        let source = source("a:\n  b: 1  \n  c: 2\n");
        assert_eq!(&source.text[source.clip(&(5..18))], "b: 1");
        assert_eq!(source.clip(&(19..19)), 19..19);
        assert_eq!(&source.text[source.clip(&(5..5))], "b");
        assert_eq!(source.clip(&(90..99)), 19..19);
    }

    #[test]
    fn a_line_ends_before_its_carriage_return() {
        let source = source("a: 1\r\nb: 2\r\n");
        assert_eq!(&source.text[source.line(1)], "a: 1");
        assert_eq!(source.clip(&(3..99)), 3..4);
    }

    #[test]
    fn the_digest_depends_on_every_byte_and_on_where_files_end() {
        let digest = |texts: &[&str]| {
            let mut sources = Sources::default();
            texts.iter().for_each(|text| {
                sources.add("x", *text);
            });
            sources.digest()
        };
        // FNV-1a of "a" and the closing byte, computed by hand from the published constants.
        assert_eq!(digest(&[]), "cbf29ce484222325");
        assert_ne!(digest(&["ab"]), digest(&["a", "b"]));
        assert_ne!(digest(&["a"]), digest(&["b"]));
        assert_eq!(digest(&["a"]).len(), 16);
    }
}
