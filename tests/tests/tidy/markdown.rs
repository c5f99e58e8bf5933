//! Just enough Markdown to hold a text against the code: a section, its first table, its code spans.

/// The text under a heading such as `## Faults`, up to the next heading of its level or above.
pub(super) fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let from = text.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no heading \"{heading}\""));
    let body = &text[from + heading.len() + 2..];
    let level = heading.bytes().take_while(|b| *b == b'#').count();
    let ends = |line: &str| (1..=level).any(|n| line.starts_with(&format!("{} ", "#".repeat(n))));
    let mut fenced = false;
    let mut end = 0;
    for line in body.split_inclusive('\n') {
        fenced ^= line.starts_with("```");
        if !fenced && ends(line) {
            break;
        }
        end += line.len();
    }
    &body[..end]
}

/// The first column of the first table of a section, without its heading and without code marks.
pub(super) fn first_column(section: &str) -> Vec<&str> {
    let rows =
        section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = rows.skip(2).filter_map(|row| row.split('|').nth(1));
    cells.map(|cell| cell.trim().trim_matches('`')).collect()
}

/// What stands between single backticks, outside fenced blocks.
pub(super) fn code_spans(section: &str) -> Vec<&str> {
    let mut spans = Vec::new();
    let mut fenced = false;
    for line in section.lines() {
        let fence = line.starts_with("```");
        fenced ^= fence;
        if !fenced && !fence {
            spans.extend(line.split('`').skip(1).step_by(2));
        }
    }
    spans
}

#[test]
fn a_section_ends_at_the_next_heading_of_its_level_and_not_inside_a_code_block() {
    let text = "# T\n\n## A\none\n### sub\n```\n## not a heading\n```\ntwo\n## B\nthree\n";
    assert_eq!(section(text, "## A"), "one\n### sub\n```\n## not a heading\n```\ntwo\n");
    assert_eq!(section(text, "## B"), "three\n");
}

#[test]
fn the_first_column_is_read_without_heading_rule_and_code_marks() {
    let text = "words\n\n| fault | what |\n|---|---|\n| `flap` | on and off |\n| outage | `503` |\n\n| x |\n|---|\n| y |\n";
    assert_eq!(first_column(text), ["flap", "outage"]);
}

#[test]
fn code_spans_are_read_from_prose_only() {
    assert_eq!(code_spans("see `a.rs` and `b/`\n```\nlet `c` = 1;\n```\n| `d` | e |"), ["a.rs", "b/", "d"]);
}
