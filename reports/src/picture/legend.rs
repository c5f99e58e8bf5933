//! The legend: a sample of each line with its name, in as many rows as it takes.

use super::{Anchor, At, PAD, Picture, Shape, TEXT, Tone, WIDTH, fitted, width_of};
use crate::chart::{Ink, Lines};

const SAMPLE: f64 = 30.0;
const ROW: f64 = 20.0;
const NAME_MAX: f64 = 470.0;

/// Everything that has a line, once. A strategy that has a panel of its own is named there.
pub fn entries(lines: &Lines) -> Vec<(String, Ink)> {
    let mut entries: Vec<(String, Ink)> = Vec::new();
    for panel in &lines.panels {
        for line in &panel.lines {
            let own = panel.strategy.is_some() && matches!(line.ink, Ink::Strategy(_));
            let known = entries.iter().any(|(name, ink)| *name == line.name && *ink == line.ink);
            if !own && !known {
                entries.push((line.name.clone(), line.ink));
            }
        }
    }
    entries
}

pub fn draw(picture: &mut Picture, entries: &[(String, Ink)]) {
    if entries.is_empty() {
        return;
    }
    let mut x = PAD;
    picture.height += ROW * 0.7;
    for (name, ink) in entries {
        let name = fitted(name, NAME_MAX, TEXT);
        let width = SAMPLE + 6.0 + width_of(&name, TEXT) + 18.0;
        if x > PAD && x + width > WIDTH - PAD {
            x = PAD;
            picture.height += ROW;
        }
        sample(picture, (x, picture.height - TEXT * 0.35), *ink);
        let at = (x + SAMPLE + 6.0, picture.height);
        picture.text(at, name, (Anchor::Start, TEXT, Tone::Text));
        x += width;
    }
    picture.height += ROW * 0.5;
}

/// A short piece of the line.
pub fn sample(picture: &mut Picture, (x, y): At, ink: Ink) {
    if let Ink::Part(_) = ink {
        let points = vec![(x, y - 5.0), (x + SAMPLE, y - 5.0), (x + SAMPLE, y + 5.0), (x, y + 5.0)];
        picture.shapes.push(Shape::Area { points, ink });
    }
    picture.shapes.push(Shape::Path { points: vec![(x, y), (x + SAMPLE, y)], ink, thin: false });
    picture.shapes.push(Shape::Marker { at: (x + SAMPLE / 2.0, y), ink, thin: false });
}
