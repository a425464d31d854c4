//! A table of aligned columns.

use super::cut;

/// A column: its head, whether numbers stand right, and the most columns that it may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) head: &'static str,
    pub(super) is_right: bool,
    pub(super) max_width: usize,
}

impl Column {
    pub(super) const fn text(head: &'static str, max_width: usize) -> Self {
        Self { head, is_right: false, max_width }
    }

    pub(super) const fn number(head: &'static str) -> Self {
        Self { head, is_right: true, max_width: 14 }
    }
}

/// Rows of cells, aligned when shown.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Table {
    /// The head and the rows as lines. An empty table has no lines.
    pub(super) fn lines(&self) -> Vec<String> {
        if self.rows.is_empty() {
            return Vec::new();
        }
        let head: Vec<String> = self.columns.iter().map(|column| column.head.to_owned()).collect();
        let rows: Vec<Vec<String>> = std::iter::once(&head)
            .chain(&self.rows)
            .map(|row| {
                row.iter().zip(&self.columns).map(|(cell, column)| cut(cell, column.max_width)).collect()
            })
            .collect();
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|n| rows.iter().filter_map(|row| row.get(n)).map(|cell| width(cell)).max().unwrap_or(0))
            .collect();
        rows.iter().map(|row| self.line(row, &widths)).collect()
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((cell, column), wanted) in row.iter().zip(&self.columns).zip(widths) {
            let padding = " ".repeat(wanted.saturating_sub(width(cell)));
            let (before, after) =
                if column.is_right { (padding.as_str(), "") } else { ("", padding.as_str()) };
            line.push_str("  ");
            line.push_str(before);
            line.push_str(cell);
            line.push_str(after);
        }
        line.trim_end().to_owned()
    }
}

fn width(text: &str) -> usize {
    console::measure_text_width(text)
}
