use super::*;
use crate::{run_file::RunFile, synthetic};

fn ids(run: &RunFile) -> Vec<&'static str> {
    charts(&View::new(run)).iter().map(|chart| chart.id).collect()
}

fn one(run: &RunFile, id: &str) -> Chart {
    charts(&View::new(run)).into_iter().find(|chart| chart.id == id).expect("the chart")
}

fn lines(chart: &Chart) -> &Lines {
    match &chart.body {
        Body::Lines(lines) => lines,
        Body::Bars(_) => panic!("{} is bars", chart.id),
    }
}

#[test]
fn a_whole_run_has_every_chart_and_an_old_one_those_it_has_data_for() {
    let mut run = synthetic::usual();
    let all = [
        "goodput",
        "first_token",
        "total",
        "percentiles",
        "recovery",
        "served",
        "attempts",
        "failures",
        "quota",
        "cost",
        "reasons",
    ];
    assert_eq!(ids(&run), all);
    for cell in &mut run.cells {
        cell.windows = None;
        cell.series.by_target = None;
    }
    let old: Vec<&str> =
        all.into_iter().filter(|id| !["first_token", "total", "quota"].contains(id)).collect();
    assert_eq!(ids(&run), old);
    run.cells.clear();
    assert_eq!(ids(&run), [""; 0]);
}

#[test]
fn every_line_has_a_point_for_every_place_of_its_axis() {
    for chart in charts(&View::new(&synthetic::usual())) {
        let Body::Lines(lines) = &chart.body else { continue };
        for line in lines.panels.iter().flat_map(|panel| &panel.lines) {
            assert_eq!(line.points.len(), lines.x.values.len(), "{}: {}", chart.id, line.name);
        }
    }
}

#[test]
fn a_percentile_line_ends_with_its_sample_and_pales_where_it_gets_thin() {
    let good = synthetic::Sketch { good: [100; 3], ..synthetic::sketches().remove(2) };
    let chart = one(&synthetic::run(&[good], 1), "percentiles");
    let lines = lines(&chart);
    // 8,400 requests: five of them lie beyond one in 1,680.
    for (one_in, point) in lines.x.values.iter().zip(&lines.panels[0].lines[0].points) {
        assert_eq!(point.thin, *one_in > 1_680.0, "{one_in}");
        assert!(matches!(point.value, Value::Finite(_)), "{one_in}");
    }
    let last = lines.x.values.last().expect("a last");
    assert!((6_800.0..=8_400.0).contains(last), "{last}");
}

#[test]
fn a_percentile_beyond_the_answers_is_never_and_the_axis_ends_soon_after() {
    let run = synthetic::usual();
    let chart = one(&run, "percentiles");
    let lines = lines(&chart);
    // richter leaves 1.5% unanswered, and nobody else fewer.
    let last = lines.x.values.iter().zip(&lines.panels[0].lines[2].points).next_back().expect("a last");
    assert!((last.0 - 100.0).abs() < 1e-6, "{}", last.0);
    assert_eq!(last.1.value, Value::Infinite);
}

#[test]
fn the_base_is_drawn_from_the_trigger_to_the_recovery_and_nowhere_else() {
    let run = synthetic::usual();
    let chart = one(&run, "recovery");
    let lines = lines(&chart);
    let base = &lines.panels[0].lines[1];
    assert_eq!(base.name, "before spike");
    let drawn: Vec<f64> = (lines.x.values.iter().zip(&base.points))
        .filter(|(_, point)| point.value != Value::NoData)
        .map(|(at, _)| *at)
        .collect();
    assert_eq!((drawn.first(), drawn.last()), (Some(&55.0), Some(&115.0)));
}

#[test]
fn more_strategies_than_can_be_told_apart_are_left_out_and_said_so() {
    let sketches = synthetic::sketches();
    let many: Vec<synthetic::Sketch> =
        (0..14).map(|_| synthetic::Sketch { name: "same", good: [100, 90, 100], ..sketches[0] }).collect();
    let chart = one(&synthetic::run(&many, 1), "goodput");
    assert_eq!(lines(&chart).panels[0].lines.len(), 1 + STRATEGIES_MAX);
    assert_eq!(chart.notes, ["shows the first 12 of 14 strategies"]);
}

#[test]
fn faults_and_phases_are_shaded_within_the_run() {
    let mut run = synthetic::usual();
    run.faults[0].to_s = 1e300;
    let chart = one(&run, "goodput");
    let shades = &lines(&chart).shades;
    let kinds: Vec<ShadeKind> = shades.iter().map(|shade| shade.kind).collect();
    assert_eq!(kinds, [ShadeKind::WarmUp, ShadeKind::Phase, ShadeKind::Phase, ShadeKind::Fault]);
    assert_eq!(shades[3].to, 240.0);
}
