use ratatui::{Terminal, backend::TestBackend};

use super::*;

/// A run in the middle of its second strategy.
pub fn snapshot() -> Snapshot {
    let done = StrategyNow {
        name: "one-region".into(),
        offered: 1000,
        good: 460,
        answered: 500,
        failed: 500,
        attempts: 1100,
        throttles: 480,
        first_token_ms_p50: Some(612.0),
        first_token_ms_p99: Some(2340.0),
        regions: vec![("us-east-1".into(), 500)],
        spent_usd: Some(0.23),
        good_over_time: vec![4, 4, 4, 4, 4, 4],
        offered_over_time: vec![4, 8, 16, 40, 40, 4],
        ..StrategyNow::default()
    };
    let running = StrategyNow {
        name: "cris".into(),
        running: true,
        offered_per_s: 40.0,
        good_per_s: 38.2,
        throttles_per_s: 1.25,
        in_flight: 31,
        offered: 531,
        good: 480,
        first_token_ms_p50: Some(450.0),
        first_token_ms_p99: Some(1987.0),
        regions: vec![("us-west-2".into(), 100), ("us-east-1".into(), 300)],
        spent_usd: Some(0.0423),
        good_over_time: vec![4, 8, 16, 38],
        offered_over_time: vec![4, 8, 16, 40],
        ..StrategyNow::default()
    };
    let waiting = StrategyNow { name: "richter".into(), ..StrategyNow::default() };
    Snapshot {
        scenario: "viral-spike".into(),
        ground: "mock".into(),
        service: "mock-bedrock in this process".into(),
        state: State::Running,
        strategy: 1,
        replications: 5,
        now_s: 80.0,
        end_s: 600.0,
        phase: "spike".into(),
        left_s: 7720.0,
        strategies: vec![done, running, waiting],
        spent_usd: Some(0.2723),
        spend_max_usd: Some(5.0),
        warnings: vec!["the generator is late: 61.0 ms at p99".into()],
        ..Snapshot::default()
    }
}

fn drawn(show: &Show<'_>, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a test terminal");
    terminal.draw(|frame| draw(frame, show)).expect("drawn");
    terminal.backend().to_string()
}

const PLAIN: Look = Look { color: false, unicode: true };

#[test]
fn strategies_stand_side_by_side() {
    let show = Show { snapshot: &snapshot(), paused: false, look: PLAIN };
    insta::assert_snapshot!(drawn(&show, 130, 20));
}

#[test]
fn a_small_terminal_without_blocks_keeps_the_most_important_part() {
    let look = Look { color: false, unicode: false };
    insta::assert_snapshot!(drawn(&Show { snapshot: &snapshot(), paused: true, look }, 60, 14));
}

#[test]
fn no_size_and_no_snapshot_is_too_strange_to_be_drawn() {
    let long = "x".repeat(300);
    let strange = Snapshot {
        strategies: vec![
            StrategyNow { name: long, offered_over_time: vec![9; 500], ..StrategyNow::default() };
            90
        ],
        now_s: f64::NAN,
        ..Snapshot::default()
    };
    for snapshot in [&Snapshot::default(), &snapshot(), &strange] {
        for (width, height) in [(1, 1), (3, 2), (20, 5), (80, 24), (250, 80)] {
            drawn(&Show { snapshot, paused: false, look: PLAIN }, width, height);
        }
    }
}

#[test]
fn color_says_nothing_that_words_do_not_say() {
    let styled = |color| {
        let mut terminal = Terminal::new(TestBackend::new(100, 20)).expect("a test terminal");
        let look = Look { color, unicode: true };
        let snapshot = snapshot();
        terminal
            .draw(|frame| draw(frame, &Show { snapshot: &snapshot, paused: false, look }))
            .expect("drawn");
        let cells = terminal.backend().buffer().content.clone();
        cells.iter().filter(|cell| cell.fg != Color::Reset).count()
    };
    assert!(styled(true) > 0);
    assert_eq!(styled(false), 0, "without colour there is none");
}

#[test]
fn numbers_are_short() {
    assert_eq!([0.0, 59.4, 80.0, 7720.0].map(span), ["0 s", "59 s", "1m 20s", "2h 08m"]);
    assert_eq!([0.0, 0.0423, 0.27, 512.3].map(dollars), ["$0.00", "$0.0423", "$0.27", "$512"]);
    assert_eq!([None, Some(450.4), Some(1987.0)].map(millis), ["-", "450 ms", "1.99 s"]);
    assert_eq!([0.04, 38.23, 1234.5].map(rate), ["0.0/s", "38.2/s", "1234/s"]);
    assert_eq!([31, 123_456].map(count), ["31", "123k"]);
}
