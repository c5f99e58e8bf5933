//! The parts of request bodies that the model families share, as they come over the wire: conversations, content
//! blocks, tools. One type reads the blocks of Converse, of Claude's Messages and of Nova, whose keys do not clash.
//! What this file does not name is ignored, as the service ignores it.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::cache::Ttl;

/// Text that is borrowed from the body where it holds no escapes.
#[derive(Debug, Deserialize)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

#[derive(Debug, Deserialize)]
pub struct Message<'a> {
    #[serde(borrow)]
    pub role: Text<'a>,
    #[serde(borrow, default)]
    pub content: Content<'a>,
}

/// Blocks, or a bare text that stands for one.
#[derive(Debug, Default)]
pub struct Content<'a>(pub Vec<Block<'a>>);

/// One block of whichever kind; the members that are there say which.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Block<'a> {
    #[serde(borrow)]
    pub text: Option<Text<'a>>,
    #[serde(borrow, alias = "source")]
    pub image: Option<&'a RawValue>,
    #[serde(borrow, alias = "video", alias = "audio")]
    pub document: Option<&'a RawValue>,
    #[serde(borrow, rename = "toolUse")]
    pub tool_use: Option<&'a RawValue>,
    /// Of Claude's `tool_use`.
    #[serde(borrow)]
    pub input: Option<&'a RawValue>,
    #[serde(borrow, rename = "toolResult")]
    pub tool_result: Option<&'a RawValue>,
    /// Of Claude's `tool_result`.
    #[serde(borrow)]
    pub content: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    pub kind: Option<Text<'a>>,
    #[serde(borrow, rename = "reasoningContent")]
    pub reasoning: Option<&'a RawValue>,
    #[serde(borrow)]
    pub thinking: Option<Text<'a>>,
    #[serde(borrow, rename = "guardContent")]
    pub guard: Option<&'a RawValue>,
    #[serde(rename = "cachePoint", alias = "cache_control")]
    pub cache_point: Option<CachePoint>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct CachePoint {
    pub ttl: Ttl,
}

impl Block<'_> {
    pub fn is_tool_result(&self) -> bool {
        self.tool_result.is_some() || self.kind.as_ref().is_some_and(|kind| kind.0 == "tool_result")
    }
}

impl<'a> Content<'a> {
    /// All texts in it, for the modes that answer by what was asked.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|block| block.text.as_ref().map(|text| &*text.0))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<'a>(std::marker::PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for Either<'a> {
            type Value = Content<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of content blocks")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Content<'a>, E> {
                Ok(Content::of(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Content<'a>, E> {
                Ok(Content::of(Cow::Owned(text.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Content<'a>, A::Error> {
                let mut blocks = Vec::new();
                while let Some(block) = seq.next_element()? {
                    blocks.push(block);
                }
                Ok(Content(blocks))
            }
        }

        deserializer.deserialize_any(Either(std::marker::PhantomData))
    }
}

impl<'a> Content<'a> {
    fn of(text: Cow<'a, str>) -> Content<'a> {
        Content(vec![Block { text: Some(Text(text)), ..Block::default() }])
    }
}

/// `toolConfig` of Converse and Nova.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolConfig<'a> {
    #[serde(borrow, default)]
    pub tools: Vec<Tool<'a>>,
    #[serde(default)]
    pub tool_choice: ToolChoice,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tool<'a> {
    #[serde(borrow, default)]
    pub tool_spec: Option<ToolSpec<'a>>,
    #[serde(default)]
    pub cache_point: Option<CachePoint>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolSpec<'a> {
    pub name: String,
    #[serde(borrow, default)]
    pub description: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub input_schema: Option<InputSchema<'a>>,
}

#[derive(Debug, Deserialize)]
pub struct InputSchema<'a> {
    #[serde(borrow, default)]
    pub json: Option<&'a RawValue>,
}

/// One member of the union is set, `auto` if none is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ToolChoice {
    pub any: Option<serde::de::IgnoredAny>,
    pub tool: Option<NamedTool>,
}

#[derive(Debug, Deserialize)]
pub struct NamedTool {
    pub name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reads_in_the_three_dialects() {
        let table = [
            r#"{"role":"user","content":[{"text":"hi"}]}"#,
            r#"{"role":"user","content":[{"type":"text","text":"hi","cache_control":{"type":"ephemeral","ttl":"1h"}}]}"#,
            r#"{"role":"user","content":"hi"}"#,
            r#"{"role":"user","content":"\u0068i"}"#,
        ];
        for text in table {
            let message: Message<'_> = serde_json::from_str(text).expect(text);
            assert_eq!(
                (&*message.role.0, message.content.texts().collect::<Vec<_>>()),
                ("user", vec!["hi"]),
                "{text}"
            );
        }
    }

    #[test]
    fn text_without_escapes_is_borrowed() {
        let message: Message<'_> =
            serde_json::from_str(r#"{"role":"user","content":[{"text":"hi"}]}"#).expect("valid");
        assert!(matches!(message.content.0[0].text, Some(Text(Cow::Borrowed("hi")))));
    }

    #[test]
    fn a_tool_result_is_known_in_both_dialects() {
        for text in [r#"{"toolResult":{"toolUseId":"a"}}"#, r#"{"type":"tool_result","content":"x"}"#] {
            let block: Block<'_> = serde_json::from_str(text).expect(text);
            assert!(block.is_tool_result(), "{text}");
        }
        let block: Block<'_> = serde_json::from_str(r#"{"type":"text","text":"x"}"#).expect("valid");
        assert!(!block.is_tool_result());
    }
}
