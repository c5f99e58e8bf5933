use super::*;
use crate::{run_file::PhaseFacts, synthetic};

/// 20 requests a second over warm (0 to 60 s), spike (60 to 120 s) and after (120 to 240 s), with this many good
/// ones in each second.
fn run(good: impl Fn(usize) -> u32) -> RunFile {
    let mut run = synthetic::run(&synthetic::sketches()[..1], 1);
    let series = &mut run.cells[0].series;
    series.offered = vec![20; 240];
    series.good_by_arrival = (0..240).map(good).collect();
    run
}

fn spike() -> Trigger {
    Trigger { name: "spike".to_owned(), from_s: 60.0, to_s: 120.0 }
}

fn flow(good: impl Fn(usize) -> u32) -> Flow {
    let run = run(good);
    Flow::new(&run, &run.cells[0])
}

#[test]
fn a_trigger_is_a_phase_or_a_fault_by_its_name() {
    let run = synthetic::usual();
    assert_eq!(Trigger::find(&run, "spike"), Some(spike()));
    assert_eq!(Trigger::find(&run, "brown_out_west").map(|t| (t.from_s, t.to_s)), Some((80.0, 110.0)));
    assert_eq!(Trigger::find(&run, "nothing"), None);
}

#[test]
fn the_base_is_the_good_share_of_the_stretch_before_the_trigger() {
    // 18 of 20 in warm; the first 20 s of the spike all good.
    let flow = flow(|second| if second < 60 { 18 } else { 20 });
    assert_eq!(flow.base(&spike()), Some(0.9));
    let fault = Trigger { name: "fault".to_owned(), from_s: 80.0, to_s: 100.0 };
    assert_eq!(flow.base(&fault), Some(1.0), "a fault inside a phase is held against that phase");
    let first = Trigger { name: "warm".to_owned(), from_s: 0.0, to_s: 60.0 };
    assert_eq!(flow.base(&first), None, "nothing came before");
}

#[test]
fn there_is_no_recovery_to_a_base_that_was_ill_already() {
    let flow = flow(|second| if second < 60 { 9 } else { 20 });
    assert_eq!(flow.base(&spike()), None);
    assert_eq!(flow.recovery(&spike()), Value::NoData);
    assert_eq!(flow.lost(&spike()), Value::NoData);
}

#[test]
fn recovery_is_the_time_from_the_triggers_end_until_goodput_stays_back() {
    for (what, good, expected) in [
        ("never ill", (|_| 20) as fn(usize) -> u32, Value::Finite(0.0)),
        ("ill only during the trigger", |s| if (60..120).contains(&s) { 5 } else { 20 }, Value::Finite(0.0)),
        ("ill for 15 s more", |s| if (60..135).contains(&s) { 0 } else { 20 }, Value::Finite(15.0)),
        ("never back", |s| if s >= 60 { 8 } else { 20 }, Value::Infinite),
        ("back to 95 % is back", |s| if s >= 120 { 19 } else { 20 }, Value::Finite(0.0)),
        ("just below 95 % is not", |s| if s >= 120 { 18 } else { 20 }, Value::Infinite),
        // Good for the first 20 s of each minute, as with a quota that refills by the minute.
        (
            "a refilled quota is no recovery",
            |s| if s >= 120 && s % 60 >= 20 { 5 } else { 20 },
            Value::Infinite,
        ),
    ] {
        assert_eq!(flow(good).recovery(&spike()), expected, "{what}");
    }
}

#[test]
fn a_recovery_that_cannot_be_seen_is_no_data() {
    let mut run = run(|_| 20);
    run.cells[0].series.offered.truncate(120);
    assert_eq!(Flow::new(&run, &run.cells[0]).recovery(&spike()), Value::NoData, "nobody came after");
    run.cells[0].series.offered.clear();
    assert_eq!(Flow::new(&run, &run.cells[0]).recovery(&spike()), Value::NoData, "nobody came at all");
}

#[test]
fn a_later_phase_does_not_spoil_the_recovery_of_an_earlier_one() {
    let mut run = run(|second| if second >= 180 { 0 } else { 20 });
    run.phases[2].to_s = 180.0;
    run.phases.push(PhaseFacts { name: "again".to_owned(), from_s: 180.0, to_s: 240.0, measured: true });
    assert_eq!(Flow::new(&run, &run.cells[0]).recovery(&spike()), Value::Finite(0.0));
}

#[test]
fn detection_is_how_long_the_first_dip_inside_the_trigger_lasted() {
    for (what, good, expected) in [
        ("no dip", (|_| 20) as fn(usize) -> u32, Value::Finite(0.0)),
        ("a dip of 12 s", |s| if (70..82).contains(&s) { 4 } else { 20 }, Value::Finite(12.0)),
        (
            "only the first dip counts",
            |s| if (70..75).contains(&s) || s > 100 { 4 } else { 20 },
            Value::Finite(5.0),
        ),
        ("until the trigger ended", |s| if (70..120).contains(&s) { 4 } else { 20 }, Value::Infinite),
        ("a dip after the trigger is not its", |s| if s >= 120 { 4 } else { 20 }, Value::Finite(0.0)),
        // Four of five seconds are whole, so the 5 s lose less than a twentieth.
        ("one request in 100", |s| if s == 70 { 16 } else { 20 }, Value::Finite(0.0)),
    ] {
        assert_eq!(flow(good).detect(&spike()), expected, "{what}");
    }
}

#[test]
fn lost_answers_are_the_area_between_the_base_and_what_came() {
    // 15 of 20 missing in each of 60 + 15 seconds.
    let healed = flow(|second| if (60..135).contains(&second) { 5 } else { 20 });
    assert_eq!(healed.lost(&spike()), Value::Finite(1_125.0));
    // To the end: 180 s of 12 missing.
    let stuck = flow(|second| if second >= 60 { 8 } else { 20 });
    assert_eq!(stuck.lost(&spike()), Value::Finite(2_160.0));
    // Better than before is no loss.
    assert_eq!(flow(|second| if second < 60 { 18 } else { 20 }).lost(&spike()), Value::Finite(0.0));
}

#[test]
fn the_peak_of_amplification_is_over_ten_seconds_inside_the_phases_asked_for() {
    let mut run = run(|_| 20);
    // 20 attempts a second; 80 for five seconds of the spike; 200 in the last second of warm.
    run.cells[0].series.attempts = (0..240)
        .map(|s| {
            if s == 59 {
                200
            } else if (90..95).contains(&s) {
                80
            } else {
                20
            }
        })
        .collect();
    let peak = |phases: &[usize]| amplification_peak(&run, &run.cells[0], phases);
    assert_eq!(peak(&[1]), Value::Finite(2.5));
    assert_eq!(peak(&[2]), Value::Finite(1.0));
    assert_eq!(peak(&[0]), Value::Finite(1.9));
    assert_eq!(peak(&[]), Value::NoData);
}
