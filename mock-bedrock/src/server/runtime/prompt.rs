//! The prompt in its order (tools, system, messages): how many tokens it has, and what may be cached of it.

use super::{
    body::{Block, CachePoint, Content, Message, ToolConfig},
    cache::{Point, Ttl},
    script::tokens_in,
};
use crate::exception::{Exception, ExceptionKind};

/// An image counts as this many tokens, about what a large one costs.
const IMAGE_TOKENS: u32 = 1_600;
/// Checkpoints in one prompt, at most (AWS: "Prompt caching for faster model inference").
pub const POINTS_MAX: usize = 4;

#[derive(Debug)]
enum Part<'a> {
    Text(&'a str),
    Image(&'a str),
    Point(Ttl),
}

/// Collects a prompt's parts without copying them.
#[derive(Debug, Default)]
pub struct Prompt<'a> {
    parts: Vec<Part<'a>>,
    points: usize,
    /// Whether an image is among the messages.
    pub images: bool,
}

impl<'a> Prompt<'a> {
    pub fn text(&mut self, text: &'a str) {
        self.parts.push(Part::Text(text));
    }

    pub fn point(&mut self, point: Option<CachePoint>) {
        if let Some(CachePoint { ttl }) = point {
            self.points += 1;
            self.parts.push(Part::Point(ttl));
        }
    }

    pub fn tools(&mut self, config: &'a ToolConfig<'a>) {
        for tool in &config.tools {
            if let Some(spec) = &tool.tool_spec {
                self.text(&spec.name);
                spec.description.iter().for_each(|text| self.text(&text.0));
                let schema = spec.input_schema.as_ref().and_then(|schema| schema.json);
                schema.into_iter().for_each(|json| self.text(json.get()));
            }
            self.point(tool.cache_point);
        }
    }

    pub fn content(&mut self, content: &'a Content<'a>) {
        content.0.iter().for_each(|block| self.block(block));
    }

    pub fn messages(&mut self, messages: &'a [Message<'a>]) {
        messages.iter().for_each(|message| self.content(&message.content));
    }

    fn block(&mut self, block: &'a Block<'a>) {
        for text in [&block.text, &block.thinking].into_iter().flatten() {
            self.text(&text.0);
        }
        if let Some(image) = block.image {
            self.images = true;
            self.parts.push(Part::Image(image.get()));
        }
        let raw =
            [block.document, block.tool_use, block.input, block.tool_result, block.content, block.reasoning];
        raw.into_iter().chain([block.guard]).flatten().for_each(|json| self.text(json.get()));
        self.point(block.cache_point);
    }

    /// All tokens of the prompt, and its checkpoints with what lies before each.
    pub fn measure(&self) -> Result<(u32, Vec<Point>), Exception> {
        if self.points > POINTS_MAX {
            let text = format!(
                "You have attempted to cache {} checkpoints. A maximum of {POINTS_MAX} checkpoints is allowed.",
                self.points
            );
            return Err(Exception::new(ExceptionKind::ValidationException, text));
        }
        if self.points == 0 {
            return Ok((self.tokens(), Vec::new()));
        }
        let mut points = Vec::with_capacity(self.points);
        let (mut tokens, mut hash) = (0u32, Hash::default());
        for part in &self.parts {
            match part {
                Part::Text(text) => hash.add(text.as_bytes()),
                Part::Image(image) => hash.add(image.as_bytes()),
                Part::Point(ttl) => points.push(Point { prefix: hash.0, tokens, ttl: *ttl }),
            }
            tokens = tokens.saturating_add(part.tokens());
        }
        let short_first = points.windows(2).any(|pair| pair[0].ttl < pair[1].ttl);
        if short_first {
            let text = "Cache checkpoints with a ttl of 1h must come before those with a ttl of 5m.";
            return Err(Exception::new(ExceptionKind::ValidationException, text));
        }
        Ok((tokens, points))
    }

    fn tokens(&self) -> u32 {
        self.parts.iter().fold(0, |sum, part| sum.saturating_add(part.tokens()))
    }
}

impl Part<'_> {
    fn tokens(&self) -> u32 {
        match self {
            Part::Text(text) => tokens_in(text.len()),
            Part::Image(_) => IMAGE_TOKENS,
            Part::Point(_) => 0,
        }
    }
}

/// FNV-1a over words of eight bytes; each part is closed with its length, so that moving text across a border shows.
#[derive(Debug, Clone, Copy)]
struct Hash(u64);

impl Default for Hash {
    fn default() -> Hash {
        Hash(0xcbf2_9ce4_8422_2325)
    }
}

impl Hash {
    fn add(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            self.word(u64::from_le_bytes(chunk.try_into().expect("chunks of eight have eight bytes")));
        }
        let mut rest = [0; 8];
        rest[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
        self.word(u64::from_le_bytes(rest));
        self.word(bytes.len() as u64);
    }

    fn word(&mut self, word: u64) {
        // The rotation lets high bytes reach the low half, which a product alone never does.
        self.0 = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(parts: &[(&'static str, Option<Ttl>)]) -> Result<(u32, Vec<Point>), Exception> {
        let mut prompt = Prompt::default();
        for (text, ttl) in parts {
            prompt.text(text);
            prompt.point(ttl.map(|ttl| CachePoint { ttl }));
        }
        prompt.measure()
    }

    #[test]
    fn a_prompt_is_counted_in_its_parts() {
        assert_eq!(measured(&[("12345678", None), ("9", None)]).map(|(tokens, _)| tokens), Ok(3));
    }

    #[test]
    fn a_checkpoint_knows_what_lies_before_it() {
        let five = Some(Ttl::FiveMinutes);
        let (tokens, points) =
            measured(&[("12345678", five), ("abcd", five), ("more", None)]).expect("valid");
        assert_eq!((tokens, points.iter().map(|point| point.tokens).collect::<Vec<_>>()), (4, vec![2, 3]));
        let (_, same) = measured(&[("12345678", five), ("abcd", five)]).expect("valid");
        assert_eq!(points, same, "what follows does not matter");
        let (_, moved) = measured(&[("1234567", None), ("8", five)]).expect("valid");
        assert_ne!(points[0].prefix, moved[0].prefix);
    }

    #[test]
    fn five_checkpoints_and_short_ones_before_long_ones_are_refused() {
        let (five, hour) = (Some(Ttl::FiveMinutes), Some(Ttl::OneHour));
        assert!(measured(&[("a", five); 4]).is_ok());
        let many = measured(&[("a", five); 5]).expect_err("too many");
        assert!(many.message.contains("maximum of 4"), "{}", many.message);
        assert!(measured(&[("a", hour), ("b", five)]).is_ok());
        assert!(measured(&[("a", five), ("b", hour)]).is_err());
    }
}
