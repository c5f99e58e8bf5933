//! Colours, dashes and markers. Every line differs from its neighbours in all three, so that none of them is needed:
//! not colour for those who do not see it, not dashes where lines are short.

use super::At;
use crate::chart::Ink;

pub type Rgb = [u8; 3];

/// Colours of one scheme, each at least 3:1 against the background, text at least 4.5:1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    pub name: &'static str,
    pub background: Rgb,
    pub text: Rgb,
    pub muted: Rgb,
    pub axis: Rgb,
    pub grid: Rgb,
    pub phase: Rgb,
    pub warm_up: Rgb,
    pub fault: Rgb,
    pub loss: Rgb,
    pub lines: [Rgb; COLOURS],
}

pub const COLOURS: usize = 8;

/// Made from the colours that Okabe and Ito chose for all kinds of colour vision, darkened or lightened until they
/// stand out from the background.
pub const THEMES: [Theme; 2] = [
    Theme {
        name: "light",
        background: [0xff, 0xff, 0xff],
        text: [0x1a, 0x1d, 0x21],
        muted: [0x59, 0x60, 0x69],
        axis: [0x8a, 0x91, 0x9a],
        grid: [0xe3, 0xe6, 0xea],
        phase: [0xf5, 0xf6, 0xf8],
        warm_up: [0xea, 0xec, 0xef],
        fault: [0xfb, 0xe3, 0xdd],
        loss: [0xe5, 0x9a, 0x86],
        lines: [
            [0x00, 0x72, 0xb2],
            [0xc8, 0x50, 0x0a],
            [0x00, 0x7f, 0x5f],
            [0xb5, 0x47, 0x8f],
            [0x8f, 0x6b, 0x00],
            [0x3a, 0x3f, 0x45],
            [0x2a, 0x94, 0xd0],
            [0x7a, 0x4b, 0x2a],
        ],
    },
    Theme {
        name: "dark",
        background: [0x14, 0x17, 0x1c],
        text: [0xe8, 0xea, 0xed],
        muted: [0xa3, 0xab, 0xb5],
        axis: [0x78, 0x80, 0x8a],
        grid: [0x2b, 0x30, 0x37],
        phase: [0x1a, 0x1e, 0x24],
        warm_up: [0x22, 0x27, 0x2e],
        fault: [0x43, 0x25, 0x20],
        loss: [0x99, 0x4a, 0x38],
        lines: [
            [0x56, 0xb4, 0xe9],
            [0xf2, 0x8e, 0x4b],
            [0x3d, 0xc9, 0xa0],
            [0xe5, 0x8a, 0xc2],
            [0xe6, 0xc8, 0x4f],
            [0xd0, 0xd4, 0xda],
            [0x7f, 0xa8, 0xff],
            [0xc9, 0x9a, 0x77],
        ],
    },
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    Cross,
    Down,
    Bar,
}

/// Lengths of strokes and gaps; empty for a whole line.
pub type Dash = &'static [f64];

const DASHES: [Dash; 5] = [&[], &[7.0, 4.0], &[2.0, 3.0], &[9.0, 3.0, 2.0, 3.0], &[14.0, 5.0]];
const MARKERS: [Marker; 7] = [
    Marker::Circle,
    Marker::Square,
    Marker::Triangle,
    Marker::Diamond,
    Marker::Cross,
    Marker::Down,
    Marker::Bar,
];

/// How a line or a bar looks, whatever draws it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// Index into a theme's lines; `None` for what others are compared with, drawn in the colour of text.
    pub colour: Option<usize>,
    pub dash: Dash,
    pub marker: Option<Marker>,
}

impl Look {
    pub fn of(ink: Ink) -> Look {
        match ink {
            Ink::Reference => Look { colour: None, dash: &[4.0, 3.0], marker: None },
            Ink::Strategy(index) | Ink::Part(index) => Look {
                colour: Some(index % COLOURS),
                dash: DASHES[index % DASHES.len()],
                marker: Some(MARKERS[index % MARKERS.len()]),
            },
        }
    }

    pub fn rgb(&self, theme: &Theme) -> Rgb {
        self.colour.map_or(theme.text, |colour| theme.lines[colour])
    }
}

/// Corners of a marker, in order; a circle is drawn as what it is where that can be done.
pub fn corners(marker: Marker, (x, y): At, r: f64) -> Vec<At> {
    let around = |points: &[At]| points.iter().map(|(dx, dy)| (x + dx * r, y + dy * r)).collect();
    match marker {
        Marker::Circle => (0..16)
            .map(|corner| f64::from(corner) * std::f64::consts::TAU / 16.0)
            .map(|angle| (x + r * angle.cos(), y + r * angle.sin()))
            .collect(),
        Marker::Square => around(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
        Marker::Triangle => around(&[(0.0, -1.2), (1.1, 0.9), (-1.1, 0.9)]),
        Marker::Diamond => around(&[(0.0, -1.3), (1.1, 0.0), (0.0, 1.3), (-1.1, 0.0)]),
        Marker::Down => around(&[(0.0, 1.2), (1.1, -0.9), (-1.1, -0.9)]),
        Marker::Bar => around(&[(-0.4, -1.4), (0.4, -1.4), (0.4, 1.4), (-0.4, 1.4)]),
        Marker::Cross => {
            let (a, b) = (0.4, 1.3);
            around(&[
                (-a, -b),
                (a, -b),
                (a, -a),
                (b, -a),
                (b, a),
                (a, a),
                (a, b),
                (-a, b),
                (-a, a),
                (-b, a),
                (-b, -a),
                (-a, -a),
            ])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As WCAG 2 defines it.
    fn contrast(a: Rgb, b: Rgb) -> f64 {
        let part = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let luminance = |[r, g, b]: Rgb| 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn lines_stand_out_from_every_background_and_text_more_so() {
        for theme in &THEMES {
            for line in theme.lines {
                for ground in [theme.background, theme.phase, theme.warm_up, theme.fault] {
                    let contrast = contrast(line, ground);
                    let least = if ground == theme.background { 3.0 } else { 2.5 };
                    assert!(contrast >= least, "{}: {line:x?} on {ground:x?}: {contrast:.2}", theme.name);
                }
            }
            for text in [theme.text, theme.muted] {
                assert!(contrast(text, theme.background) >= 4.5, "{}: {text:x?}", theme.name);
            }
        }
    }

    #[test]
    fn no_two_strategies_of_a_chart_look_the_same_even_without_colour() {
        let looks: Vec<Look> =
            (0..crate::chart::STRATEGIES_MAX).map(|index| Look::of(Ink::Strategy(index))).collect();
        for (index, look) in looks.iter().enumerate() {
            for other in &looks[..index] {
                assert!((look.dash, look.marker) != (other.dash, other.marker), "{look:?}");
            }
        }
    }
}
