//! The report as one page that asks nothing of anybody: no request leaves it, it can be read without scripts, and with
//! them its charts can be zoomed. It is a template over the exported report, as people's own templates are.
//!
//! `richter serve` shows the same page of a run that is going on, with a script that asks it for a newer one, and a list
//! of runs.

mod figure;
mod filters;
mod index;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context, escape_formatter, value::Serde};

use crate::{export::Report, picture::THEMES, plain::clean};
use figure::Figure;
pub use index::{Index, IndexRow, render_index};

const TEMPLATE: &str = include_str!("../assets/report.html");
const STYLE: &str = include_str!("../assets/report.css");
const SCRIPT: &str = include_str!("../assets/report.js");
const LIVE_SCRIPT: &str = include_str!("../assets/live.js");
const UPLOT_STYLE: &str = include_str!("../assets/uplot.css");
const UPLOT_SCRIPT: &str = include_str!("../assets/uplot.js");
const UPLOT_LICENCE: &str = include_str!("../assets/uplot.LICENSE");

/// Macros that call each other deeper than this have gone astray.
const RECURSION_MAX: usize = 50;

#[derive(Debug, thiserror::Error)]
#[error("{}", told(.0))]
pub struct TemplateError(#[from] minijinja::Error);

fn told(error: &minijinja::Error) -> String {
    let place = match (error.name(), error.line()) {
        (Some(name), Some(line)) => format!("{name}:{line}: "),
        _ => String::new(),
    };
    let detail = error.detail().map_or(String::new(), |detail| format!(": {detail}"));
    format!("{place}{}{detail}", error.kind())
}

/// The page of one report.
pub fn render(report: &Report) -> Result<String, TemplateError> {
    page(report, None)
}

/// The page of a run that is going on. It renews itself from the server that it came from: without scripts by loading
/// again, with them when `events` beside it says that there is more to see.
pub fn render_live(report: &Report) -> Result<String, TemplateError> {
    page(report, Some(LIVE_SCRIPT))
}

fn page(report: &Report, live_script: Option<&str>) -> Result<String, TemplateError> {
    let figures: Vec<Figure> = report.charts.iter().map(Figure::of).collect();
    let page = environment().render_named_str(
        "report.html",
        TEMPLATE,
        context! {
            report => Value::from(Serde(report)),
            figures => Value::from(Serde(&figures)),
            style => format!("{}{UPLOT_STYLE}{STYLE}", colours()),
            script => SCRIPT,
            live_script => live_script,
            uplot => UPLOT_SCRIPT,
            uplot_licence => UPLOT_LICENCE,
        },
    )?;
    Ok(page)
}

/// Somebody's own template over the exported report, which it sees as `report`. Names that end in .html are escaped.
pub fn render_template(name: &str, source: &str, report: &Report) -> Result<String, TemplateError> {
    Ok(environment().render_named_str(name, source, context! { report => Value::from(Serde(report)) })?)
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_recursion_limit(RECURSION_MAX);
    environment.set_auto_escape_callback(|name| match name.rsplit('.').next() {
        Some("html" | "htm" | "xml" | "svg") => AutoEscape::Html,
        _ => AutoEscape::None,
    });
    // Names come from strangers: what turns lines around is taken out, wherever it is printed.
    environment.set_formatter(|out, state, value| match value.as_str() {
        Some(text) if !value.is_safe() => escape_formatter(out, state, &Value::from(lines(text))),
        _ => escape_formatter(out, state, value),
    });
    filters::add(&mut environment);
    environment
}

/// Line by line, because a line break in a text of ours is meant.
fn lines(text: &str) -> String {
    text.split('\n').map(clean).collect::<Vec<_>>().join("\n")
}

/// The colours of both themes as variables of the page.
fn colours() -> String {
    let variables = |theme: usize| {
        let theme = &THEMES[theme];
        let named = [
            ("background", theme.background),
            ("text", theme.text),
            ("muted", theme.muted),
            ("axis", theme.axis),
            ("grid", theme.grid),
            ("phase", theme.phase),
            ("warm-up", theme.warm_up),
            ("fault", theme.fault),
            ("loss", theme.loss),
        ];
        let hex = |[r, g, b]: [u8; 3]| format!("#{r:02x}{g:02x}{b:02x}");
        let mut text: String = named.map(|(name, rgb)| format!("--{name}:{};", hex(rgb))).concat();
        for (index, rgb) in theme.lines.iter().enumerate() {
            text.push_str(&format!("--c{index}:{};", hex(*rgb)));
        }
        text
    };
    let classes: String = (0..THEMES[0].lines.len()).map(|c| format!(".c{c}{{--ink:var(--c{c})}}")).collect();
    let (light, dark) = (variables(0), variables(1));
    format!(
        ":root{{color-scheme:light;{light}}}@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{\
         color-scheme:dark;{dark}}}}}:root[data-theme=dark]{{color-scheme:dark;{dark}}}@media print{{:root:root:root{{\
         color-scheme:light;{light}}}}}{classes}.ref{{--ink:var(--text)}}\n"
    )
}

#[cfg(test)]
mod tests;
