//! Streams that break: what is kept back is retried unseen, and what the caller has is gone on with.

use super::*;

/// Ten streams of ten tokens, the first at 110 ms and one each 10 ms; those of the east break.
fn broken(parts: &str, fault: &str, class: &str) -> PhaseCell {
    let strategy = format!("composed: {{ tiers: [[east, west]], retry: {{}}, {parts} }}");
    let text = STORY
        .replace("direct: { target: east, timeouts: { LIMITS } }", &strategy)
        .replace("targets:\n", "targets:\n  west: { on_demand: { region: us-west-2, model: m } }\n")
        .replace("us-east-1: { rtt: 10ms } }", "us-east-1: { rtt: 10ms }, us-west-2: { rtt: 10ms } }")
        .replace("max_tokens: 50CALLER", &format!("max_tokens: 50{class}"))
        .replace("API", STREAM)
        .replace("WORK", "stops")
        .replace("FAULTS", &format!("faults:\n  - cut: {{ {fault}, on: {{ region: us-east-1 }} }}\n"));
    let plan = load_text("story.yaml", &text, Path::new("")).map_err(|problems| problems.to_string());
    told(&plan.expect(&text).plan)
}

const CUT: &str = "eof_mid_stream: { after: 4 }";

#[test]
fn a_text_that_broke_off_is_whole_again_and_its_second_prompt_is_paid() {
    let plain = broken("continue_prefill: off", CUT, "");
    assert_eq!((plain.broken, plain.wasted_tokens, plain.attempts), (10, 40, 10));
    let mended = broken("continue_prefill: {}", CUT, "");
    assert_eq!(
        (mended.answered, mended.attempts, mended.attempts_failed_by_class["stream_broken"]),
        (10, 20, 10)
    );
    // Four tokens of each answer come from the east and six from the west; none is made twice.
    assert_eq!((mended.output_tokens, mended.wasted_tokens), (100, 0));
    // The west reads the prompt of seven and the four that there are.
    assert_eq!(mended.input_tokens, 10 * 7 + 10 * (7 + 4));
    assert_eq!(mended.answered_by_target, [10, 0]);
}

#[test]
fn an_exception_a_reset_and_a_silence_are_gone_on_with_alike() {
    let faults = [
        "exception_mid_stream: { error: ModelStreamErrorException, after: 4 }",
        "exception_mid_stream: { error: ThrottlingException, after: 4 }",
        "reset_mid_stream: { after: 4 }",
        "stall_mid_stream: { after: 4 }",
    ];
    for fault in faults {
        let told = broken("continue_prefill: {}, timeouts: { idle: 1s }", fault, "");
        assert_eq!((told.answered, told.output_tokens, told.wasted_tokens), (10, 100, 0), "{fault}");
    }
}

#[test]
fn what_may_not_be_gone_on_with_stays_visibly_broken() {
    for class in [", needs: [tools]", ", needs: [thinking]", ", needs: [json]"] {
        let told = broken("continue_prefill: {}", CUT, class);
        assert_eq!((told.broken, told.attempts, told.wasted_tokens), (10, 10, 40), "{class}");
    }
    // Who fell silent is not asked to go on, and the other one cannot.
    let unable = "continue_prefill: {}, lacks: { west: [prefill] }, timeouts: { idle: 1s }";
    let unable = broken(unable, "stall_mid_stream: { after: 4 }", "");
    assert_eq!((unable.broken, unable.attempts), (10, 10));
}

#[test]
fn what_is_kept_back_breaks_unseen_at_the_price_of_a_later_first_token() {
    let first = |told: &PhaseCell| told.histograms.first_token.clone();
    let kept = broken("hold_back: { tokens: 6 }", CUT, "");
    // The four tokens that nobody saw were made for nobody, and the answer is begun anew.
    assert_eq!((kept.answered, kept.attempts, kept.broken), (10, 20, 0));
    assert_eq!((kept.output_tokens, kept.wasted_tokens, kept.input_tokens), (140, 40, 140));
    // Too little is kept back, or not for long enough: the third token comes after 20 ms.
    for parts in
        ["hold_back: { tokens: 4 }", "hold_back: { for: 29ms }", "hold_back: { tokens: 6, for: 29ms }"]
    {
        let seen = broken(parts, CUT, "");
        assert_eq!((seen.broken, seen.attempts), (10, 10), "{parts}");
    }
    let enough = broken("hold_back: { for: 45ms }", CUT, "");
    assert_eq!((enough.answered, enough.broken), (10, 0));
    let well = "latency_scale: { network: 1.01 }";
    let late = broken("hold_back: { tokens: 6 }", well, "");
    assert_eq!((late.answered, late.attempts), (10, 10));
    assert_ne!(first(&late), first(&broken("hold_back: off", well, "")), "the first token is later");
}

#[test]
fn content_that_is_kept_back_and_gone_on_with_are_one_story() {
    let both = "hold_back: { tokens: 3 }, continue_prefill: {}";
    // Broken before it was let go, it is begun anew; broken after, it is gone on with.
    let (unseen, seen) = (broken(both, "reset_mid_stream: { after: 2 }", ""), broken(both, CUT, ""));
    assert_eq!((unseen.answered, unseen.wasted_tokens), (10, 20));
    assert_eq!((seen.answered, seen.wasted_tokens), (10, 0));
}
