//! Request numbers: who asks, packed so that a number never depends on the order in which things happened.
//!
//! The layout stands beside the names that people read, in [`richter_reports::run_file::request`]: whether it is a
//! user of a closed population, how many times this caller came again, the phase of the first asking, and below them
//! the place in the phase (schedule), the row and its copy (trace), or the user and the turn (population).
//!
//! Every draw for a request is keyed by its number. Numbers of different kinds never meet, so a follow-up shifts
//! nobody else's chance.

use richter_reports::run_file::request::{AGAIN_MAX, AGAIN_SHIFT, PHASE_MAX, PHASE_SHIFT, TURN_BITS, USER};

pub const MAX_PHASES: usize = PHASE_MAX as usize + 1;
pub const MAX_USERS: u32 = 1 << (PHASE_SHIFT - TURN_BITS);
pub const MAX_AGAIN: u32 = AGAIN_MAX as u32;
/// Copies that one row of a trace may become.
pub const MAX_COPIES: u64 = 1 << 7;
const TURNS: u64 = 1 << TURN_BITS;
const ONE_AGAIN: u64 = 1 << AGAIN_SHIFT;

pub fn scheduled(phase: u16, place: u64) -> u64 {
    (u64::from(phase) << PHASE_SHIFT) | place
}

/// Place of a trace's row, and of a copy of it.
pub fn copied(row: u64, copy: u64) -> u64 {
    row * MAX_COPIES + copy
}

pub fn first_turn(phase: u16, user: u32) -> u64 {
    USER | scheduled(phase, u64::from(user) * TURNS)
}

/// The same user's next request; none after 268 million.
pub fn next_turn(number: u64) -> Option<u64> {
    (!(number + 1).is_multiple_of(TURNS)).then_some(number + 1)
}

/// The same caller, once more.
pub fn again(number: u64) -> Option<u64> {
    (times_again(number) < MAX_AGAIN).then_some(number + ONE_AGAIN)
}

pub fn times_again(number: u64) -> u32 {
    ((number & !USER) / ONE_AGAIN) as u32
}

pub fn is_user(number: u64) -> bool {
    number & USER != 0
}

/// What all requests of one user have in common; any other request has only itself.
pub fn caller(number: u64) -> u64 {
    if is_user(number) { number & !(TURNS - 1) } else { number }
}

/// The phase in which the caller first asked.
pub fn first_phase(number: u64) -> u16 {
    ((number >> PHASE_SHIFT) & PHASE_MAX) as u16
}

#[cfg(test)]
mod tests {
    use richter_reports::run_file::RequestName;

    use super::*;

    #[test]
    fn the_name_of_a_number_says_what_was_packed() {
        let name = |number: Option<u64>| RequestName(number.unwrap()).to_string();
        assert_eq!(name(Some(scheduled(1, 2_756))), "1.2756");
        assert_eq!(name(again(again(scheduled(1, 2_756)).unwrap())), "1.2756+2");
        assert_eq!(name(next_turn(first_turn(2, 12))), "2.u12.1");
    }

    #[test]
    fn a_number_gives_back_what_was_packed() {
        let number = first_turn(255, MAX_USERS - 1);
        assert!(is_user(number));
        assert_eq!(first_phase(number), 255);
        assert_eq!(times_again(number), 0);
        let turn = next_turn(next_turn(first_turn(2, 12)).unwrap()).unwrap();
        assert_eq!((caller(turn), caller(first_turn(2, 12))), (first_turn(2, 12), first_turn(2, 12)));
        let number = scheduled(3, copied(8_818, 2));
        assert!(!is_user(number));
        assert_eq!(caller(number), number);
        assert_eq!(first_phase(again(number).unwrap()), 3);
        assert_eq!(times_again(again(again(number).unwrap()).unwrap()), 2);
    }

    #[test]
    fn turns_and_returns_end_before_they_reach_the_next_field() {
        let last_turn = first_turn(0, 7) + TURNS - 1;
        assert_eq!(next_turn(last_turn), None);
        assert_eq!(next_turn(last_turn - 1), Some(last_turn));
        let mut number = scheduled(1, 5);
        for _ in 0..MAX_AGAIN {
            number = again(number).unwrap();
        }
        assert_eq!(again(number), None);
        assert!(!is_user(number));
    }
}
