//! What keys do. Leaving the view never loses what was measured, but for a second Ctrl-C, which nobody presses by
//! mistake.

use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// The keys, for the last line of the screen.
pub const HELP: &str =
    "p pause the view  d drain: send nothing new  q stop now and report  Ctrl-C twice: leave at once";

/// What the user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Hold the picture, or go on; the run goes on either way.
    Pause,
    /// Begin no more requests, let open ones end, then report.
    Drain,
    /// Give open requests up too, then report.
    Stop,
    /// End the program as it stands.
    Leave,
}

#[derive(Debug, Default)]
pub struct Keys {
    interrupts: u32,
}

impl Keys {
    /// `draining` says whether an interrupt has come from elsewhere already.
    pub fn pressed(&mut self, event: &Event, draining: bool) -> Option<Act> {
        let Event::Key(KeyEvent { code: KeyCode::Char(key), modifiers, kind: KeyEventKind::Press, .. }) =
            *event
        else {
            return None;
        };
        match (key, modifiers.contains(KeyModifiers::CONTROL)) {
            ('c', true) => {
                self.interrupts += 1;
                Some(if self.interrupts > 1 || draining { Act::Leave } else { Act::Drain })
            }
            ('p' | ' ', false) => Some(Act::Pause),
            ('d', false) => Some(Act::Drain),
            ('q', false) => Some(Act::Stop),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(key: char, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(KeyCode::Char(key), modifiers))
    }

    #[test]
    fn each_key_does_what_the_last_line_says() {
        let mut keys = Keys::default();
        let mut plain = |c: char| keys.pressed(&key(c, KeyModifiers::NONE), false);
        assert_eq!(plain('p'), Some(Act::Pause));
        assert_eq!(plain('d'), Some(Act::Drain));
        assert_eq!(plain('q'), Some(Act::Stop));
        assert_eq!(plain('x'), None);
    }

    #[test]
    fn ctrl_c_drains_first_and_leaves_at_the_second_time_wherever_the_first_came_from() {
        let press = |keys: &mut Keys, draining| keys.pressed(&key('c', KeyModifiers::CONTROL), draining);
        let mut keys = Keys::default();
        assert_eq!(press(&mut keys, false), Some(Act::Drain));
        assert_eq!(press(&mut keys, false), Some(Act::Leave));
        assert_eq!(press(&mut Keys::default(), true), Some(Act::Leave));
    }

    #[test]
    fn letting_go_of_a_key_is_no_second_press() {
        let released = KeyEvent::new_with_kind(KeyCode::Char('q'), KeyModifiers::NONE, KeyEventKind::Release);
        assert_eq!(Keys::default().pressed(&Event::Key(released), false), None);
    }
}
