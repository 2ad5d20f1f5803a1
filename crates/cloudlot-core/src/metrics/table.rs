//! The usage report as text: a table of resources, sums and owners, and a few lines below.

use std::fmt;

use super::{KindUsage, Usage};

/// Name, kind, then numbers as they are printed.
type Line = [String; 8];

const HEAD: [&str; 8] = [
    "name",
    "kind",
    "capacity",
    "limit",
    "held",
    "confirmed",
    "free",
    "used",
];

impl fmt::Display for Usage {
    /// A table in aligned columns: each resource and kind, the sums, each owner; then what
    /// happened lately. Names are escaped, so that none breaks a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = lines(self);
        let width = |column: usize| {
            let cells = lines.iter().map(|line| line[column].chars().count());
            cells.max().unwrap_or(0)
        };
        let widths: [usize; 8] = std::array::from_fn(width);
        for line in &lines {
            let mut text = String::new();
            for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
                // Two columns of names to the left, numbers to the right.
                text += &match column {
                    0 => format!("{cell:<width$}"),
                    1 => format!("  {cell:<width$}"),
                    _ => format!("  {cell:>width$}"),
                };
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        self.fmt_activity(f)
    }
}

impl Usage {
    fn fmt_activity(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lately = &self.activity;
        let wait = &lately.wait;
        writeln!(
            f,
            "in all {}, efficiency {}",
            percent(self.overall.mean),
            percent(self.overall.efficiency)
        )?;
        writeln!(
            f,
            "granted {:.3}/s, finished {:.3}/s, contention {}",
            lately.allocation_rate,
            lately.throughput,
            percent(lately.contention_rate)
        )?;
        writeln!(
            f,
            "waited {} times: mean {:.3} s, p50 {:.3} s, p95 {:.3} s, p99 {:.3} s, max {:.3} s",
            wait.count, wait.mean, wait.p50, wait.p95, wait.p99, wait.max
        )
    }
}

fn lines(usage: &Usage) -> Vec<Line> {
    let mut lines = vec![HEAD.map(str::to_owned)];
    for (name, kinds) in &usage.resources {
        lines.extend(kinds.iter().map(|(kind, row)| full(name, kind, row)));
    }
    lines.extend(
        usage
            .kinds
            .iter()
            .map(|(kind, sum)| full("total", kind, sum)),
    );
    for (owner, kinds) in &usage.owners {
        for (kind, amounts) in kinds {
            let share = usage.owner_share(owner, kind).unwrap_or_default();
            let dash = || "-".to_owned();
            lines.push([
                format!("owner {}", owner.escape_debug()),
                kind.escape_debug().to_string(),
                dash(),
                dash(),
                amounts.held.to_string(),
                amounts.confirmed.to_string(),
                dash(),
                percent(share.ratio()),
            ]);
        }
    }
    lines
}

fn full(name: &str, kind: &str, row: &KindUsage) -> Line {
    [
        name.escape_debug().to_string(),
        kind.escape_debug().to_string(),
        row.capacity.to_string(),
        row.limit.to_string(),
        row.held.to_string(),
        row.confirmed.to_string(),
        row.free.to_string(),
        percent(row.utilisation().ratio()),
    ]
}

fn percent(ratio: f64) -> String {
    format!("{:.1} %", ratio * 100.0)
}
