//! What a mock of Bedrock most easily gets wrong has a list of thirty points, and each is a test with its number.

use std::collections::BTreeSet;

use super::{files_under, refuse};

const POINTS: u32 = 30;
const PLACES: [&str; 3] = ["mock-bedrock/src", "tests/conformance", "tests/tests"];

/// The points that the tests of a file name: `fn point_17_and_18_..`, `def point_20_..`, `point_09_..: [`.
fn named(text: &str) -> impl Iterator<Item = u32> + '_ {
    let is_test = |line: &str| {
        let line = line.trim_start();
        line.starts_with("fn point_") || line.starts_with("def point_") || line.starts_with("point_")
    };
    let lines = text.lines().filter(move |line| is_test(line));
    lines.flat_map(|line| {
        let words = line.split('_').skip(1);
        let numbers =
            words.map_while(|word| if word == "and" { Some(None) } else { word.parse().ok().map(Some) });
        numbers.flatten()
    })
}

#[test]
fn each_of_the_thirty_points_is_a_test_with_that_number() {
    let files = PLACES.iter().flat_map(|place| files_under(place));
    let seen: BTreeSet<u32> = files.flat_map(|file| named(&file.text).collect::<Vec<_>>()).collect();
    let missing: Vec<String> =
        (1..=POINTS).filter(|point| !seen.contains(point)).map(|point| format!("point_{point:02}")).collect();
    refuse("no test is named after a point", &missing);
    let extra: Vec<String> =
        seen.iter().filter(|point| !(1..=POINTS).contains(*point)).map(u32::to_string).collect();
    refuse("there are thirty points", &extra);
}

#[test]
fn points_are_read_from_the_names_of_tests_in_three_languages() {
    let text = "fn point_17_and_18_each() {\n  def point_20_input(mock):\n  point_09_every: [\n// point_30_in_text\nlet x = point_2;";
    assert_eq!(named(text).collect::<Vec<_>>(), [17, 18, 20, 9]);
}
