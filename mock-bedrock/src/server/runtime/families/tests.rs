use super::*;
use crate::{
    luck::{Luck, Stream},
    server::runtime::{
        script::{Kind, Stop},
        stream::Cursor,
    },
};

fn telling(dialect: Dialect, blocks: Vec<Block>, stop: Stop) -> Telling {
    let words = Words { draws: Luck::new(1, 0).stream(Stream::Words), request: 1, block: 0 };
    let model = "anthropic.claude-3-haiku-20240307-v1:0".to_owned();
    let usage = Usage { input: 7, output: 3, ..Usage::default() };
    Telling {
        dialect,
        model,
        script: Script { blocks, stop },
        words,
        usage,
        latency_ms: 12,
        first_byte_ms: 5,
        extras: Extras::default(),
        invoked: None,
    }
}

fn text() -> Vec<Block> {
    vec![Block::given(Kind::Text, "12345678")]
}

fn native(telling: &Telling) -> Vec<Value> {
    let mut events = Vec::new();
    let mut cursor = Cursor::default();
    let mut tell = |beat: &Beat<'_>| telling.native_events(beat, &mut |event| events.push(event));
    cursor.start(telling, &mut tell);
    cursor.advance(telling, telling.script.tokens(), 1, &mut tell);
    cursor.end(telling, &mut tell);
    events
}

#[test]
fn every_family_says_the_same_text_whole_and_in_pieces() {
    let place = |dialect| match dialect {
        Dialect::Claude => ("/content/0/text", "/delta/text"),
        Dialect::Nova => ("/output/message/content/0/text", "/contentBlockDelta/delta/text"),
        Dialect::Llama => ("/generation", "/generation"),
        Dialect::Titan => ("/results/0/outputText", "/outputText"),
        _ => ("/outputs/0/text", "/outputs/0/text"),
    };
    for dialect in [Dialect::Claude, Dialect::Nova, Dialect::Llama, Dialect::Titan, Dialect::Mistral] {
        let telling = telling(dialect, text(), Stop::EndTurn);
        let (whole, piece) = place(dialect);
        assert_eq!(telling.logged().pointer(whole).and_then(Value::as_str), Some("12345678"), "{dialect:?}");
        let events = native(&telling);
        let pieces: String = events.iter().filter_map(|event| event.pointer(piece)?.as_str()).collect();
        assert_eq!(pieces, "12345678", "{dialect:?}");
        let last = events.last().expect("events");
        assert_eq!(last[METRICS]["outputTokenCount"], 3, "{dialect:?}: {last}");
    }
}

#[test]
fn claude_opens_blocks_of_text_too_and_counts_once_at_the_end() {
    let events = native(&telling(Dialect::Claude, text(), Stop::MaxTokens));
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(
        kinds,
        [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
    assert_eq!(events[5]["delta"]["stop_reason"], "max_tokens");
    assert_eq!(events[5]["usage"]["output_tokens"], 3);
}

#[test]
fn nova_numbers_each_delta_as_a_block() {
    let events = native(&telling(Dialect::Nova, text(), Stop::EndTurn));
    let places: Vec<&Value> =
        events.iter().filter_map(|event| event.pointer("/contentBlockDelta/contentBlockIndex")).collect();
    assert_eq!(places, [0, 1]);
}

#[test]
fn a_tool_call_is_an_object_whole_and_fragments_in_pieces() {
    let kind = Kind::Tool { id: "tooluse_x".into(), name: "look".into() };
    let blocks = vec![Block::given(kind, r#"{"city":"Rome"}"#)];
    let whole = telling(Dialect::Claude, blocks.clone(), Stop::ToolUse).logged();
    assert_eq!(whole["content"][0]["input"]["city"], "Rome");
    assert_eq!(whole["content"][0]["id"], "toolu_bdrk_x");
    let events = native(&telling(Dialect::Claude, blocks, Stop::ToolUse));
    let pieces: String = events.iter().filter_map(|event| event["delta"]["partial_json"].as_str()).collect();
    assert_eq!(pieces, r#"{"city":"Rome"}"#);
}

#[test]
fn models_speak_their_makers_dialect() {
    let table = [
        ("anthropic.claude-opus-5", Dialect::Claude),
        ("amazon.nova-lite-v1:0", Dialect::Nova),
        ("amazon.titan-text-lite-v1", Dialect::Titan),
        ("meta.llama3-3-70b-instruct-v1:0", Dialect::Llama),
        ("mistral.mistral-large-2402-v1:0", Dialect::Mistral),
        ("m", Dialect::Claude),
    ];
    for (model, dialect) in table {
        assert_eq!(Dialect::of_model(model), dialect, "{model}");
    }
}
