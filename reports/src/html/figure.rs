//! A chart on a page: its picture, its numbers as a table, and what a script needs to draw it again.

use serde::Serialize;

use crate::{
    chart::{Bars, Body, Chart, Fill, Ink, Line, Lines, Panel, Point, ShadeKind, XScale},
    picture::{At, Look, Setting, corners, draw, svg},
    plain::clean,
    quantity::{Unit, Value},
};

/// Longest name in a table's heading.
const NAME_MAX: usize = 80;

#[derive(Debug, Serialize)]
pub(super) struct Figure {
    id: &'static str,
    title: String,
    summary: String,
    notes: Vec<String>,
    svg: String,
    /// Rows of an HTML table, escaped.
    table: String,
    /// JSON for the script; absent where there is nothing to zoom.
    live: Option<String>,
}

impl Figure {
    pub(super) fn of(chart: &Chart) -> Figure {
        let (table, live) = match &chart.body {
            Body::Lines(lines) => (lines_table(lines), Some(json(&Live::of(lines)))),
            Body::Bars(bars) => (bars_table(bars), None),
        };
        Figure {
            id: chart.id,
            title: chart.title.clone(),
            summary: chart.summary.clone(),
            notes: chart.notes.clone(),
            svg: svg::write(chart, &draw(chart, Setting::Page)),
            table,
            live,
        }
    }
}

/// End tags that HTML does not need are left out: there are tens of thousands of cells.
fn lines_table(lines: &Lines) -> String {
    let first = match lines.x.scale {
        XScale::Time => "seconds",
        XScale::OneIn => "1 / (1 - p)",
    };
    let unit = if lines.y.unit == Unit::Share { ", %" } else { "" };
    let mut table = format!("<thead><tr><th scope=col>{first}");
    let columns = || lines.panels.iter().flat_map(|panel| panel.lines.iter().map(move |line| (panel, line)));
    for (panel, line) in columns() {
        let name = match panel.title.as_str() {
            "" => short(&line.name),
            title => format!("{}: {}", short(title), short(&line.name)),
        };
        table.push_str(&format!("<th scope=col>{}{unit}", escaped(&name)));
    }
    table.push_str("</thead><tbody>");
    for (step, at) in lines.x.values.iter().enumerate() {
        table.push_str(&format!("<tr><th scope=row>{}", digits(*at)));
        for (_, line) in columns() {
            table.push_str(
                &line.points.get(step).map_or("<td>".to_owned(), |point| cell(point, lines.y.unit)),
            );
        }
    }
    table.push_str("</tbody>");
    table
}

fn cell(point: &Point, unit: Unit) -> String {
    let open = if point.thin && point.value != Value::NoData { "<td class=thin>" } else { "<td>" };
    match point.value {
        Value::NoData => open.to_owned(),
        Value::Infinite => format!("{open}never"),
        Value::Finite(number) => format!("{open}{}", digits(scaled(number, unit))),
    }
}

fn scaled(number: f64, unit: Unit) -> f64 {
    if unit == Unit::Share { 100.0 * number } else { number }
}

/// Four digits that matter.
fn digits(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return "0".to_owned();
    }
    let decimals = (3 - number.abs().log10().floor() as i32).clamp(0, 9) as usize;
    let text = format!("{number:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn bars_table(bars: &Bars) -> String {
    let mut table =
        "<thead><tr><th scope=col>of<th scope=col>name<th scope=col>value</thead><tbody>".to_owned();
    for group in &bars.groups {
        for bar in &group.bars {
            let [title, name] = [&group.title, &bar.name].map(|text| escaped(&short(text)));
            let value = escaped(&group.unit.show(bar.value));
            table.push_str(&format!("<tr><th scope=row>{title}<td>{name}<td>{value}"));
        }
    }
    table.push_str("</tbody>");
    table
}

fn short(text: &str) -> String {
    clean(text).chars().take(NAME_MAX).collect()
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

/// What the script cannot read from the table.
#[derive(Debug, Serialize)]
struct Live {
    time: bool,
    unit: Unit,
    label: String,
    log: bool,
    panels: Vec<LivePanel>,
    shades: Vec<LiveShade>,
}

#[derive(Debug, Serialize)]
struct LivePanel {
    title: String,
    strategy: Option<usize>,
    stacked: bool,
    below: bool,
    lines: Vec<LiveLine>,
}

#[derive(Debug, Serialize)]
struct LiveLine {
    name: String,
    strategy: Option<usize>,
    part: bool,
    colour: Option<usize>,
    dash: &'static [f64],
    /// Corners of its marker, of size 1.
    marker: Vec<At>,
}

#[derive(Debug, Serialize)]
struct LiveShade {
    name: String,
    from: f64,
    to: f64,
    kind: ShadeKind,
}

impl Live {
    fn of(lines: &Lines) -> Live {
        let shade = |shade: &crate::chart::Shade| LiveShade {
            name: short(&shade.name),
            from: shade.from,
            to: shade.to,
            kind: shade.kind,
        };
        Live {
            time: lines.x.scale == XScale::Time,
            unit: lines.y.unit,
            label: lines.y.label.clone(),
            log: lines.y.log,
            panels: lines.panels.iter().map(LivePanel::of).collect(),
            shades: lines.shades.iter().map(shade).collect(),
        }
    }
}

impl LivePanel {
    fn of(panel: &Panel) -> LivePanel {
        LivePanel {
            title: short(&panel.title),
            strategy: panel.strategy,
            stacked: panel.fill == Fill::Stacked,
            below: panel.fill == Fill::Below,
            lines: panel.lines.iter().map(LiveLine::of).collect(),
        }
    }
}

impl LiveLine {
    fn of(line: &Line) -> LiveLine {
        let look = Look::of(line.ink);
        LiveLine {
            name: short(&line.name),
            strategy: if let Ink::Strategy(index) = line.ink { Some(index) } else { None },
            part: matches!(line.ink, Ink::Part(_)),
            colour: look.colour,
            dash: look.dash,
            marker: look.marker.map_or(Vec::new(), |marker| corners(marker, (0.0, 0.0), 1.0)),
        }
    }
}

/// JSON that can stand in a script element: nothing in it ends the element.
fn json(live: &Live) -> String {
    let text = serde_json::to_string(live).expect("names, numbers and lists are always JSON");
    text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_digits_and_no_more() {
        for (number, text) in [
            (0.0, "0"),
            (12.345_67, "12.35"),
            (0.000_123_456, "0.0001235"),
            (98_765.4, "98765"),
            (0.5, "0.5"),
        ] {
            assert_eq!(digits(number), text);
        }
        assert_eq!(digits(f64::NAN), "0");
    }

    #[test]
    fn missing_data_is_an_empty_cell_and_never_zero() {
        let cell = |value, thin| cell(&Point { value, thin }, Unit::Share);
        assert_eq!(cell(Value::NoData, true), "<td>");
        assert_eq!(cell(Value::Finite(0.0), false), "<td>0");
        assert_eq!(cell(Value::Finite(0.995), true), "<td class=thin>99.5");
        assert_eq!(cell(Value::Infinite, false), "<td>never");
    }
}
