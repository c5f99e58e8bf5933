//! The live router, held against the simulation, against the real SDK and against real sockets.

mod connector;
mod direct;
mod log;
mod retries;
mod service;
mod sockets;
mod ways;
mod wire;

mod conformance {
    use super::{
        log::Log,
        ways::{by_heap, by_sdk, by_trait, plan},
    };

    fn three_ways(strategy: &str) -> Log {
        let plan = plan();
        let place = plan.strategies.iter().position(|known| known.name == strategy).expect("it is listed");
        let heap = by_heap(&plan, place);
        assert!(heap.requests() >= 10_000, "{} requests", heap.requests());
        for (way, log) in [("trait", by_trait(&plan, place)), ("sdk", by_sdk(&plan, place))] {
            let parts = heap.first_difference(&log);
            assert!(heap.hash() == log.hash(), "heap and {way} part at {}", parts.unwrap_or_default());
        }
        heap
    }

    #[test]
    fn the_sdks_retries_are_one_story_three_ways() {
        let log = three_ways("sdk");
        assert!(log.count("retry_same") > 100, "no retries in play");
        assert!(log.count("failed Throttle") > 100, "no throttles in play");
    }

    #[test]
    fn adaptive_retries_are_one_story_three_ways() {
        let log = three_ways("adaptive");
        assert!(log.count("rate_limited") > 100, "the limiter was never on");
    }

    #[test]
    fn a_list_of_targets_is_one_story_three_ways() {
        let log = three_ways("ordered");
        for seen in
            ["next_target", "failed StreamBroken", "failed Transport(Connect)", "outcome: Broken", "Gone"]
        {
            assert!(log.count(seen) > 10, "{seen} is not in play");
        }
        assert!(log.count("failed Timeout(Connect)") > 10 && log.count("failed Timeout(Idle)") > 3);
    }

    #[test]
    fn balanced_with_its_hedges_is_one_story_three_ways() {
        let log = three_ways("balanced");
        assert!(log.count("hedged") > 50 && log.count("cancelled") > 50, "no hedges in play");
    }
}
