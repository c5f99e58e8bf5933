//! A series as one row of little bars, of blocks or of letters.

const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const LETTERS: [char; 9] = [' ', '.', ':', '-', '=', '+', '*', '#', '@'];

/// The last values that fit into `width`, each a bar of `most`. A value that is not zero is never an empty bar.
pub fn bars(values: &[u32], most: u32, width: usize, unicode: bool) -> String {
    let signs = if unicode { &BLOCKS } else { &LETTERS };
    let shown = &values[values.len().saturating_sub(width)..];
    let top = signs.len() as u64 - 1;
    let bar = |value: &u32| {
        let height = (u64::from(*value) * top).div_ceil(u64::from(most.max(1)));
        signs[height.min(top) as usize]
    };
    shown.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_values_are_shown_as_shares_of_the_most() {
        let cases = [
            (&[0, 1, 4, 8][..], 8, 4, " ▁▄█"),
            (&[8, 0, 1, 4, 8], 8, 3, "▁▄█"),
            (&[1], 1_000_000, 5, "▁"),
            (&[9], 8, 5, "█"),
            (&[0, 0], 0, 5, "  "),
            (&[], 8, 5, ""),
        ];
        for (values, most, width, expected) in cases {
            assert_eq!(bars(values, most, width, true), expected, "{values:?} of {most}");
        }
        assert_eq!(bars(&[0, 4, 8], 8, 9, false), " =@");
    }
}
