//! A bar on standard error while work goes on, where somebody watches a terminal.

use std::io::{IsTerminal, Write, stderr};

const WIDTH: u64 = 30;

/// How far the work has come.
pub(crate) struct Progress {
    terminal: bool,
    /// What stands on the terminal, in thousandths of the way.
    shown: Option<u64>,
}

/// The bar does not outlive its teller.
impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.take().is_some() {
            write("\r\x1b[K");
        }
    }
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self {
            terminal: stderr().is_terminal(),
            shown: None,
        }
    }

    /// So many of all, if that shows.
    pub(crate) fn show(&mut self, done: u64, all: u64, words: impl FnOnce() -> String) {
        if !self.terminal {
            return;
        }
        let share = thousandths(done, all);
        if self.shown != Some(share) {
            self.shown = Some(share);
            let percent = share / 10;
            write(&format!(
                "\r\x1b[K{} {percent:>3} %  {}",
                bar(share),
                words()
            ));
        }
    }
}

fn thousandths(done: u64, all: u64) -> u64 {
    let share = u128::from(done) * 1_000 / u128::from(all.max(1));
    u64::try_from(share).map_or(1_000, |share| share.min(1_000))
}

fn bar(thousandths: u64) -> String {
    let full = thousandths * WIDTH / 1_000;
    let cell = |at| if at < full { '=' } else { ' ' };
    let cells: String = (0..WIDTH).map(cell).collect();
    format!("[{cells}]")
}

/// Nobody may be there to read it.
fn write(text: &str) {
    let mut stderr = stderr();
    let _ = stderr
        .write_all(text.as_bytes())
        .and_then(|()| stderr.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills_from_left_to_right_and_no_further() {
        assert_eq!(bar(thousandths(0, 9)).trim_matches(['[', ']']).trim(), "");
        assert_eq!(bar(thousandths(5, 10)).matches('=').count(), 15);
        for (done, all) in [(9, 9), (10, 9), (u64::MAX, 1), (1, 0)] {
            assert_eq!(bar(thousandths(done, all)).matches('=').count(), 30);
        }
    }
}
