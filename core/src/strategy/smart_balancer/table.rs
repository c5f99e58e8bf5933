//! The quota table that all routers share: what each target has used in the current clock minute, as far as the
//! table knows.
//!
//! A write lands some time after it was decided, and a reader decides by what the table held when its reading began. So a
//! reader is asked for what it can see, never for what is true. Additions are atomic; the reset at a new minute is
//! not conditional, and one that lands late wipes what was added since the first.

use std::collections::VecDeque;

use crate::{Nanos, target::TargetId};

const MINUTE: Nanos = 60_000_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) target: TargetId,
    /// Requests in a minute.
    pub(super) total: i64,
    pub(super) used: i64,
    /// All requests ever counted; no reset touches it.
    pub(super) lifetime: u64,
    pub(super) last_reset: Nanos,
}

impl Row {
    pub(super) fn new(target: TargetId, total: u32) -> Row {
        Row { target, total: i64::from(total), used: 0, lifetime: 0, last_reset: 0 }
    }

    fn is_of_an_older_minute(&self, now: Nanos) -> bool {
        now / MINUTE > self.last_reset / MINUTE
    }

    fn headroom(&self, now: Nanos) -> i64 {
        let used = if self.is_of_an_older_minute(now) { 0 } else { self.used };
        self.total - used
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// One more request.
    Count,
    /// A new minute, as the router's clock had it.
    Reset(Nanos),
}

#[derive(Debug, Clone, Copy)]
struct Write {
    lands: Nanos,
    row: usize,
    change: Change,
}

#[derive(Debug)]
pub(super) struct Table {
    rows: Vec<Row>,
    /// In the order of landing: what readers may not see yet. Writes stay as long as reading and writing take.
    pending: VecDeque<Write>,
}

impl Table {
    pub(super) fn new(rows: Vec<Row>) -> Table {
        Table { rows, pending: VecDeque::new() }
    }

    /// Reads the table as it was at that time, for all the questions below. Readers come in the order of time.
    pub(super) fn read_as_of(&mut self, time: Nanos) -> &[Row] {
        while let Some(write) = self.pending.pop_front_if(|write| write.lands <= time) {
            let row = &mut self.rows[write.row];
            match write.change {
                Change::Count => {
                    row.used += 1;
                    row.lifetime += 1;
                }
                Change::Reset(clock) => {
                    row.used = 0;
                    row.last_reset = clock;
                }
            }
        }
        &self.rows
    }

    pub(super) fn write(&mut self, row: usize, change: Change, lands: Nanos) {
        let after = self.pending.partition_point(|write| write.lands <= lands);
        self.pending.insert(after, Write { lands, row, change });
    }

    /// The row with the most headroom, the first among equals, even if none has any. `None` for an empty table.
    pub(super) fn choice(&self, now: Nanos) -> Option<usize> {
        let places = self.rows.iter().enumerate().rev();
        // Of equals `max_by_key` takes the last, which is the first of the rows in reverse.
        places.max_by_key(|(_, row)| row.headroom(now)).map(|(place, _)| place)
    }

    /// Sets every row of an older minute back, one write after another; says when the last of them stands.
    pub(super) fn renew(&mut self, now: Nanos, write: Nanos) -> Nanos {
        let mut stands = now;
        for place in 0..self.rows.len() {
            if self.rows[place].is_of_an_older_minute(now) {
                stands = stands.saturating_add(write);
                self.write(place, Change::Reset(now), stands);
            }
        }
        stands
    }

    pub(super) fn target_of(&self, row: usize) -> TargetId {
        self.rows[row].target
    }

    pub(super) fn row_of(&self, target: TargetId) -> Option<usize> {
        self.rows.iter().position(|row| row.target == target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::{MS, SECOND};

    fn table(rows: &[(u32, i64)]) -> Table {
        let row = |(place, (total, used)): (usize, &(u32, i64))| Row {
            used: *used,
            ..Row::new(TargetId(place as u16), *total)
        };
        Table::new(rows.iter().enumerate().map(row).collect())
    }

    fn chosen(rows: &[(u32, i64)]) -> Option<usize> {
        table(rows).choice(0)
    }

    fn used(table: &mut Table, time: Nanos) -> Vec<i64> {
        table.read_as_of(time).iter().map(|row| row.used).collect()
    }

    #[test]
    fn f4_1_given_rows_with_500_and_500_total_and_10_and_3_used_the_second_is_chosen() {
        assert_eq!(chosen(&[(500, 10), (500, 3)]), Some(1));
    }

    #[test]
    fn f4_2_given_equal_remainders_the_first_in_scan_order_is_chosen() {
        assert_eq!(chosen(&[(500, 3), (500, 3), (500, 3)]), Some(0));
        assert_eq!(chosen(&[(400, 3), (500, 103), (497, 100)]), Some(0));
        assert_eq!(chosen(&[(300, 0), (500, 100), (500, 100)]), Some(1));
    }

    #[test]
    fn f4_3_given_used_at_or_above_total_in_all_rows_the_least_negative_is_still_chosen() {
        assert_eq!(chosen(&[(500, 510), (500, 503), (500, 504)]), Some(1));
        assert_eq!(chosen(&[(500, 500), (500, 500)]), Some(0));
    }

    #[test]
    fn f4_4_given_a_new_clock_minute_all_older_rows_count_as_empty_before_the_choice() {
        let mut table = table(&[(500, 10), (499, 3)]);
        table.write(1, Change::Reset(MINUTE), MINUTE);
        table.write(1, Change::Count, MINUTE);
        let seen = table.read_as_of(MINUTE).to_vec();
        assert_eq!((table.choice(MINUTE - 1), table.renew(MINUTE - 1, MS)), (Some(1), MINUTE - 1));
        assert_eq!((table.choice(MINUTE), table.renew(MINUTE, MS)), (Some(0), MINUTE + MS));
        let after = table.read_as_of(MINUTE + MS);
        assert_eq!((after[0].used, after[0].last_reset, after[1]), (0, MINUTE, seen[1]));
    }

    #[test]
    fn rows_are_set_back_one_write_after_another() {
        let mut table = table(&[(500, 10), (500, 10)]);
        assert_eq!(table.renew(MINUTE, 5 * MS), MINUTE + 10 * MS);
        assert_eq!(used(&mut table, MINUTE + 5 * MS), [0, 10]);
        assert_eq!(used(&mut table, MINUTE + 10 * MS), [0, 0]);
    }

    #[test]
    fn an_empty_table_has_no_choice() {
        assert_eq!(chosen(&[]), None);
    }

    #[test]
    fn a_write_is_not_seen_before_it_lands_and_writes_land_in_the_order_of_time() {
        let mut table = table(&[(500, 0)]);
        table.write(0, Change::Reset(MINUTE), 30 * MS);
        table.write(0, Change::Count, 10 * MS);
        table.write(0, Change::Count, 10 * MS);
        assert_eq!(used(&mut table, 10 * MS - 1), [0]);
        assert_eq!(used(&mut table, 10 * MS), [2]);
        assert_eq!(used(&mut table, 30 * MS), [0]);
        assert_eq!(table.read_as_of(SECOND)[0].lifetime, 2);
    }

    #[test]
    fn a_second_reset_of_the_same_minute_wipes_what_was_counted_since_the_first() {
        let mut table = table(&[(500, 480)]);
        table.write(0, Change::Reset(MINUTE), MINUTE + 10 * MS);
        table.write(0, Change::Count, MINUTE + 12 * MS);
        table.write(0, Change::Reset(MINUTE + 4 * MS), MINUTE + 14 * MS);
        assert_eq!(used(&mut table, MINUTE + 13 * MS), [1]);
        assert_eq!(used(&mut table, MINUTE + 14 * MS), [0]);
    }
}
