//! How one strategy stands against each of the others, by good answers, pair by pair.

use crate::{
    metric::{Kind, Metric, Over},
    paired::{self, Interval},
    quantity::Value,
    tally::View,
};

/// The first strategy against one of the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    pub rival: String,
    /// The rival's goodput, all replications together.
    pub goodput: Value,
    /// By how much the first one's goodput is higher; `None` with too few replications to tell.
    pub lead: Option<Interval>,
}

/// What a paired comparison comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Score {
    Loses,
    Ties,
    Wins,
}

impl Standing {
    /// A difference counts when the whole interval says so.
    pub fn score(&self) -> Score {
        match self.lead {
            Some(lead) if lead.low > 0.0 => Score::Wins,
            Some(lead) if lead.high < 0.0 => Score::Loses,
            _ => Score::Ties,
        }
    }
}

/// The strategy at this place against every other one, over the measured phases; the best rival first.
pub fn standings(view: &View<'_>, ours: usize) -> Vec<Standing> {
    standings_among(view, ours, view.run.strategies.len())
}

/// The same, against the first `most` strategies only.
pub fn standings_among(view: &View<'_>, ours: usize, most: usize) -> Vec<Standing> {
    let over = Over { phases: view.measured_phases(), trigger: None };
    let goodput = Metric::plain(Kind::Goodput);
    let each = |strategy: usize| goodput.by_replication(view, strategy, &over);
    let own = each(ours);
    let name = |strategy: usize| view.run.strategies[strategy].name.clone();
    let stand = |rival: usize| {
        let leads: Option<Vec<f64>> =
            own.iter().zip(each(rival)).map(|(own, theirs)| Some(own.number()? - theirs.number()?)).collect();
        let key = paired::key(view.run.scenario.seed, &["standing", &name(ours), &name(rival)]);
        Standing {
            rival: name(rival),
            goodput: goodput.measure(view, rival, &over).value,
            lead: leads.and_then(|leads| paired::interval(&leads, key)),
        }
    };
    let mut standings: Vec<Standing> =
        (0..view.run.strategies.len().min(most)).filter(|rival| *rival != ours).map(stand).collect();
    let rank = |standing: &Standing| standing.goodput.number().unwrap_or(f64::NEG_INFINITY);
    standings.sort_by(|one, other| rank(other).total_cmp(&rank(one)));
    standings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::{Sketch, run, sketches};

    #[test]
    fn the_best_rival_comes_first_and_each_pair_is_scored_by_its_interval() {
        let mut sketches = sketches();
        let ours = &sketches[2];
        let twin = Sketch { name: "twin", ..*ours };
        sketches.push(twin);
        let run = run(&sketches, 5);
        let standings = standings(&View::new(&run), 2);
        let seen: Vec<(&str, Score)> =
            standings.iter().map(|standing| (&*standing.rival, standing.score())).collect();
        assert_eq!(seen, [("twin", Score::Ties), ("one-region", Score::Wins), ("sdk-retries", Score::Wins)]);
        assert!(super::standings(&View::new(&run), 1).iter().all(|one| one.score() == Score::Loses));
    }

    #[test]
    fn two_replications_cannot_tell_a_winner() {
        let run = run(&sketches(), 2);
        let standings = standings(&View::new(&run), 2);
        assert!(standings.iter().all(|one| one.lead.is_none() && one.score() == Score::Ties));
    }
}
