//! Columns as wide as what stands in them. It knows no terminal: lines are as long as they have to be.

use console::{Alignment, pad_str};

use super::render::{GAP, one_line, shown_width};

/// To which side of its column a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Words.
    Left,
    /// Figures.
    Right,
}

/// The lines of a table: its heading, then each row. What would move a terminal's cursor becomes a space.
pub fn table(columns: &[(&str, Side)], rows: &[Vec<String>]) -> Vec<String> {
    let heading = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
    let all: Vec<&Vec<String>> = [&heading].into_iter().chain(rows).collect();
    let widths: Vec<usize> = (0..columns.len())
        .map(|column| {
            let cells = all.iter().filter_map(|row| row.get(column));
            cells.map(|cell| shown_width(cell)).max().unwrap_or(0)
        })
        .collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(columns).zip(&widths);
        let cells: Vec<String> = cells
            .map(|((cell, (_, side)), &width)| {
                let side = match side {
                    Side::Left => Alignment::Left,
                    Side::Right => Alignment::Right,
                };
                pad_str(&one_line(cell), width, side, None).into_owned()
            })
            .collect();
        cells.join(&" ".repeat(GAP)).trim_end().to_owned()
    };
    all.into_iter().map(line).collect()
}
