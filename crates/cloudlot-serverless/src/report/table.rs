//! The comparison as text: names to the left, numbers to the right, the best of a column marked.

use super::compare::{Cell, Measure, Report};
use super::words::{digits, printable, share, thousands, time, whole};
use std::fmt;

/// Stands after the best number of a column.
const BEST: char = '*';
/// Between columns.
const GAP: &str = "  ";

/// Rows of as many fields as the header has. The first column is set to the left, the others to the right.
struct Grid {
    rows: Vec<Vec<String>>,
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let lengths = self.rows.iter().map(|row| row[column].chars().count());
            lengths.max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            for (column, (text, &width)) in row.iter().zip(&widths).enumerate() {
                match column {
                    0 => write!(f, "{text:<width$}")?,
                    _ => write!(f, "{GAP}{text:>width$}")?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// A column, if it says anything about these runs.
struct Column {
    name: &'static str,
    measure: Measure,
    text: fn(f64) -> String,
    /// Whether a column with the ratio to the first follows.
    ratio: bool,
    shown: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let it = self.workload();
        writeln!(
            f,
            "{}: {} functions of {} apps, {} calls in {}",
            printable(&it.name),
            thousands(it.functions),
            thousands(it.apps),
            thousands(it.calls),
            time(it.span_s)
        )?;
        if self.runs().is_empty() {
            return Ok(());
        }
        writeln!(f)?;
        self.grid().fmt(f)?;
        let some = |marked: &[bool]| marked.iter().any(|mark| *mark);
        if self.runs().len() > 1 && some(&self.frontier()) {
            writeln!(
                f,
                "\n{BEST} least of its column; x: times the first; + on the frontier of cold starts and idle memory"
            )?;
        }
        Ok(())
    }
}

impl Report {
    fn columns(&self) -> [Column; 9] {
        let column = |name, measure, text| Column {
            name,
            measure,
            text,
            ratio: false,
            shown: true,
        };
        let many = self.runs().len() > 1;
        [
            Column {
                ratio: many,
                ..column("cold", Measure::Cold, whole)
            },
            column("app p75", Measure::ColdByApp, share),
            column("starts", Measure::Starts, whole),
            Column {
                ratio: many,
                ..column("idle GiB h", Measure::Idle, gib_h)
            },
            column("peak GiB", Measure::Peak, gib),
            column("p99 delay", Measure::Delay, time),
            column("p99.9", Measure::LongDelay, time),
            Column {
                shown: self.runs().iter().any(|run| run.failed() > 0),
                ..column("failed", Measure::Failed, whole)
            },
            Column {
                shown: self.price().is_some(),
                ..column("cost", Measure::Cost, digits)
            },
        ]
    }

    fn grid(&self) -> Grid {
        let mut rows = vec![vec!["policy".to_owned()]];
        rows.extend(self.runs().iter().map(|run| vec![printable(&run.name)]));
        let mut add = |name: &str, texts: Vec<String>| {
            let texts = std::iter::once(name.to_owned()).chain(texts);
            for (row, text) in rows.iter_mut().zip(texts) {
                row.push(text);
            }
        };
        let many = self.runs().len() > 1;
        if many {
            let mark = |on| String::from(if on { "+" } else { "" });
            add("", self.frontier().into_iter().map(mark).collect());
        }
        for column in self.columns().iter().filter(|column| column.shown) {
            let cells = self.compare(column.measure);
            let text = |cell: &Cell| {
                let value = cell.value.map_or_else(|| "-".to_owned(), column.text);
                match (many, cell.best) {
                    (false, _) => value,
                    (true, best) => format!("{value}{}", if best { BEST } else { ' ' }),
                }
            };
            add(column.name, cells.iter().map(text).collect());
            if column.ratio {
                let ratio = |cell: &Cell| match cell.ratio {
                    Some(ratio) => format!("{ratio:.2}"),
                    None => "-".to_owned(),
                };
                add("x", cells.iter().map(ratio).collect());
            }
            if column.measure == Measure::Cold {
                let shares = self.runs().iter().map(|run| share(run.cold_share));
                add("of calls", shares.collect());
            }
        }
        Grid { rows }
    }
}

fn gib_h(mib_s: f64) -> String {
    digits(mib_s / 1_024.0 / 3_600.0)
}

fn gib(mib: f64) -> String {
    digits(mib / 1_024.0)
}
