//! Tables that fit the width. Cells never wrap: what does not fit is left out by column, least important first, and
//! said so.

use super::paint::{Options, Style, clean};

/// Longer names and texts are cut where a row does not fit.
const CELL_MAX: usize = 44;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct GridColumn<'a> {
    pub heading: [&'a str; 2],
    /// The largest is left out first; the first column always stays.
    pub rank: u8,
    pub align: Align,
}

#[derive(Debug, Clone)]
pub(crate) struct GridCell {
    pub text: String,
    /// Stands in the gap after the text.
    pub mark: char,
    pub style: Style,
}

impl GridCell {
    pub(crate) fn plain(text: &str) -> GridCell {
        GridCell { text: text.to_owned(), mark: ' ', style: Style::Plain }
    }
}

#[derive(Debug)]
pub(crate) struct Grid<'a> {
    columns: Vec<GridColumn<'a>>,
    rows: Vec<Vec<GridCell>>,
}

impl<'a> Grid<'a> {
    pub(crate) fn new(columns: Vec<GridColumn<'a>>) -> Grid<'a> {
        Grid { columns, rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, cells: Vec<GridCell>) {
        self.rows.push(cells);
    }

    /// Whether every column has room.
    pub(crate) fn fits(&self, options: &Options) -> bool {
        self.shown(&self.widths(), options.columns()).len() == self.columns.len()
    }

    pub(crate) fn lines(mut self, options: &Options) -> Vec<String> {
        for cell in self.rows.iter_mut().flatten() {
            cell.text = clean(&cell.text);
        }
        if !self.fits(options) {
            self.shorten(options);
        }
        let widths = self.widths();
        let shown = self.shown(&widths, options.columns());
        let mut lines = Vec::new();
        for level in 0..2 {
            if shown.iter().any(|column| !self.columns[*column].heading[level].is_empty()) {
                let heading = |column: usize| self.heading(column, level);
                lines.push(line(&shown, &widths, &self.columns, heading, options));
            }
        }
        for row in &self.rows {
            lines.push(line(&shown, &widths, &self.columns, |column| row[column].clone(), options));
        }
        lines.extend(self.left_out(&shown, options));
        lines
    }

    fn heading(&self, column: usize, level: usize) -> GridCell {
        GridCell { text: self.columns[column].heading[level].to_owned(), mark: ' ', style: Style::Dim }
    }

    fn shorten(&mut self, options: &Options) {
        let ellipsis = if options.unicode { '…' } else { '~' };
        for cell in self.rows.iter_mut().flatten() {
            if cell.text.chars().count() > CELL_MAX {
                cell.text = cell.text.chars().take(CELL_MAX - 1).chain([ellipsis]).collect();
            }
        }
    }

    fn widths(&self) -> Vec<usize> {
        let length = |text: &str| text.chars().count();
        let widest = |column: usize| {
            let cells = self.rows.iter().map(|row| length(&row[column].text)).max().unwrap_or(0);
            self.columns[column].heading.iter().map(|text| length(text)).fold(cells, usize::max)
        };
        (0..self.columns.len()).map(widest).collect()
    }

    /// The columns that fit, in order.
    fn shown(&self, widths: &[usize], limit: usize) -> Vec<usize> {
        let mut shown: Vec<usize> = (0..self.columns.len()).collect();
        // Two characters between columns, one of them for the mark; the last mark may stand alone.
        while shown.len() > 1 && shown.iter().map(|column| widths[*column] + 2).sum::<usize>() - 1 > limit {
            let worst = (1..shown.len()).max_by_key(|place| self.columns[shown[*place]].rank).unwrap_or(1);
            shown.remove(worst);
        }
        shown
    }

    fn left_out(&self, shown: &[usize], options: &Options) -> Vec<String> {
        let out = (0..self.columns.len()).filter(|column| !shown.contains(column));
        let names: Vec<String> = out.map(|column| in_one_line(self.columns[column].heading)).collect();
        if names.is_empty() {
            return Vec::new();
        }
        let note = format!("no room for: {}", names.join(", "));
        options.wrap(&note, 2).into_iter().map(|line| options.paint(&line, Style::Dim)).collect()
    }
}

/// A heading of two lines, its broken word whole again.
fn in_one_line([above, below]: [&str; 2]) -> String {
    match above.strip_suffix('-') {
        Some(part) => format!("{part}{below}"),
        None => format!("{above} {below}").trim().to_owned(),
    }
}

fn line(
    shown: &[usize],
    widths: &[usize],
    columns: &[GridColumn<'_>],
    cell: impl Fn(usize) -> GridCell,
    options: &Options,
) -> String {
    let mut line = String::new();
    for column in shown {
        let GridCell { text, mark, style } = cell(*column);
        let gap = " ".repeat(widths[*column] - text.chars().count());
        let text = options.paint(&text, style);
        let (before, after) = match columns[*column].align {
            Align::Left => (String::new(), gap),
            Align::Right => (gap, String::new()),
        };
        line.push_str(&format!("{before}{text}{mark}{after} "));
    }
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_in_one_line_has_its_words_whole() {
        let cases =
            [(["throt-", "tled"], "throttled"), (["ttft", "p99"], "ttft p99"), (["", "good"], "good")];
        for (heading, text) in cases {
            assert_eq!(in_one_line(heading), text);
        }
    }
}
