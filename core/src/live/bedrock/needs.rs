//! What a call needs of a model, as far as the call itself shows it.

use aws_sdk_bedrockruntime::types::{ContentBlock, Message, OutputConfig, ToolConfiguration};
use aws_smithy_types::Document;
use serde_json::Value;

use crate::request::{Need, Needs};

/// Fields by which models are told to reason, in Converse's additional fields and in bodies of InvokeModel.
const THINKING: [&str; 5] =
    ["thinking", "reasoning_config", "reasoningConfig", "reasoning_effort", "reasoning"];

/// What the parts of a call to Converse show.
pub(super) fn of_converse(
    messages: &Option<Vec<Message>>,
    tools: &Option<ToolConfiguration>,
    output: &Option<OutputConfig>,
    more: &Option<Document>,
) -> Needs {
    let blocks = messages.iter().flatten().flat_map(Message::content);
    let sees = |block: &ContentBlock| {
        matches!(block, ContentBlock::Image(_) | ContentBlock::Document(_) | ContentBlock::Video(_))
    };
    let images = blocks.into_iter().any(sees);
    let json = output.as_ref().is_some_and(|output| output.text_format().is_some());
    let fields = more.as_ref().and_then(Document::as_object);
    let thinking = fields.is_some_and(|fields| THINKING.iter().any(|key| fields.contains_key(*key)));
    only([
        (Need::Tools, tools.is_some()),
        (Need::Images, images),
        (Need::Json, json),
        (Need::Thinking, thinking),
    ])
}

/// What a body in the language of a model shows.
pub(super) fn of_body(body: &[u8]) -> Needs {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return Needs::NONE };
    let has = |keys: &[&str]| keys.iter().any(|key| body.get(key).is_some_and(|value| !value.is_null()));
    let blocks = body["messages"].as_array().into_iter().flatten();
    let blocks = blocks.filter_map(|message| message["content"].as_array()).flatten();
    let images = blocks.into_iter().any(|block| {
        let kind = block["type"].as_str().unwrap_or_default();
        let keyed = ["image", "document", "video"].iter().any(|key| block.get(key).is_some());
        keyed || matches!(kind, "image" | "document" | "image_url")
    });
    only([
        (Need::Tools, has(&["tools", "toolConfig"])),
        (Need::Images, images),
        (Need::Json, has(&["response_format", "output_format", "output_config"])),
        (Need::Thinking, has(&THINKING)),
    ])
}

fn only<const N: usize>(found: [(Need, bool); N]) -> Needs {
    found.into_iter().filter_map(|(need, found)| found.then_some(need)).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_bedrockruntime::types::{
        ConversationRole, ImageBlock, ImageFormat, ImageSource, Tool, ToolInputSchema, ToolSpecification,
    };
    use aws_smithy_types::Blob;
    use serde_json::json;

    use super::*;

    fn message(content: ContentBlock) -> Option<Vec<Message>> {
        Some(vec![Message::builder().role(ConversationRole::User).content(content).build().unwrap()])
    }

    #[test]
    fn a_call_to_converse_shows_what_it_needs() {
        let text = message(ContentBlock::Text("hello".into()));
        assert_eq!(of_converse(&text, &None, &None, &None), Needs::NONE);
        let source = ImageSource::Bytes(Blob::new([1]));
        let image = ImageBlock::builder().format(ImageFormat::Png).source(source).build().unwrap();
        let seen = of_converse(&message(ContentBlock::Image(image)), &None, &None, &None);
        assert_eq!(seen, Needs::NONE.with(Need::Images));
        let schema = ToolInputSchema::Json(Document::Object([].into()));
        let tool = ToolSpecification::builder().name("look").input_schema(schema).build().unwrap();
        let tools = ToolConfiguration::builder().tools(Tool::ToolSpec(tool)).build().unwrap();
        let seen = of_converse(&text, &Some(tools), &None, &None);
        assert_eq!(seen, Needs::NONE.with(Need::Tools));
        let more = Document::Object([("thinking".to_owned(), Document::Null)].into());
        let seen = of_converse(&text, &None, &None, &Some(more));
        assert_eq!(seen, Needs::NONE.with(Need::Thinking));
    }

    #[test]
    fn a_body_shows_what_it_needs_in_the_languages_that_we_know() {
        let picture = json!([{ "type": "image", "source": {} }]);
        let table = [
            (json!({ "messages": [{ "role": "user", "content": "hello" }] }), None),
            (json!({ "tools": [] }), Some(Need::Tools)),
            (json!({ "toolConfig": {} }), Some(Need::Tools)),
            (json!({ "messages": [{ "content": picture }] }), Some(Need::Images)),
            (json!({ "messages": [{ "content": [{ "image": {} }] }] }), Some(Need::Images)),
            (json!({ "thinking": { "type": "enabled" } }), Some(Need::Thinking)),
            (json!({ "thinking": null }), None),
            (json!({ "response_format": {} }), Some(Need::Json)),
        ];
        for (body, need) in table {
            let expected: Needs = need.into_iter().collect();
            assert_eq!(of_body(body.to_string().as_bytes()), expected, "{body}");
        }
        assert_eq!(of_body(b"not JSON"), Needs::NONE);
    }
}
