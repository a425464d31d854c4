//! A table of aligned columns.

use super::cut;

/// The fewest columns that a text is cut to.
const NARROWEST: usize = 5;

/// A column: its head, whether numbers stand right, and the most columns that it may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) head: &'static str,
    pub(crate) is_right: bool,
    pub(crate) max_width: usize,
}

impl Column {
    pub(crate) const fn text(head: &'static str, max_width: usize) -> Self {
        Self { head, is_right: false, max_width }
    }

    pub(crate) const fn number(head: &'static str) -> Self {
        Self { head, is_right: true, max_width: 14 }
    }
}

/// Rows of cells, aligned when shown. A row of one cell is a heading over the rows below it.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    /// The head and the rows as lines of at most `room` columns: texts are cut where they must be, numbers never.
    pub(crate) fn lines(&self, room: usize) -> Vec<String> {
        let head: Vec<String> = self.columns.iter().map(|column| column.head.to_owned()).collect();
        let rows: Vec<&Vec<String>> = std::iter::once(&head).chain(&self.rows).collect();
        let mut widths: Vec<usize> = (0..self.columns.len())
            .map(|n| {
                let cells = rows.iter().filter(|row| row.len() > 1).filter_map(|row| row.get(n));
                cells.map(|cell| width(cell)).max().unwrap_or(0).min(self.columns[n].max_width)
            })
            .collect();
        self.shrink(&mut widths, room);
        rows.into_iter()
            .map(|row| match row.as_slice() {
                [heading] => format!("  {}", cut(heading, room.saturating_sub(2))),
                cells => self.line(cells, &widths),
            })
            .collect()
    }

    fn shrink(&self, widths: &mut [usize], room: usize) {
        while 2 + widths.iter().map(|width| width + 2).sum::<usize>() > room {
            let texts = widths.iter_mut().zip(&self.columns).filter(|(_, column)| !column.is_right);
            match texts.map(|(width, _)| width).max() {
                Some(widest) if *widest > NARROWEST => *widest -= 1,
                _ => return,
            }
        }
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((cell, column), wanted) in row.iter().zip(&self.columns).zip(widths) {
            let cell = cut(cell, *wanted);
            let padding = " ".repeat(wanted.saturating_sub(width(&cell)));
            let (before, after) =
                if column.is_right { (padding.as_str(), "") } else { ("", padding.as_str()) };
            for part in ["  ", before, &cell, after] {
                line.push_str(part);
            }
        }
        format!("  {}", line.trim_end())
    }
}

fn width(text: &str) -> usize {
    console::measure_text_width(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_right_and_long_texts_are_cut_to_the_room() {
        let rows = vec![vec!["heading".into()], vec!["a-very-long-group".into(), "12".into()]];
        let table = Table { columns: vec![Column::text("group", 20), Column::number("n")], rows };
        assert_eq!(table.lines(80), ["    group               n", "  heading", "    a-very-long-group  12"]);
        assert_eq!(table.lines(16)[2], "    a-very-…  12");
    }
}
