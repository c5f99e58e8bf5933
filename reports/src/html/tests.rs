use super::*;
use crate::{run_file::RunFile, synthetic};

fn page(run: &RunFile) -> String {
    render(&Report::of(run)).expect("renders")
}

#[test]
fn the_page_opens_with_question_and_answer_and_has_every_part() {
    let page = page(&synthetic::usual());
    let parts = [
        "<h1>The product goes viral.",
        "serves callers best",
        "95% confidence",
        "Can this be believed?",
        "Strategies compared",
        "Which differences are real",
        "Detecting, recovering, losing",
        "id=\"goodput\"",
        "id=\"reasons\"",
        "Slowest and failed requests",
        "attempt 1 to east failed: throttle",
        "synthetic.yaml --seed 42 --replications 5",
        "What that cannot show",
    ];
    let mut from = 0;
    for part in parts {
        let at = page[from..].find(part).unwrap_or_else(|| panic!("{part:?} is missing or out of order"));
        from += at;
    }
}

/// Everything that could make a browser ask somebody for something.
#[test]
fn nothing_in_the_page_points_outside() {
    let page = page(&synthetic::usual());
    let addresses = page.match_indices("http").map(|(at, _)| &page[at..at + 40.min(page.len() - at)]);
    for address in addresses {
        let harmless =
            address.starts_with("http-equiv") || address.starts_with("https://github.com/leeoniya/uPlot");
        assert!(harmless, "{address}");
    }
    for sign in ["src=", "url(", "@import", "<link rel=\"stylesheet", "<iframe", "<img"] {
        assert!(!page.contains(sign), "{sign}");
    }
}

#[test]
fn hostile_names_are_text_wherever_they_stand() {
    const NAME: &str =
        "</script></style></title>\"'><script>alert(1)</script><img src=x onerror=alert(2)>&\u{202e}🚀";
    let mut run = synthetic::usual();
    run.scenario.name = NAME.to_owned();
    run.scenario.question = NAME.to_owned();
    run.scenario.file = NAME.to_owned();
    run.scenario.digest = NAME.to_owned();
    run.written_by = NAME.to_owned();
    run.when.started = NAME.to_owned();
    run.strategies.iter_mut().for_each(|one| (one.name, one.kind) = (NAME.to_owned(), NAME.to_owned()));
    run.phases.iter_mut().for_each(|one| one.name = NAME.to_owned());
    run.faults.iter_mut().for_each(|one| one.name = NAME.to_owned());
    for target in &mut run.targets {
        (target.name, target.kind) = (NAME.to_owned(), NAME.to_owned());
        (target.region, target.model_id) = (NAME.to_owned(), NAME.to_owned());
    }
    run.stories[0].lines[1].text = NAME.to_owned();
    for cell in &mut run.cells {
        cell.pools[0].name = NAME.to_owned();
        cell.reasons.insert(NAME.to_owned(), 3);
        cell.series.by_region.insert(NAME.to_owned(), vec![1; 240]);
        cell.series.failed_by_class.insert(NAME.to_owned(), vec![1; 240]);
        cell.phases.iter_mut().for_each(|phase| {
            phase.failed_by_class.insert(NAME.to_owned(), 100_000);
        });
    }
    let page = page(&run);
    assert!(!page.contains("<script>alert") && !page.contains("<img src"), "an element came through");
    assert!(!page.contains('\u{202e}'), "an override came through");
    assert!(page.contains("&lt;script&gt;alert(1)"), "the name is shown");
    assert_eq!(page.matches("</style>").count(), 1);
    assert_eq!(page.matches("<script>").count(), 2);
}

#[test]
fn a_run_of_which_nothing_is_left_still_has_its_page() {
    let mut run = synthetic::usual();
    run.cells.clear();
    run.stories.clear();
    assert!(page(&run).contains("No: this run is invalid."));
    run.strategies.clear();
    run.phases.clear();
    run.faults.clear();
    run.targets.clear();
    assert!(page(&run).contains("The run file holds no series to draw."));
}

#[test]
fn ten_minutes_of_eight_strategies_stay_below_a_megabyte() {
    let sketches = synthetic::sketches();
    let names = ["one", "two", "three", "four", "five", "six", "seven", "eight"];
    let eight: Vec<synthetic::Sketch> =
        (0..8).map(|at| synthetic::Sketch { name: names[at], ..sketches[at % 3] }).collect();
    let mut run = synthetic::run(&eight, 1);
    // Four minutes, stretched: as many steps as ten minutes have.
    for cell in &mut run.cells {
        let series = &mut cell.series;
        let columns = [
            &mut series.offered,
            &mut series.good_by_arrival,
            &mut series.good,
            &mut series.answered,
            &mut series.failed,
            &mut series.attempts,
        ];
        columns.into_iter().for_each(|column| *column = column.iter().cycle().take(600).copied().collect());
        let windows = cell.windows.as_mut().expect("windows");
        for blobs in [&mut windows.first_token, &mut windows.total] {
            *blobs = blobs.iter().cycle().take(120).cloned().collect();
        }
    }
    let bytes = page(&run).len();
    assert!(bytes < 1_000_000, "{bytes}");
}

#[test]
fn a_template_of_ones_own_sees_the_export_and_its_mistakes_are_told_with_their_line() {
    let report = Report::of(&synthetic::usual());
    let source = "{% for row in report.comparison.overall.rows %}{{ row.strategy }} \
                  {{ row.entries[0].measured.value | show('share') }}\n{% endfor %}";
    let text = render_template("mine.txt", source, &report).expect("renders");
    assert_eq!(text, "one-region 71.4%\nsdk-retries 47.1%\nrichter 98.5%\n");
    let told = |source: &str| render_template("mine.txt", source, &report).expect_err("refused").to_string();
    assert_eq!(told("\n{{ report.nothing }}"), "mine.txt:2: undefined value: `report.nothing` is undefined");
    assert!(told("{{ 1 | show('feet') }}").contains("known units: share, seconds"));
    assert!(told("{% for %}").starts_with("mine.txt:1: syntax error"));
}

/// Many strategies with equal numbers and hostile names, in a file that is otherwise whole.
fn crowd(size: usize, replications: u32) -> RunFile {
    let mut run = synthetic::run(&synthetic::sketches()[..1], replications);
    for phase in run.cells.iter_mut().flat_map(|cell| &mut cell.phases) {
        phase.histograms = Default::default();
    }
    let (strategy, cells) = (run.strategies.remove(0), std::mem::take(&mut run.cells));
    for index in 0..size {
        let name = format!("<b>{index}</b>\u{202e}");
        run.strategies.push(crate::run_file::StrategyFacts { name, ..strategy.clone() });
        run.cells.extend(cells.iter().map(|cell| {
            let mut cell = crate::run_file::Cell { strategy: index, windows: None, ..cell.clone() };
            if index > 0 {
                cell.series = crate::run_file::Series { bucket_s: 1.0, ..Default::default() };
            }
            cell.phases[1].open = 1;
            cell.phases[1].failed -= 1;
            cell.faults[0].hit = u64::from(index < 3);
            // Each dearer than the one after it, so that looking for the cheapest has much to look at.
            cell.phases.iter_mut().for_each(|phase| phase.cost_usd = Some(20_000.0 - index as f64));
            cell
        }));
    }
    run
}

#[test]
fn ten_thousand_strategies_have_a_page_of_bounded_length_and_say_what_is_left_out() {
    let run = crowd(10_000, 1);
    let text = run.to_json().expect("JSON");
    let report = Report::of(&RunFile::from_json(&text).expect("a run file"));
    let page = render(&report).expect("renders");
    assert!(page.len() < 1 << 20, "{} bytes", page.len());
    assert!(!page.contains("<b>0</b>") && !page.contains('\u{202e}'));
    for part in ["the first 100 of 10000 strategies", "more of this kind are left out", "and 9977 others"] {
        assert!(page.contains(part), "{part}");
    }
    let markdown = crate::format::markdown(std::slice::from_ref(&report));
    assert!(markdown.chars().count() <= crate::format::MARKDOWN_LIMIT);
}

#[test]
fn a_lead_that_many_share_is_told_in_one_sentence() {
    let report = Report::of(&crowd(40, 3));
    let sentence = &report.comparison.answer.sentence;
    assert!(sentence.ends_with("and 28 others cannot be told apart by their good answers."), "{sentence}");
}
