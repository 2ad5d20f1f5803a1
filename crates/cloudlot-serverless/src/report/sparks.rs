//! Time lines in a line of text each, for terminals.

use super::compare::Report;
use super::timeline::Timeline;
use super::words::{printable, short, time};
use std::fmt::Write as _;

const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Letters in a line.
const WIDTH: u128 = 72;

/// What is drawn, bucket by bucket.
type Column = fn(&Timeline) -> Vec<f64>;

impl Report {
    /// The time lines as text: calls, then cold calls and idle memory of each run, all runs on one scale. A letter shows the largest
    /// of the buckets that it stands for.
    #[must_use]
    pub fn timeline_text(&self) -> String {
        let mut text = String::new();
        let lines = || self.runs().iter().map(|run| &run.timeline);
        let end = lines().map(Timeline::end_s).max().unwrap_or(0);
        let names: Vec<String> = self.runs().iter().map(|run| printable(&run.name)).collect();
        let width = names.iter().map(|name| name.chars().count()).max();
        let width = width.unwrap_or(0);
        let blocks: [(&str, usize, Column); 3] = [
            ("calls a minute", 1, Timeline::calls_a_minute),
            ("cold starts a minute", usize::MAX, Timeline::cold_a_minute),
            ("idle memory, GiB", usize::MAX, Timeline::idle_gib),
        ];
        for (title, shown, column) in blocks {
            let rows = lines()
                .take(shown)
                .map(|line| (column(line), line.bucket_s));
            let rows: Vec<_> = rows.collect();
            let most = rows
                .iter()
                .flat_map(|(row, _)| row)
                .copied()
                .fold(0.0, f64::max);
            // Writing to a string cannot fail.
            let _ = writeln!(text, "\n{title}, up to {}", short(most));
            for ((row, bucket_s), name) in rows.iter().zip(&names) {
                let name = if shown == 1 { "" } else { name };
                let _ = writeln!(text, "{name:<width$}  {}", line(row, *bucket_s, end, most));
            }
        }
        let _ = writeln!(text, "from 0 to {}", time(seconds(end)));
        text
    }
}

fn line(row: &[f64], bucket_s: u64, end: u64, most: f64) -> String {
    let edge = |letter: u128| u128::from(end) * letter / WIDTH;
    let index = |at: u128| usize::try_from(at / u128::from(bucket_s.max(1))).unwrap_or(usize::MAX);
    let letter = |place| {
        let from = index(edge(place)).min(row.len());
        let to = index(edge(place + 1)).clamp(from, row.len());
        let largest = row[from..to.max((from + 1).min(row.len()))].iter();
        level(largest.copied().fold(0.0, f64::max), most)
    };
    (0..WIDTH).map(letter).collect()
}

/// Nothing is a blank, and whatever is more than nothing is seen.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of at most one of eight levels"
)]
fn level(number: f64, most: f64) -> char {
    if number <= 0.0 || most <= 0.0 {
        return ' ';
    }
    let place = libm::ceil(number / most * 8.0).clamp(1.0, 8.0) as usize;
    LEVELS[place - 1]
}

#[expect(clippy::cast_precision_loss, reason = "for display")]
fn seconds(end: u64) -> f64 {
    end as f64
}
