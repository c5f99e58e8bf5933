//! Columns of plain text.

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

#[derive(Debug, Clone)]
pub struct Table<const N: usize> {
    align: [Align; N],
    rows: Vec<[String; N]>,
    indent: usize,
}

impl<const N: usize> Table<N> {
    pub fn new(columns: &[(&str, Align); N]) -> Table<N> {
        Table {
            align: columns.map(|column| column.1),
            rows: vec![columns.map(|column| column.0.to_owned())],
            indent: 2,
        }
    }

    pub fn indented(self, indent: usize) -> Table<N> {
        Table { indent, ..self }
    }

    pub fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }

    fn width(&self, column: usize) -> usize {
        self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: [usize; N] = std::array::from_fn(|column| self.width(column));
        for row in &self.rows {
            let mut line = " ".repeat(self.indent);
            for ((cell, align), width) in row.iter().zip(self.align).zip(widths) {
                match align {
                    Align::Left => line += &format!("{cell:<width$}  "),
                    Align::Right => line += &format!("{cell:>width$}  "),
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_have_no_blanks_at_their_end() {
        let mut table = Table::new(&[("name", Align::Left), ("n", Align::Right)]);
        table.row(["a".into(), "100".into()]);
        table.row(["longer".into(), String::new()]);
        assert_eq!(table.to_string(), "  name      n\n  a       100\n  longer\n");
    }
}
