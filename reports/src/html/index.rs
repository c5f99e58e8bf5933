//! The list of runs that `richter serve` begins with.

use minijinja::{Value, context, value::Serde};
use serde::Serialize;

use super::{STYLE, TemplateError, colours, environment};

const TEMPLATE: &str = include_str!("../../assets/index.html");
const SCRIPT: &str = include_str!("../../assets/list.js");

/// The runs in a folder.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Index {
    pub folder: String,
    pub rows: Vec<IndexRow>,
    /// A run is going on, so the list renews itself now and then.
    pub going: bool,
}

/// One run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct IndexRow {
    pub name: String,
    /// Where its page is.
    pub href: String,
    pub verdict: String,
    pub question: String,
    pub answer: String,
    pub ground: String,
    /// RFC 3339; empty while that is not known.
    pub started: String,
    pub going: bool,
}

pub fn render_index(index: &Index) -> Result<String, TemplateError> {
    let style = format!("{}{STYLE}", colours());
    let context = context! { index => Value::from(Serde(index)), style => style, script => SCRIPT };
    Ok(environment().render_named_str("index.html", TEMPLATE, context)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_strangers_are_shown_and_never_obeyed() {
        let row = IndexRow {
            name: "<script>alert(1)</script>".into(),
            href: "/runs/%3Cscript%3E/".into(),
            verdict: "passed".into(),
            ..IndexRow::default()
        };
        let index = Index { folder: "out".into(), rows: vec![row], going: false };
        let page = render_index(&index).expect("it can be drawn");
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("&lt;script&gt;"), "{page}");
        assert!(!page.contains("http-equiv=\"refresh\""));
        assert!(
            render_index(&Index { going: true, ..index }).expect("drawn").contains("http-equiv=\"refresh\"")
        );
    }
}
