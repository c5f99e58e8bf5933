//! What a model says to a request: a fixture, a tool call, an echo, or words.

use serde::Deserialize;
use serde_json::Value;

use super::{
    ask::{Ask, Tool},
    script::{Block, Kind, Script, Stop, Words, tokens_in},
    tools::{self, ToolUse},
};
use crate::{dist::Sampler, luck::Draws};

/// How answers are made.
#[derive(Debug, Clone, Default)]
pub struct AnswerSettings {
    /// Answers repeat what was said to the model.
    pub echo: bool,
    /// Tried in their order, before everything else.
    pub fixtures: Vec<Fixture>,
    pub tools: ToolUse,
}

/// A prepared answer, for people's own unit tests.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    /// The last message must contain this; without it, every message fits.
    #[serde(default)]
    pub when: Option<String>,
    #[serde(default)]
    pub text: Option<String>,
    #[serde(default)]
    pub reasoning: Option<String>,
    #[serde(default)]
    pub tool: Option<FixtureTool>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixtureTool {
    pub name: String,
    #[serde(default)]
    pub input: Value,
}

/// How one request's answer is made.
#[derive(Debug)]
pub struct Mode<'a> {
    pub settings: &'a AnswerSettings,
    /// How long generated answers are, and the draws for it: those that a scenario's sizes come from.
    pub output: &'a Sampler,
    pub sizes: Draws,
}

/// Purpose of the draw of an answer's length, the same as where arrivals are made.
const OUTPUT: u32 = 1;
/// Purposes of this file's draws; blocks of text have the small numbers.
const TOOL_ID: u32 = 1 << 26 | 1;
const TOOL_INPUT: u32 = 1 << 26 | 2;
/// Tokens of text before a tool call, where the caller asks for no length.
const PREFACE: u32 = 8;
/// Of an answer that begins with reasoning, this many parts in eight.
const REASONING_EIGHTHS: u32 = 4;

impl Mode<'_> {
    /// The whole answer, before any limit. `tokens` is how long a generated one shall be, where the caller says.
    pub fn script(&self, ask: &Ask, words: Words, tokens: Option<u32>) -> Script {
        let fixture = self.settings.fixtures.iter().find(|fixture| fixture.fits(&ask.said));
        let mut script = match (fixture, tools::chosen(ask, self.settings.tools)) {
            (Some(fixture), _) => fixture.script(words),
            (None, Some(tool)) => {
                let input = tools::input(tool, Words { block: TOOL_INPUT, ..words });
                // A drawn length is that of a text, and a call says little besides.
                let before = tokens.map_or(PREFACE, |tokens| tokens.saturating_sub(tokens_in(input.len())));
                calling(tool, input, words, before)
            }
            (None, None) if self.settings.echo => said(Block::given(Kind::Text, &*ask.said)),
            (None, None) => {
                let length = self.length(words, tokens);
                let thought = if ask.reasoning { length * REASONING_EIGHTHS / 8 } else { 0 };
                let reasoning = Block::drawn(Kind::Reasoning, Words { block: 1, ..words }, thought);
                let text = Block::drawn(Kind::Text, words, length - thought);
                let blocks = [reasoning, text].into_iter().filter(|block| block.tokens > 0).collect();
                Script { blocks, stop: Stop::EndTurn }
            }
        };
        if !ask.stops.is_empty() {
            script.stop_at(&ask.stops);
        }
        script
    }

    fn length(&self, words: Words, tokens: Option<u32>) -> u32 {
        let drawn = || self.output.at(self.sizes.draw(words.request, 0, OUTPUT).unit()).round().max(1.0);
        // Saturates: no distribution makes an answer longer than can be counted.
        tokens.unwrap_or_else(|| drawn() as u32)
    }
}

fn said(block: Block) -> Script {
    Script { blocks: vec![block], stop: Stop::EndTurn }
}

/// Some text, and then the call.
fn calling(tool: &Tool, input: String, words: Words, before: u32) -> Script {
    let text = Block::drawn(Kind::Text, words, before);
    let kind = Kind::Tool { id: tool_id(words), name: tool.name.clone() };
    let blocks = [text, Block::given(kind, input)].into_iter().filter(|block| block.tokens > 0);
    Script { blocks: blocks.collect(), stop: Stop::ToolUse }
}

fn tool_id(words: Words) -> String {
    format!("tooluse_{}", Words { block: TOOL_ID, ..words }.letters(22))
}

impl Fixture {
    fn fits(&self, said: &str) -> bool {
        self.when.as_ref().is_none_or(|part| said.contains(&**part))
    }

    fn script(&self, words: Words) -> Script {
        let reasoning = self.reasoning.as_deref().map(|text| Block::given(Kind::Reasoning, text));
        let text = self.text.as_deref().map(|text| Block::given(Kind::Text, text));
        let tool = self.tool.as_ref().map(|tool| {
            let input = if tool.input.is_null() { "{}".to_owned() } else { tool.input.to_string() };
            Block::given(Kind::Tool { id: tool_id(words), name: tool.name.clone() }, input)
        });
        let stop = if tool.is_some() { Stop::ToolUse } else { Stop::EndTurn };
        Script { blocks: [reasoning, text, tool].into_iter().flatten().collect(), stop }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::luck::{Luck, Stream};

    fn words(request: u64) -> Words {
        Words { draws: Luck::new(1, 0).stream(Stream::Words), request, block: 0 }
    }

    fn script(settings: &AnswerSettings, ask: &Ask, tokens: Option<u32>) -> Script {
        Mode { settings, output: &Sampler::Constant(9.0), sizes: words(0).draws }.script(
            ask,
            words(1),
            tokens,
        )
    }

    fn kinds(script: &Script) -> Vec<&'static str> {
        let kind = |block: &Block| match block.kind {
            Kind::Text => "text",
            Kind::Reasoning => "reasoning",
            Kind::Tool { .. } => "tool",
        };
        script.blocks.iter().map(kind).collect()
    }

    #[test]
    fn a_generated_answer_has_the_length_that_was_asked_or_drawn() {
        let settings = AnswerSettings::default();
        assert_eq!(script(&settings, &Ask::default(), None).tokens(), 9);
        assert_eq!(script(&settings, &Ask::default(), Some(31)).tokens(), 31);
        assert_eq!(script(&settings, &Ask::default(), Some(0)).blocks, []);
        let thinking = script(&settings, &Ask { reasoning: true, ..Ask::default() }, Some(31));
        assert_eq!((kinds(&thinking), thinking.tokens()), (vec!["reasoning", "text"], 31));
    }

    #[test]
    fn the_same_request_gets_the_same_words_and_another_gets_others() {
        let mode = Mode {
            settings: &AnswerSettings::default(),
            output: &Sampler::Constant(40.0),
            sizes: words(0).draws,
        };
        let text =
            |request| mode.script(&Ask::default(), words(request), None).blocks[0].whole().into_owned();
        assert_eq!(text(1), text(1));
        assert_ne!(text(1), text(2));
    }

    #[test]
    fn a_tool_call_follows_as_much_text_as_the_length_leaves() {
        let ask = Ask { tools: vec![Tool { name: "t".into(), schema: None }], ..Ask::default() };
        let called = script(&AnswerSettings::default(), &ask, Some(10));
        assert_eq!(
            (kinds(&called), called.tokens(), &called.stop),
            (vec!["text", "tool"], 10, &Stop::ToolUse)
        );
        let Kind::Tool { id, name } = &called.blocks[1].kind else { panic!("the second is the call") };
        assert_eq!((id.len(), &**name), ("tooluse_".len() + 22, "t"));
    }

    #[test]
    fn an_echo_repeats_and_a_fixture_that_fits_goes_before_it() {
        let fixture = json!({ "when": "weather", "text": "Let me see.", "tool": { "name": "look", "input": { "a": 1 } } });
        let settings = AnswerSettings {
            echo: true,
            fixtures: vec![serde_json::from_value(fixture).expect("a fixture")],
            ..AnswerSettings::default()
        };
        let said = |text: &str| Ask { said: text.into(), ..Ask::default() };
        assert_eq!(script(&settings, &said("hello"), None).blocks[0].whole(), "hello");
        let prepared = script(&settings, &said("the weather?"), None);
        assert_eq!((kinds(&prepared), &prepared.stop), (vec!["text", "tool"], &Stop::ToolUse));
        assert_eq!(prepared.blocks[1].whole(), r#"{"a":1}"#);
    }
}
