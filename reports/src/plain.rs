//! Text from strangers made fit to show: nothing in a name may command a terminal or turn a line around.

/// Without control characters, and with the marks that reorder text made visible.
pub fn clean(text: &str) -> String {
    text.chars().map(plain).collect()
}

fn plain(c: char) -> char {
    match c {
        c if c.is_control() => ' ',
        // Marks, embeddings, overrides and isolates of the bidirectional algorithm, and line and paragraph separators.
        '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            '\u{fffd}'
        }
        '\u{2028}' | '\u{2029}' => ' ',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_commands_a_terminal_or_turns_a_line_around() {
        assert_eq!(clean("a\u{1b}[31mb\u{202e}c\u{2066}d\ne"), "a [31mb\u{fffd}c\u{fffd}d e");
        assert_eq!(clean("naïve 🚀 עברית"), "naïve 🚀 עברית");
    }
}
