//! Charts as pictures: laid out once as a list of shapes, then drawn by one of two back-ends, [`svg`] for pages and
//! [`png`] for slides. A back-end knows shapes and looks, and nothing of charts.

mod axis;
mod bars;
mod legend;
mod lines;
mod palette;
pub mod png;
pub mod svg;

pub use palette::{Dash, Look, Marker, THEMES, Theme, corners};

use crate::chart::{Body, Chart, Ink};

/// Pixels of a picture's own measure; back-ends scale them.
const WIDTH: f64 = 860.0;
const PAD: f64 = 12.0;
const TEXT: f64 = 13.0;
const SMALL: f64 = 11.5;
const TITLE: f64 = 19.0;

/// Where a picture will stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// In a page that has title and notes beside it.
    Page,
    /// Alone: title, notes and source are part of it.
    Alone,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    pub width: f64,
    pub height: f64,
    pub shapes: Vec<Shape>,
}

pub type At = (f64, f64);

#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    Rect {
        at: At,
        size: At,
        tone: Tone,
    },
    /// A bar: a rectangle that belongs to somebody.
    Bar {
        at: At,
        size: At,
        ink: Ink,
    },
    Rule {
        from: At,
        to: At,
        tone: Tone,
    },
    Path {
        points: Vec<At>,
        ink: Ink,
        thin: bool,
    },
    Area {
        points: Vec<At>,
        ink: Ink,
    },
    /// Where good answers were lost.
    Loss {
        points: Vec<At>,
    },
    Marker {
        at: At,
        ink: Ink,
        thin: bool,
    },
    Text {
        at: At,
        text: String,
        anchor: Anchor,
        size: f64,
        tone: Tone,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// Everything that belongs to no line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Text,
    Muted,
    Axis,
    Grid,
    Phase,
    WarmUp,
    Fault,
}

impl Picture {
    fn text(&mut self, at: At, text: impl Into<String>, (anchor, size, tone): (Anchor, f64, Tone)) {
        self.shapes.push(Shape::Text { at, text: text.into(), anchor, size, tone });
    }
}

/// Lays a chart out.
pub fn draw(chart: &Chart, setting: Setting) -> Picture {
    let mut picture = Picture { width: WIDTH, height: PAD, shapes: Vec::new() };
    if setting == Setting::Alone {
        picture.height += TITLE;
        let look = (Anchor::Start, TITLE, Tone::Text);
        let title = fitted(&chart.title, WIDTH - 2.0 * PAD, TITLE);
        picture.text((PAD, picture.height), title, look);
        picture.height += PAD;
    }
    match &chart.body {
        Body::Lines(body) => lines::draw(&mut picture, body),
        Body::Bars(body) => bars::draw(&mut picture, body),
    }
    if setting == Setting::Alone {
        notes(&mut picture, &chart.notes);
    }
    picture.height += PAD / 2.0;
    picture
}

fn notes(picture: &mut Picture, notes: &[String]) {
    for line in notes.iter().flat_map(|note| wrapped(note, WIDTH - 2.0 * PAD, SMALL)) {
        picture.height += SMALL * 1.4;
        picture.text((PAD, picture.height), line, (Anchor::Start, SMALL, Tone::Muted));
    }
    picture.height += PAD / 2.0;
}

/// How wide a text will be, on the safe side of what fonts without serifs need.
fn width_of(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * 0.58
}

/// Cut to a width.
fn fitted(text: &str, width: f64, size: f64) -> String {
    let text = crate::plain::clean(text);
    if width_of(&text, size) <= width {
        return text;
    }
    let room = (width / (size * 0.58)).max(2.0) as usize - 1;
    let mut short: String = text.chars().take(room).collect();
    short.push('…');
    short
}

fn wrapped(text: &str, width: f64, size: f64) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        if !line.is_empty() && width_of(line, size) + width_of(word, size) + size > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests;
