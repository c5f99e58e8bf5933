//! What prompts say: words of one token each, or lines of the user's own file.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, BufRead as _, BufReader},
    path::{Path, PathBuf},
    sync::Arc,
};

use richter_mock_bedrock::luck::{Draws, Luck, Stream};
use serde::Deserialize;

use crate::load::Arrival;

/// Words that tokenizers commonly have as one token each, with the blank before them.
const WORDS: [&str; 32] = [
    " the", " and", " of", " to", " in", " is", " that", " for", " it", " was", " on", " with", " as", " be",
    " at", " by", " this", " had", " not", " are", " but", " from", " or", " have", " an", " they", " which",
    " one", " you", " were", " all", " her",
];
/// Words of text that prompts are cut from: a longer prompt goes round.
const CORPUS_WORDS: usize = 1 << 15;
/// About what the mark at a prompt's beginning is, in tokens.
const MARK_TOKENS: u32 = 12;
/// Prompts of a file that are kept, and bytes of one line.
const FILE_PROMPTS_MAX: usize = 100_000;
const LINE_BYTES_MAX: usize = 4 << 20;

/// A prompt: the beginning that others share, if there is one, and what is its own.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    pub shared: Option<String>,
    pub own: String,
}

#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    #[error("cannot read the prompts in {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "{path}, line {line}: {what}; write one JSON object per line, such as {{\"prompt\": \"Why is the sky blue?\"}}"
    )]
    Line { path: PathBuf, line: usize, what: String },
    #[error(
        "there is no prompt in {0}; write one JSON object per line, such as {{\"prompt\": \"Why is the sky blue?\"}}"
    )]
    Empty(PathBuf),
    #[error("{path} has more than {FILE_PROMPTS_MAX} prompts; give fewer, they are used in turn")]
    TooMany { path: PathBuf },
}

/// Where prompts come from.
#[derive(Debug, Clone)]
pub struct Prompts {
    source: Source,
    /// Of this run, so that no cache remembers the last one.
    salt: u64,
    draws: Draws,
}

#[derive(Debug, Clone)]
enum Source {
    Words { corpus: Arc<str>, ends: Arc<[u32]> },
    File(Arc<[String]>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    prompt: String,
}

impl Prompts {
    /// Words, as many as the scenario says.
    pub fn words(luck: Luck, salt: u64) -> Prompts {
        let draws = luck.stream(Stream::Words);
        let (mut corpus, mut ends) = (String::new(), vec![0]);
        for place in 0..CORPUS_WORDS as u64 {
            let word = (draws.draw(place, 0, 0).unit() * WORDS.len() as f64) as usize;
            corpus.push_str(WORDS[word.min(WORDS.len() - 1)]);
            ends.push(corpus.len() as u32);
        }
        Prompts { source: Source::Words { corpus: corpus.into(), ends: ends.into() }, salt, draws }
    }

    /// The user's own; the scenario's sizes then only stand in its plan.
    pub fn file(path: &Path, luck: Luck, salt: u64) -> Result<Prompts, PromptError> {
        let fail = |source| PromptError::Io { path: path.to_owned(), source };
        let mut prompts = Vec::new();
        for (line, text) in (1..).zip(BufReader::new(File::open(path).map_err(fail)?).lines()) {
            let text = text.map_err(fail)?;
            if text.trim().is_empty() {
                continue;
            }
            let bad = |what: String| PromptError::Line { path: path.to_owned(), line, what };
            if text.len() > LINE_BYTES_MAX {
                return Err(bad(format!("longer than {} MiB", LINE_BYTES_MAX >> 20)));
            }
            let Written { prompt } = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
            if prompt.trim().is_empty() {
                return Err(bad("the prompt is blank".to_owned()));
            }
            if prompts.len() == FILE_PROMPTS_MAX {
                return Err(PromptError::TooMany { path: path.to_owned() });
            }
            prompts.push(prompt);
        }
        if prompts.is_empty() {
            return Err(PromptError::Empty(path.to_owned()));
        }
        Ok(Prompts { source: Source::File(prompts.into()), salt, draws: luck.stream(Stream::Words) })
    }

    pub(super) fn say(&self, arrival: &Arrival) -> Said {
        match &self.source {
            Source::File(prompts) => Said { shared: None, own: self.line(prompts, arrival) },
            Source::Words { corpus, ends } => {
                let prefix = arrival.prefix.filter(|prefix| prefix.tokens > 0);
                let shared = prefix.map(|prefix| {
                    let mut text = format!("[{:x}]", prefix.key);
                    cut(corpus, ends, prefix.key as usize, prefix.tokens, &mut text);
                    text
                });
                let rest = arrival.input_tokens.saturating_sub(prefix.map_or(0, |prefix| prefix.tokens));
                let mut own = String::with_capacity(rest as usize * 5 + 32);
                // Writing to a String cannot fail.
                let _ = write!(own, "[{:08x}-{:x}]", self.salt as u32, arrival.number);
                let words = rest.saturating_sub(MARK_TOKENS);
                cut(corpus, ends, self.place(arrival.number, 1), words, &mut own);
                Said { shared, own }
            }
        }
    }

    fn line(&self, prompts: &[String], arrival: &Arrival) -> String {
        // Callers who ask again ask the same.
        let place = self.place(arrival.number, 2) % prompts.len();
        format!("{}\n[{:08x}-{:x}]", prompts[place], self.salt as u32, arrival.number)
    }

    fn place(&self, number: u64, purpose: u32) -> usize {
        (self.draws.draw(number, 0, purpose).unit() * (1u64 << 32) as f64) as usize
    }
}

/// Appends `words` words of the corpus, from a place on and round its end.
fn cut(corpus: &str, ends: &[u32], from: usize, words: u32, into: &mut String) {
    let all = ends.len() - 1;
    let (mut at, mut left) = (from % all, words as usize);
    while left > 0 {
        let take = left.min(all - at);
        into.push_str(&corpus[ends[at] as usize..ends[at + take] as usize]);
        left -= take;
        at = 0;
    }
}

#[cfg(test)]
pub(super) mod tests {
    use richter_mock_bedrock::engine::Prefix;

    use super::*;

    pub fn arrival(number: u64, input_tokens: u32, prefix: Option<Prefix>) -> Arrival {
        Arrival {
            at: 0,
            number,
            phase: 0,
            class: 0,
            tenant: 0,
            input_tokens,
            output_tokens: 1,
            max_tokens: None,
            prefix,
            patience: None,
        }
    }

    #[test]
    fn a_prompt_has_a_word_for_each_token_and_no_two_are_alike() {
        let prompts = Prompts::words(Luck::new(1, 0), 7);
        for tokens in [20, 600, 200_000] {
            let own = prompts.say(&arrival(5, tokens, None)).own;
            assert_eq!(own.matches(' ').count() as u32, tokens - MARK_TOKENS);
        }
        assert_ne!(prompts.say(&arrival(5, 50, None)), prompts.say(&arrival(6, 50, None)));
        let again = Prompts::words(Luck::new(1, 0), 8);
        assert_ne!(prompts.say(&arrival(5, 50, None)), again.say(&arrival(5, 50, None)), "another run");
        assert!(!prompts.say(&arrival(5, 0, None)).own.is_empty(), "a blank prompt would be refused");
    }

    #[test]
    fn what_the_scenario_lets_prompts_share_is_the_same_to_the_byte() {
        let prompts = Prompts::words(Luck::new(1, 0), 7);
        let prefix = Some(Prefix { key: 99, tokens: 1_200 });
        let (one, other) = (prompts.say(&arrival(1, 1_500, prefix)), prompts.say(&arrival(2, 1_500, prefix)));
        assert_eq!(one.shared, other.shared);
        assert_ne!(one.own, other.own);
        assert_eq!(one.shared.expect("shared").matches(' ').count(), 1_200);
    }

    #[test]
    fn a_file_of_prompts_is_read_or_refused_with_the_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("prompts.jsonl");
        let read = |text: &str| {
            std::fs::write(&path, text).expect("written");
            Prompts::file(&path, Luck::new(1, 0), 7)
        };
        let prompts = read("{\"prompt\":\"Why?\"}\n\n{\"prompt\":\"How?\"}\n").expect("two prompts");
        let own = prompts.say(&arrival(3, 10, None)).own;
        assert!(own.starts_with("Why?") || own.starts_with("How?"), "{own}");
        for (text, expected) in [
            ("", "there is no prompt in"),
            ("{\"prompt\":\"a\"}\nWhy?\n", "line 2: "),
            ("{\"prompt\":\" \"}\n", "line 1: the prompt is blank"),
            ("{\"text\":\"a\"}\n", "unknown field `text`"),
        ] {
            let error = read(text).expect_err(text).to_string();
            assert!(error.contains(expected) && error.contains("{\"prompt\": \"Why"), "{error}");
        }
    }
}
