//! One permit to find out whether something works again.
//!
//! Whoever holds the permit is the probe; while it is out, nobody else is let through. A permit runs out, so that a
//! probe whose end is never heard of does not keep a target blocked for ever.

use super::Ticket;
use crate::Nanos;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permit {
    out: Option<(Ticket, Nanos)>,
}

impl Permit {
    /// Until when the permit is out; `None` if it can be had.
    pub fn taken(&self, now: Nanos) -> Option<Nanos> {
        self.out.map(|(_, until)| until).filter(|until| *until > now)
    }

    /// Hands it out, unless somebody has it.
    pub fn take(&mut self, ticket: Ticket, now: Nanos, until: Nanos) -> bool {
        let free = self.taken(now).is_none();
        if free {
            self.out = Some((ticket, until));
        }
        free
    }

    /// Takes it back from this attempt; whether it had it.
    pub fn give_back(&mut self, ticket: Ticket) -> bool {
        self.out.take_if(|(holder, _)| *holder == ticket).is_some()
    }

    pub fn clear(&mut self) {
        self.out = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_permit_is_out_at_a_time_and_it_runs_out() {
        let (one, two) = (Ticket { request: 1, attempt: 0 }, Ticket { request: 2, attempt: 0 });
        let mut permit = Permit::default();
        assert!(permit.take(one, 10, 20));
        assert_eq!(permit.taken(15), Some(20));
        assert!(!permit.take(two, 15, 25));
        assert!(!permit.give_back(two), "it never had it");
        assert!(permit.take(two, 20, 30), "the first one's permit ran out");
        assert!(!permit.give_back(one));
        assert!(permit.give_back(two));
        assert_eq!(permit.taken(21), None);
    }
}
