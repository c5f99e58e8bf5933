//! What an answer says, token by token. Generated text comes from the seed and the request's key alone: the same call
//! always gets the same words. Nothing is written ahead, so that an open stream holds a few numbers and no text.
//!
//! A token is four bytes here. The words of generated text have three letters and a space, so that its length in tokens
//! is exact by the same count that serves for prompts.

use std::{borrow::Cow, sync::Arc};

use crate::luck::{Draw, Draws};

/// Bytes of text that count as one token.
pub const TOKEN_BYTES: usize = 4;

const WORDS: [&str; 64] = [
    "the", "sun", "was", "low", "and", "our", "old", "dog", "ran", "out", "for", "air", "one", "boy", "saw",
    "her", "red", "hat", "fly", "off", "big", "sea", "had", "not", "yet", "met", "sky", "you", "may", "ask",
    "why", "any", "man", "who", "can", "sit", "pie", "all", "day", "did", "get", "fed", "two", "new", "ice",
    "cup", "ten", "elm", "oak", "how", "far", "its", "way", "led", "top", "sat", "owl", "now", "let", "him",
    "see", "dry", "hay", "too",
];

/// Tokens in this much text.
pub fn tokens_in(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(TOKEN_BYTES)).unwrap_or(u32::MAX)
}

/// An answer's content, in blocks.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    pub blocks: Vec<Block>,
    pub stop: Stop,
}

/// Why the answer ends where it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    EndTurn,
    MaxTokens,
    ToolUse,
    Sequence(String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    pub kind: Kind,
    pub text: Text,
    pub tokens: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Text,
    Reasoning,
    /// The text is the JSON of its input.
    Tool {
        id: String,
        name: String,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Text {
    /// Words by the key of the draws.
    Drawn(Words),
    Given(Arc<str>),
}

/// Generated words: where they come from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Words {
    pub draws: Draws,
    pub request: u64,
    pub block: u32,
}

impl Words {
    pub fn draw(&self, n: u32) -> Draw {
        self.draws.draw(self.request, n, self.block)
    }

    /// The n-th word.
    pub fn at(&self, n: u32) -> &'static str {
        WORDS[self.draw(n).below(WORDS.len() as u64) as usize]
    }

    /// So many letters, digits, `_` and `-`, as in an id or a signature.
    pub fn letters(&self, length: usize) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
        let mut text = String::with_capacity(length);
        for n in (0..).take(length.div_ceil(10)) {
            let bits = self.draw(n).bits();
            let letters = (0..10).map(|place| ALPHABET[(bits >> (place * 6) & 63) as usize] as char);
            text.extend(letters.take(length - text.len()));
        }
        text
    }
}

impl Block {
    pub fn drawn(kind: Kind, words: Words, tokens: u32) -> Block {
        Block { kind, text: Text::Drawn(words), tokens }
    }

    pub fn given(kind: Kind, text: impl Into<Arc<str>>) -> Block {
        let text = text.into();
        Block { kind, tokens: tokens_in(text.len()), text: Text::Given(text) }
    }

    /// The text of tokens `from..to`, counted from 0.
    pub fn part(&self, from: u32, to: u32) -> Cow<'_, str> {
        let to = to.min(self.tokens);
        match &self.text {
            Text::Given(text) => Cow::Borrowed(&text[byte_of(text, from)..byte_of(text, to)]),
            Text::Drawn(words) if to == from + 1 && from == 0 => Cow::Borrowed(words.at(0)),
            Text::Drawn(words) => {
                let mut part = String::with_capacity((to.saturating_sub(from)) as usize * TOKEN_BYTES);
                for n in from..to {
                    if n > 0 {
                        part.push(' ');
                    }
                    part.push_str(words.at(n));
                }
                Cow::Owned(part)
            }
        }
    }

    pub fn whole(&self) -> Cow<'_, str> {
        self.part(0, self.tokens)
    }
}

/// Where a token of given text begins: at its fourth byte, or at the next character after that.
fn byte_of(text: &str, token: u32) -> usize {
    text.ceil_char_boundary((token as usize).saturating_mul(TOKEN_BYTES).min(text.len()))
}

impl Script {
    pub fn tokens(&self) -> u32 {
        self.blocks.iter().fold(0, |sum, block| sum.saturating_add(block.tokens))
    }

    /// Leaves what comes within so many tokens, and says that they ran out. A tool's input is cut like any text.
    pub fn cut(&mut self, most: u32) {
        if self.tokens() > most {
            self.keep(most);
            self.stop = Stop::MaxTokens;
        }
    }

    fn keep(&mut self, most: u32) {
        let mut left = most;
        for block in &mut self.blocks {
            if block.tokens > left {
                if let Text::Given(text) = &block.text {
                    block.text = Text::Given(text[..byte_of(text, left)].into());
                }
                block.tokens = left;
            }
            left -= block.tokens;
        }
        // A block of which nothing is left is not begun.
        self.blocks.retain(|block| block.tokens > 0);
    }

    /// Ends the answer's text before the first stop sequence that occurs in it.
    pub fn stop_at(&mut self, sequences: &[String]) {
        let Some(place) = self.blocks.iter().position(|block| block.kind == Kind::Text) else { return };
        let text = self.blocks[place].whole();
        let found = sequences.iter().filter(|sequence| !sequence.is_empty());
        let first =
            found.filter_map(|sequence| Some((text.find(&**sequence)?, sequence))).min_by_key(|(at, _)| *at);
        let Some((at, sequence)) = first else { return };
        let kept = text[..at].to_owned();
        self.blocks.truncate(place);
        self.blocks.push(Block::given(Kind::Text, kept));
        self.stop = Stop::Sequence(sequence.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::luck::{Luck, Stream};

    fn words() -> Words {
        Words { draws: Luck::new(1, 0).stream(Stream::Words), request: 5, block: 0 }
    }

    fn script(blocks: Vec<Block>) -> Script {
        Script { blocks, stop: Stop::EndTurn }
    }

    #[test]
    fn generated_text_has_exactly_the_tokens_asked_for_whichever_way_it_is_cut() {
        for tokens in [1, 2, 7, 300] {
            let block = Block::drawn(Kind::Text, words(), tokens);
            let whole = block.whole().into_owned();
            assert_eq!(tokens_in(whole.len()), tokens, "{whole}");
            let parts: String = (0..tokens).map(|n| block.part(n, n + 1).into_owned()).collect();
            assert_eq!(parts, whole);
        }
    }

    #[test]
    fn every_word_is_one_token() {
        assert!(WORDS.iter().all(|word| word.len() + 1 == TOKEN_BYTES), "{WORDS:?}");
    }

    #[test]
    fn given_text_is_cut_between_characters() {
        let block = Block::given(Kind::Text, "añb€cd🦀efg");
        let parts: Vec<_> = (0..block.tokens).map(|n| block.part(n, n + 1).into_owned()).collect();
        assert_eq!(parts.concat(), "añb€cd🦀efg");
        assert!(parts.len() == 4, "{parts:?}");
    }

    #[test]
    fn an_answer_is_cut_at_max_tokens_block_by_block() {
        let blocks = vec![Block::drawn(Kind::Reasoning, words(), 5), Block::given(Kind::Text, "12345678")];
        let table = [
            (7, 2, Stop::EndTurn),
            (6, 2, Stop::MaxTokens),
            (5, 1, Stop::MaxTokens),
            (2, 1, Stop::MaxTokens),
        ];
        for (most, left, stop) in table {
            let mut script = script(blocks.clone());
            script.cut(most);
            assert_eq!((script.tokens(), script.blocks.len(), script.stop), (most, left, stop));
        }
        let mut nothing = script(blocks);
        nothing.cut(0);
        assert_eq!(nothing.blocks, []);
    }

    #[test]
    fn the_first_stop_sequence_ends_the_text_and_is_not_part_of_it() {
        let mut stopped = script(vec![Block::given(Kind::Text, "one two three")]);
        stopped.stop_at(&["three".into(), "two".into(), "".into()]);
        assert_eq!((&*stopped.blocks[0].whole(), &stopped.stop), ("one ", &Stop::Sequence("two".into())));
        let mut unmoved = script(vec![Block::given(Kind::Text, "one")]);
        unmoved.stop_at(&["four".into()]);
        assert_eq!(unmoved.stop, Stop::EndTurn);
    }
}
