//! Pictures as SVG for a page. Colours are classes, so that the page's style decides on light and dark; text stays
//! text. Title and description come with it for those who cannot see it.

use std::fmt::Write as _;

use super::{Anchor, At, Look, Marker, Picture, Shape, Tone, palette};
use crate::{
    chart::{Chart, Ink},
    plain::clean,
};

/// Half the size of a marker.
const MARK: f64 = 3.4;

/// The element, ready for a page; everything that came from a run file is escaped.
pub fn write(chart: &Chart, picture: &Picture) -> String {
    let (id, width, height) = (chart.id, number(picture.width), number(picture.height));
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
         <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>",
        escaped(&chart.title),
        escaped(&chart.summary),
    );
    for shape in &picture.shapes {
        element(&mut svg, shape).expect("writing to a string cannot fail");
    }
    svg.push_str("</svg>\n");
    svg
}

fn element(svg: &mut String, shape: &Shape) -> std::fmt::Result {
    match shape {
        Shape::Rect { at, size, tone } => {
            write!(svg, "<rect class=\"{}\" {}/>", class(*tone), box_of(*at, *size))
        }
        Shape::Bar { at, size, ink } => {
            write!(svg, "<rect class=\"f {}\"{} {}/>", colour(*ink), owner(*ink), box_of(*at, *size))
        }
        Shape::Rule { from, to, tone } => {
            write!(svg, "<path class=\"{}\" d=\"{}\"/>", class(*tone), path(&[*from, *to]))
        }
        Shape::Path { points, ink, thin } => {
            let pale = if *thin { " pale" } else { "" };
            let (colour, owner) = (colour(*ink), owner(*ink));
            write!(svg, "<path class=\"l {colour}{pale}\"{owner}{} d=\"{}\"/>", dashes(*ink), path(points))
        }
        Shape::Area { points, ink } => {
            write!(svg, "<path class=\"a {}\"{} d=\"{}Z\"/>", colour(*ink), owner(*ink), path(points))
        }
        Shape::Loss { points } => write!(svg, "<path class=\"loss\" d=\"{}Z\"/>", path(points)),
        Shape::Marker { at, ink, thin } => {
            let Some(marker) = Look::of(*ink).marker else { return Ok(()) };
            let pale = if *thin { " pale" } else { "" };
            let (colour, owner) = (colour(*ink), owner(*ink));
            write!(svg, "<path class=\"m {colour}{pale}\"{owner} d=\"{}\"/>", outline(marker, *at))
        }
        Shape::Text { at, text, anchor, size, tone } => {
            let anchor = match anchor {
                Anchor::Start => "",
                Anchor::Middle => " text-anchor=\"middle\"",
                Anchor::End => " text-anchor=\"end\"",
            };
            let (x, y, size) = (number(at.0), number(at.1), number(*size));
            let class = class(*tone);
            write!(
                svg,
                "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" font-size=\"{size}\"{anchor}>{}</text>",
                escaped(text)
            )
        }
    }
}

const fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Text => "text",
        Tone::Muted => "muted",
        Tone::Axis => "axis",
        Tone::Grid => "grid",
        Tone::Phase => "phase",
        Tone::WarmUp => "warm-up",
        Tone::Fault => "fault",
    }
}

fn colour(ink: Ink) -> String {
    Look::of(ink).colour.map_or("ref".to_owned(), |colour| format!("c{colour}"))
}

/// Whose it is, for whoever hides a strategy.
fn owner(ink: Ink) -> String {
    match ink {
        Ink::Strategy(index) => format!(" data-s=\"{index}\""),
        Ink::Part(_) | Ink::Reference => String::new(),
    }
}

fn dashes(ink: Ink) -> String {
    let dash: Vec<String> = match ink {
        // Parts are told apart by their areas; dashed edges would only blur them.
        Ink::Part(_) => Vec::new(),
        _ => Look::of(ink).dash.iter().map(|length| number(*length)).collect(),
    };
    if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{}\"", dash.join(" ")) }
}

fn box_of((x, y): At, (width, height): At) -> String {
    let [x, y, width, height] = [x, y, width, height].map(number);
    format!("x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"")
}

/// The first point, then the way to each next one, in tenths so that rounding does not add up.
fn path(points: &[At]) -> String {
    let mut text = String::new();
    let mut before = (0, 0);
    for (index, (x, y)) in points.iter().enumerate() {
        let now = ((x * 10.0).round() as i64, (y * 10.0).round() as i64);
        match index {
            0 => text.push('M'),
            1 => text.push('l'),
            _ => {}
        }
        for (place, tenths) in [now.0 - before.0, now.1 - before.1].into_iter().enumerate() {
            if (place > 0 || index > 1) && tenths >= 0 {
                text.push(' ');
            }
            text.push_str(&number(tenths as f64 / 10.0));
        }
        before = now;
    }
    text
}

fn outline(marker: Marker, (x, y): At) -> String {
    if marker == Marker::Circle {
        let [left, y, r, wide] = [x - MARK, y, MARK, 2.0 * MARK].map(number);
        return format!("M{left} {y}a{r} {r} 0 1 0 {wide} 0a{r} {r} 0 1 0 -{wide} 0");
    }
    path(&palette::corners(marker, (x, y), MARK)) + "Z"
}

/// A tenth of a pixel is all that anybody sees.
fn number(number: f64) -> String {
    let text = format!("{number:.1}");
    match text.strip_suffix(".0").unwrap_or(&text) {
        "-0" => "0".to_owned(),
        text => text.to_owned(),
    }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}
