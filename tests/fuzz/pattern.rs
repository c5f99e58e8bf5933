//! Feeds mutated filter patterns to the parser, and messages to what comes out of it: the first line is the pattern, the
//! rest is the message.
//!
//! Whatever comes in, a pattern or a problem with a text comes out, a pattern says the same of a message twice, and what
//! it extracts it extracts from messages that match. `scripts/fuzz pattern` builds and runs this.
#![no_main]

use std::hint::black_box;

use libfuzzer_sys::{Corpus, fuzz_target};
use richter_mock_bedrock::cloudwatch::pattern::{Message, Pattern, Selector};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Ok(text) = std::str::from_utf8(bytes) else { return Corpus::Reject };
    let (pattern, message) = text.split_once('\n').unwrap_or((text, ""));
    let parsed = match Pattern::parse(pattern) {
        Ok(parsed) => parsed,
        Err(problem) => {
            assert!(!problem.0.is_empty(), "a problem says why");
            return Corpus::Keep;
        }
    };
    let matched = parsed.matches(&Message::new(message));
    let again = Message::new(message);
    assert_eq!(parsed.matches(&again), matched, "a pattern changes its mind");
    assert!(matched || parsed.extracted(&again).is_empty(), "values of a message that does not match");
    for selector in ["$.a", "$.a[*].b", "$bytes", pattern] {
        if let Ok(selector) = Selector::parse(selector) {
            black_box(parsed.value(&again, &selector));
        }
    }
    Corpus::Keep
});
