//! Scenario files come from strangers: whatever they hold, loading ends soon and shows problems instead of panicking.

use proptest::prelude::*;

use super::{SOUND, load};

fn survives(text: &str) {
    match load(text) {
        Ok(checked) => {
            drop(crate::scenario::explain::explain(&checked.plan) + &checked.warnings.render(true))
        }
        Err(problems) => assert!(!problems.render(true).is_empty() && !problems.list.is_empty()),
    }
}

/// One change to a text.
#[derive(Debug, Clone)]
enum Change {
    Cut { at: usize, length: usize },
    Put { at: usize, text: String },
    Repeat { at: usize, length: usize, to: usize },
}

fn place(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at % (text.len() + 1))
}

impl Change {
    fn apply(&self, text: &mut String) {
        match self {
            Change::Cut { at, length } => {
                let from = place(text, *at);
                let to = text.floor_char_boundary((from + length).min(text.len()));
                text.replace_range(from..to, "");
            }
            Change::Put { at, text: new } => text.insert_str(place(text, *at), new),
            Change::Repeat { at, length, to } => {
                let from = place(text, *at);
                let end = text.floor_char_boundary((from + length).min(text.len()));
                let part = text[from..end].to_owned();
                text.insert_str(place(text, *to), &part);
            }
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let spice = prop::sample::select(vec![
        "\n",
        "  ",
        "\t",
        ": ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "\"",
        "'",
        "#",
        "&a ",
        "*a ",
        "|",
        ">",
        "!!",
        "%",
        "~",
        "\u{0}",
        "\u{feff}",
        "é",
        "\u{1b}[31m",
        "99999999999999999999",
        "-1",
        "1e999",
        "0s",
        "100%",
        "null",
        "true",
        "east",
        "<<: ",
        "---\n",
        "? ",
        "12: ",
    ]);
    prop_oneof![
        (any::<usize>(), 1..40usize).prop_map(|(at, length)| Change::Cut { at, length }),
        (any::<usize>(), spice).prop_map(|(at, text)| Change::Put { at, text: text.to_owned() }),
        (any::<usize>(), ".{0,6}").prop_map(|(at, text)| Change::Put { at, text }),
        (any::<usize>(), 1..80usize, any::<usize>()).prop_map(|(at, length, to)| Change::Repeat {
            at,
            length,
            to
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_mutated_scenario_never_panics(changes in prop::collection::vec(change(), 1..6)) {
        let mut text = SOUND.to_owned();
        changes.iter().for_each(|change| change.apply(&mut text));
        survives(&text);
    }

    #[test]
    fn any_text_is_survived(text in "\\PC{0,200}") {
        survives(&text);
        survives(&format!("version: 1\n{text}"));
    }
}

#[test]
fn a_long_line_and_a_long_word_are_shown_cut() {
    let word = "x".repeat(200_000);
    let problems =
        load(&SOUND.replace("seed: 7", &format!("seed: {word}"))).expect_err("a word for a number");
    assert!(problems.render(false).len() < 5_000);
    survives(&format!("{{version: 1, {}}}", "a: {b: [1, {c: d}]}, ".repeat(20_000)));
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let text = SOUND.replace("name: spike", "\"na\\u001b[31mme\": spike");
    let shown = load(&text).expect_err("an unknown key").render(false);
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}
