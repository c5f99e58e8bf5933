//! The live router, held against the simulation, against the real SDK and against real sockets.

mod connector;
mod direct;
mod lean;
mod log;
mod retries;
mod server;
mod service;
mod sockets;
mod ways;
mod wire;

mod conformance {
    use super::{
        log::Log,
        ways::{by_heap, by_lean, by_sdk, by_trait, plan},
    };

    fn four_ways(strategy: &str) -> Log {
        let log = told("conformance", strategy);
        assert!(log.requests() >= 10_000, "{} requests", log.requests());
        log
    }

    fn told(scenario: &str, strategy: &str) -> Log {
        let plan = plan(scenario);
        let place = plan.strategies.iter().position(|known| known.name == strategy).expect("it is listed");
        let heap = by_heap(&plan, place);
        for (way, log) in [
            ("trait", by_trait(&plan, place)),
            ("sdk", by_sdk(&plan, place)),
            ("lean", by_lean(&plan, place)),
        ] {
            let parts = heap.first_difference(&log);
            assert!(heap.hash() == log.hash(), "heap and {way} part at {}", parts.unwrap_or_default());
        }
        heap
    }

    #[test]
    fn the_sdks_retries_are_one_story_four_ways() {
        let log = four_ways("sdk");
        assert!(log.count("retry_same") > 100, "no retries in play");
        assert!(log.count("failed Throttle") > 100, "no throttles in play");
    }

    #[test]
    fn adaptive_retries_are_one_story_four_ways() {
        let log = four_ways("adaptive");
        assert!(log.count("rate_limited") > 100, "the limiter was never on");
    }

    #[test]
    fn a_list_of_targets_is_one_story_four_ways() {
        let log = four_ways("ordered");
        for seen in
            ["next_target", "failed StreamBroken", "failed Transport(Connect)", "outcome: Broken", "Gone"]
        {
            assert!(log.count(seen) > 10, "{seen} is not in play");
        }
        assert!(log.count("failed Timeout(Connect)") > 10 && log.count("failed Timeout(Idle)") > 3);
    }

    #[test]
    fn balanced_with_its_hedges_is_one_story_four_ways() {
        let log = four_ways("balanced");
        assert!(log.count("hedged") > 50 && log.count("cancelled") > 50, "no hedges in play");
    }

    #[test]
    fn what_is_kept_back_of_a_stream_is_one_story_four_ways() {
        let log = told("streams", "kept");
        // What broke unseen was begun anew; what was let go before it broke is broken.
        assert!(log.count("next_target") > 50 && log.count("outcome: Broken(StreamBroken)") > 50);
    }

    #[test]
    fn streams_that_are_gone_on_with_are_one_story_four_ways() {
        let log = told("streams", "mended");
        assert!(log.count("continued") > 150, "{} were gone on with", log.count("continued"));
        assert!(log.count("outcome: Broken") > 50, "tools are never gone on with");
    }

    #[test]
    fn streams_that_only_trickle_are_ended_at_one_moment_four_ways() {
        let log = told("streams", "guarded");
        assert!(
            log.count("failed Timeout(Pace)") > 100,
            "{} were too slow",
            log.count("failed Timeout(Pace)")
        );
    }

    #[test]
    fn all_rules_for_streams_together_are_one_story_four_ways() {
        let log = told("streams", "all");
        for seen in ["continued", "hedged", "failed Timeout(Pace)", "next_target"] {
            assert!(log.count(seen) > 10, "{seen} is not in play");
        }
    }
}
