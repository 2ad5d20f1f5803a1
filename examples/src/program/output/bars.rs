//! Bars and colours, for terminals only.

/// What the place that output goes to can show.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Style {
    /// Bars, drawn with block characters.
    pub bars: bool,
    /// Colours, by escape sequences.
    pub colours: bool,
}

impl Style {
    /// No more than text.
    pub const PLAIN: Self = Self {
        bars: false,
        colours: false,
    };

    /// What fits a terminal, given `NO_COLOR` and `TERM`; plain elsewhere.
    #[must_use]
    pub fn fitting(terminal: bool, no_color: Option<&str>, term: Option<&str>) -> Self {
        let able = terminal && term != Some("dumb");
        Self {
            bars: able,
            colours: able && no_color.is_none_or(str::is_empty),
        }
    }

    /// A bar `width` characters long for a load of 1, with a mark for more; empty without bars.
    pub(super) fn bar(self, load: f64, width: u32) -> String {
        if !self.bars {
            return String::new();
        }
        let eighths = (load.clamp(0.0, 1.0) * f64::from(width) * 8.0).round();
        let mut bar = String::new();
        for cell in 0..width {
            bar.push(block(eighths - f64::from(cell) * 8.0));
        }
        bar.push(if load > 1.0 { '▸' } else { ' ' });
        self.paint(&bar, colour(load))
    }

    /// Something to look at.
    pub(super) fn strong(self, text: &str) -> String {
        self.paint(text, "1")
    }

    fn paint(self, text: &str, code: &str) -> String {
        if self.colours {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

fn block(eighths: f64) -> char {
    const BLOCKS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
    BLOCKS
        .into_iter()
        .zip(1_u32..)
        .take_while(|(_, least)| eighths >= f64::from(*least))
        .last()
        .map_or('·', |(block, _)| block)
}

/// Green, yellow, red: the ends of comfort of a pCPU.
fn colour(load: f64) -> &'static str {
    if load > 0.95 {
        "31"
    } else if load > 0.7 {
        "33"
    } else {
        "32"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_terminal_gets_bars_and_colours() {
        let full = Style {
            bars: true,
            colours: true,
        };
        let bars = Style {
            bars: true,
            colours: false,
        };
        assert_eq!(Style::fitting(true, None, Some("xterm")), full);
        assert_eq!(Style::fitting(true, Some(""), None), full);
        assert_eq!(Style::fitting(true, Some("1"), None), bars);
        assert_eq!(Style::fitting(true, None, Some("dumb")), Style::PLAIN);
        assert_eq!(Style::fitting(false, None, Some("xterm")), Style::PLAIN);
    }

    #[test]
    fn a_bar_is_as_long_as_the_load() {
        let bars = Style::fitting(true, Some("1"), None);
        assert_eq!(bars.bar(0.0, 4), "···· ");
        assert_eq!(bars.bar(0.5, 4), "██·· ");
        assert_eq!(bars.bar(0.56, 4), "██▎· ");
        assert_eq!(bars.bar(1.0, 4), "████ ");
        assert_eq!(bars.bar(1.6, 4), "████▸");
        assert_eq!(bars.bar(f64::NAN, 4), "···· ");
        assert_eq!(Style::PLAIN.bar(1.0, 4), "");
    }
}
