//! Lays out bars: a name, a bar and its number in each row.

use super::{Anchor, PAD, Picture, SMALL, Shape, TEXT, Tone, WIDTH, fitted, width_of};
use crate::{
    chart::{Bar, Bars, Group},
    quantity::Value,
};

const ROW: f64 = 22.0;
const GAP: f64 = 24.0;
/// Part of a group's width that names may take.
const NAMES: f64 = 0.42;

pub fn draw(picture: &mut Picture, bars: &Bars) {
    let columns = if bars.groups.len() > 1 { 2 } else { 1 };
    let width = (WIDTH - 2.0 * PAD - GAP * (columns - 1) as f64) / columns as f64;
    for groups in bars.groups.chunks(columns) {
        let rows = groups.iter().map(|group| group.bars.len()).max().unwrap_or(0);
        for (column, group) in groups.iter().enumerate() {
            draw_group(picture, group, (PAD + column as f64 * (width + GAP), width));
        }
        picture.height += ROW * (rows as f64 + 1.5);
    }
}

fn draw_group(picture: &mut Picture, group: &Group, (left, width): (f64, f64)) {
    let mut y = picture.height + TEXT + 2.0;
    picture.text((left, y), fitted(&group.title, width, TEXT), (Anchor::Start, TEXT, Tone::Text));
    let label = |bar: &Bar| group.unit.show(bar.value);
    let longest = |texts: &mut dyn Iterator<Item = f64>| texts.fold(0.0, f64::max);
    let names = longest(&mut group.bars.iter().map(|bar| width_of(&bar.name, SMALL))).min(width * NAMES);
    let numbers = longest(&mut group.bars.iter().map(|bar| width_of(&label(bar), SMALL)));
    let room = (width - names - numbers - 20.0).max(10.0);
    let high = group.bars.iter().filter_map(|bar| finite(bar.value)).fold(0.0, f64::max);
    for bar in &group.bars {
        y += ROW;
        let name = fitted(&bar.name, names, SMALL);
        picture.text((left + names, y), name, (Anchor::End, SMALL, Tone::Text));
        let length = match bar.value {
            Value::Finite(number) if high > 0.0 => room * (number / high).clamp(0.0, 1.0),
            Value::Infinite => room,
            Value::Finite(_) | Value::NoData => 0.0,
        };
        let x = left + names + 8.0;
        picture.shapes.push(Shape::Bar { at: (x, y - 10.0), size: (length.max(1.0), 12.0), ink: bar.ink });
        picture.text((x + length.max(1.0) + 6.0, y), label(bar), (Anchor::Start, SMALL, Tone::Muted));
    }
}

fn finite(value: Value) -> Option<f64> {
    if let Value::Finite(number) = value { Some(number).filter(|n| n.is_finite()) } else { None }
}
