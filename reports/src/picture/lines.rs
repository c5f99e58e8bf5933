//! Lays out lines: panels, axes, shades, and the lines themselves.

use super::{
    Anchor, At, PAD, Picture, SMALL, Shape, TEXT, Tone, WIDTH,
    axis::{self, Scale, Tick, Vertical},
    fitted, legend, width_of,
};
use crate::{
    chart::{Fill, Ink, Line, Lines, Panel, Point, Shade, ShadeKind},
    quantity::Value,
};

/// Panels that stand below each other; more stand in two columns.
const COLUMN_MAX: usize = 3;
const LEFT: f64 = 62.0;
const BELOW: f64 = 24.0;
const ABOVE: f64 = 26.0;
const GAP: f64 = 10.0;
const NAME_ROW: f64 = 15.0;
/// Markers on one line: enough to follow it without colour.
const MARKERS: usize = 8;

/// Where a panel lies.
#[derive(Debug, Clone, Copy)]
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

pub fn draw(picture: &mut Picture, lines: &Lines) {
    legend::draw(picture, &legend::entries(lines));
    let columns = if lines.panels.len() > COLUMN_MAX { 2 } else { 1 };
    let height = match (columns, lines.panels.len()) {
        (2, _) => 128.0,
        (_, 1) => 290.0,
        _ => 165.0,
    };
    let width = (WIDTH - 2.0 * PAD - GAP * (columns - 1) as f64) / columns as f64;
    for (row, panels) in lines.panels.chunks(columns).enumerate() {
        // Names of shades stand above the first row only: below it the same ground means the same.
        let rows = if row == 0 { name_rows(&lines.shades) } else { Vec::new() };
        picture.height += ABOVE + rows.len() as f64 * NAME_ROW;
        for (column, panel) in panels.iter().enumerate() {
            let left = PAD + column as f64 * (width + GAP);
            let frame = Frame {
                left: left + LEFT,
                right: left + width - 14.0,
                top: picture.height,
                bottom: picture.height + height,
            };
            draw_panel(picture, lines, panel, (frame, &rows));
        }
        picture.height += height + BELOW;
    }
}

/// Phases, then faults; none for what there is none of.
fn name_rows(shades: &[Shade]) -> Vec<bool> {
    [false, true].into_iter().filter(|fault| shades.iter().any(|shade| is_fault(shade) == *fault)).collect()
}

fn is_fault(shade: &Shade) -> bool {
    shade.kind == ShadeKind::Fault
}

fn draw_panel(picture: &mut Picture, lines: &Lines, panel: &Panel, (frame, rows): (Frame, &[bool])) {
    let (x, x_ticks) = axis::horizontal(&lines.x, (frame.left, frame.right));
    let y = Vertical::of(&lines.y, &lines.panels, (frame.bottom, frame.top));
    shades(picture, &lines.shades, &x, frame);
    grid(picture, (&x, &x_ticks), &y, frame);
    for (row, fault) in rows.iter().enumerate() {
        let above = (rows.len() - 1 - row) as f64 * NAME_ROW;
        let named = lines.shades.iter().filter(|shade| is_fault(shade) == *fault);
        names(picture, named, &x, (frame, frame.top - 5.0 - above));
    }
    titles(picture, panel, &lines.y.label, Frame { top: frame.top - rows.len() as f64 * NAME_ROW, ..frame });
    let values = &lines.x.values;
    match panel.fill {
        Fill::Stacked => stacked(picture, panel, values, (&x, &y)),
        Fill::Below => {
            losses(picture, panel, values, (&x, &y));
            each(picture, panel, values, (&x, &y));
        }
        Fill::None => each(picture, panel, values, (&x, &y)),
    }
}

fn titles(picture: &mut Picture, panel: &Panel, label: &str, frame: Frame) {
    let y = frame.top - 8.0;
    let mut x = frame.left;
    if let Some(strategy) = panel.strategy {
        legend::sample(picture, (x, y - TEXT * 0.35), Ink::Strategy(strategy));
        x += 36.0;
    }
    let title = fitted(&panel.title, (frame.right - x) * 0.66, TEXT);
    let room = frame.right - x - width_of(&title, TEXT) - 12.0;
    picture.text((x, y), title, (Anchor::Start, TEXT, Tone::Text));
    if width_of(label, SMALL) <= room {
        picture.text((frame.right, y), label, (Anchor::End, SMALL, Tone::Muted));
    }
}

/// Phases as alternating ground, faults over them.
fn shades(picture: &mut Picture, shades: &[Shade], x: &Scale, frame: Frame) {
    let mut phases = 0;
    for shade in shades {
        let (from, to) = (x.place(shade.from), x.place(shade.to));
        let tone = match shade.kind {
            ShadeKind::Fault => Some(Tone::Fault),
            ShadeKind::WarmUp => Some(Tone::WarmUp),
            ShadeKind::Phase if phases % 2 == 0 => Some(Tone::Phase),
            ShadeKind::Phase => None,
        };
        phases += usize::from(shade.kind != ShadeKind::Fault);
        if let Some(tone) = tone {
            let size = (to - from, frame.bottom - frame.top);
            picture.shapes.push(Shape::Rect { at: (from, frame.top), size, tone });
        }
    }
}

/// Names above their stretches, where there is room.
fn names<'s>(
    picture: &mut Picture,
    shades: impl Iterator<Item = &'s Shade>,
    x: &Scale,
    (frame, y): (Frame, f64),
) {
    let mut free_from = frame.left;
    for shade in shades {
        let at = (x.place(shade.from) + 3.0).max(free_from);
        let room = x.place(shade.to) - at;
        // A fault's name may run over its end; a phase's would stand in the next phase.
        let room = if is_fault(shade) { frame.right - at } else { room };
        if room < 30.0 {
            continue;
        }
        let name = fitted(&shade.name, room, SMALL);
        free_from = at + width_of(&name, SMALL) + 6.0;
        picture.text((at, y), name, (Anchor::Start, SMALL, Tone::Muted));
    }
}

fn grid(picture: &mut Picture, (x, x_ticks): (&Scale, &[Tick]), y: &Vertical, frame: Frame) {
    for (number, label) in &y.ticks {
        let at = y.scale.place(*number);
        picture.shapes.push(Shape::Rule { from: (frame.left, at), to: (frame.right, at), tone: Tone::Grid });
        picture.text((frame.left - 6.0, at + SMALL * 0.35), label, (Anchor::End, SMALL, Tone::Muted));
    }
    if let Some(never) = y.never {
        picture.shapes.push(Shape::Rule {
            from: (frame.left, never),
            to: (frame.right, never),
            tone: Tone::Grid,
        });
        picture.text((frame.left - 6.0, never + SMALL * 0.35), "never", (Anchor::End, SMALL, Tone::Muted));
    }
    let bottom = frame.bottom;
    picture.shapes.push(Shape::Rule {
        from: (frame.left, bottom),
        to: (frame.right, bottom),
        tone: Tone::Axis,
    });
    let mut free_from = f64::MIN;
    for (number, label) in x_ticks {
        let at = x.place(*number);
        let half = width_of(label, SMALL) / 2.0;
        picture.shapes.push(Shape::Rule { from: (at, bottom), to: (at, bottom + 4.0), tone: Tone::Axis });
        if at - half >= free_from && at + half <= frame.right + 14.0 {
            picture.text((at, bottom + 16.0), label, (Anchor::Middle, SMALL, Tone::Muted));
            free_from = at + half + 4.0;
        }
    }
}

fn each(picture: &mut Picture, panel: &Panel, values: &[f64], (x, y): (&Scale, &Vertical)) {
    for (index, line) in panel.lines.iter().enumerate() {
        let places: Vec<Option<At>> = places(line, values, x, |_, value| y.place(value));
        paths(picture, line, &places);
        markers(picture, line, &places, index);
    }
}

fn places(
    line: &Line,
    values: &[f64],
    x: &Scale,
    mut y: impl FnMut(usize, Value) -> Option<f64>,
) -> Vec<Option<At>> {
    let points = values.iter().zip(&line.points).enumerate();
    points.map(|(step, (at, point))| Some((x.place(*at), y(step, point.value)?))).collect()
}

/// Whole stretches as paths, thin ones apart; a point alone as a marker.
fn paths(picture: &mut Picture, line: &Line, places: &[Option<At>]) {
    let points: Vec<Option<(At, bool)>> =
        places.iter().zip(&line.points).map(|(place, point)| place.map(|at| (at, point.thin))).collect();
    for run in points.split(Option::is_none) {
        let run: Vec<(At, bool)> = run.iter().copied().flatten().collect();
        if let [(at, thin)] = run[..] {
            picture.shapes.push(Shape::Marker { at, ink: line.ink, thin });
        }
        let mut path: Vec<At> = Vec::new();
        let mut thin = false;
        for pair in run.windows(2) {
            let pale = pair[0].1 || pair[1].1;
            if path.is_empty() || pale != thin {
                flush(picture, &mut path, line.ink, thin);
                path.push(pair[0].0);
                thin = pale;
            }
            path.push(pair[1].0);
        }
        flush(picture, &mut path, line.ink, thin);
    }
}

fn flush(picture: &mut Picture, path: &mut Vec<At>, ink: Ink, thin: bool) {
    let points = std::mem::take(path);
    if points.len() > 1 {
        picture.shapes.push(Shape::Path { points, ink, thin });
    }
}

/// At other places for each line, so that lines that run together show all of theirs.
fn markers(picture: &mut Picture, line: &Line, places: &[Option<At>], index: usize) {
    let every = (places.len() / MARKERS).max(1);
    let first = index * every / 5 % every;
    let points: Vec<(&Option<At>, &Point)> = places.iter().zip(&line.points).collect();
    for (place, point) in points.into_iter().skip(first).step_by(every) {
        if let Some(at) = place {
            picture.shapes.push(Shape::Marker { at: *at, ink: line.ink, thin: point.thin });
        }
    }
}

/// Each line on top of those before it; what has no data adds nothing.
fn stacked(picture: &mut Picture, panel: &Panel, values: &[f64], (x, y): (&Scale, &Vertical)) {
    let mut below = vec![0.0; values.len()];
    for line in &panel.lines {
        let mut top = below.clone();
        for (sum, point) in top.iter_mut().zip(&line.points) {
            *sum += if let Value::Finite(number) = point.value { number } else { 0.0 };
        }
        let edge = |heights: &[f64]| -> Vec<At> {
            values.iter().zip(heights).map(|(at, height)| (x.place(*at), y.scale.place(*height))).collect()
        };
        let (upper, lower) = (edge(&top), edge(&below));
        let outline: Vec<At> = upper.iter().copied().chain(lower.into_iter().rev()).collect();
        picture.shapes.push(Shape::Area { points: outline, ink: line.ink });
        let places: Vec<Option<At>> = upper.iter().copied().map(Some).collect();
        picture.shapes.push(Shape::Path { points: upper, ink: line.ink, thin: false });
        markers(picture, line, &places, 0);
        below = top;
    }
}

/// Where the first line lies below one of the others.
fn losses(picture: &mut Picture, panel: &Panel, values: &[f64], (x, y): (&Scale, &Vertical)) {
    let Some((first, others)) = panel.lines.split_first() else { return };
    let mut worst: Vec<Option<(At, At)>> = Vec::new();
    for (step, at) in values.iter().enumerate() {
        let number = |line: &Line| line.points.get(step).and_then(|point| point.value.number());
        let base = others.iter().filter_map(number).max_by(f64::total_cmp);
        let pair = number(first).zip(base).filter(|(is, was)| is < was);
        worst.push(pair.map(|(is, was)| {
            let x = x.place(*at);
            ((x, y.scale.place(is)), (x, y.scale.place(was)))
        }));
    }
    for run in worst.split(Option::is_none).filter(|run| run.len() > 1) {
        let low = run.iter().flatten().map(|(low, _)| *low);
        let high = run.iter().flatten().rev().map(|(_, high)| *high);
        picture.shapes.push(Shape::Loss { points: low.chain(high).collect() });
    }
}
