//! The drawing: the exact value of greedy policies against the steps that they were learned from.

use super::train::Look;
use plotters::chart::ChartBuilder;
use plotters::element::{Circle, PathElement, Text};
use plotters::prelude::{IntoDrawingArea, IntoLogRange, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{BLACK, Color, IntoFont, RGBColor, ShapeStyle, WHITE};
use std::fmt::Display;
use std::ops::Range;

const SIZE: (u32, u32) = (900, 680);
/// Heights of the legend and of the panel with all, in pixels.
const LEGEND: u32 = 26;
const ALL: u32 = 390;

/// No step was taken yet at the first look, which has no place on a logarithmic scale.
const FIRST: f64 = 100.0;

/// Drivers can be worse than this; what is of interest is above.
const WORST: f64 = -500.0;
const BEST: f64 = 30.0;
/// How much of the way is the last of it.
const LAST: f64 = 2.0;

/// Colours that stay apart also for most people with a colour vision deficiency.
///
/// Source: Okabe and Ito, "Color Universal Design", 2008.
const COLOURS: [RGBColor; 2] = [RGBColor(0, 114, 178), RGBColor(213, 94, 0)];
const GREY: RGBColor = RGBColor(90, 90, 90);

/// A driver's curve.
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    pub(super) looks: &'a [Look],
    /// After how many steps it was the best for good.
    pub(super) best_since: Option<u64>,
}

/// An SVG picture of the lines, at most two, beside the optimum: all of it above, the last of the
/// way below. The same lines give the same text.
pub(super) fn draw(lines: &[Line<'_>], optimum: f64) -> Result<String, String> {
    let mut text = String::new();
    paint(&mut text, lines, optimum).map_err(|why| format!("cannot draw: {why}"))?;
    Ok(text)
}

fn paint(text: &mut String, lines: &[Line<'_>], optimum: f64) -> Result<(), String> {
    let root = SVGBackend::with_string(text, SIZE).into_drawing_area();
    root.fill(&WHITE).map_err(words)?;
    let title = "Taxi: what the greedy policy earns, exactly";
    let area = root
        .titled(title, ("sans-serif", 20).into_font())
        .map_err(words)?;
    let (legend, body) = area.split_vertically(LEGEND);
    let (all, last) = body.split_vertically(ALL);
    let mut entries = vec![(format!("optimum {optimum:.2}"), GREY.stroke_width(1))];
    for (line, colour) in lines.iter().zip(COLOURS) {
        entries.push((line.name.to_owned(), colour.stroke_width(2)));
    }
    name(&legend, &entries)?;
    let panel = |height, notes| Panel {
        lines,
        optimum,
        height,
        notes,
    };
    panel(worst(lines)..BEST, true).draw(&all)?;
    panel(optimum - LAST..optimum + LAST / 8.0, false).draw(&last)?;
    root.present().map_err(words)
}

/// The lines between two heights.
struct Panel<'a> {
    lines: &'a [Line<'a>],
    optimum: f64,
    height: Range<f64>,
    /// Whether to say since when lines are at the optimum.
    notes: bool,
}

impl Panel<'_> {
    fn draw(&self, area: &Area<'_>) -> Result<(), String> {
        let range = steps(self.lines);
        let mut chart = ChartBuilder::on(area)
            .margin_left(6)
            .margin_right(24)
            .margin_bottom(4)
            .x_label_area_size(40)
            .y_label_area_size(56)
            .build_cartesian_2d(range.clone().log_scale(), self.height.clone())
            .map_err(words)?;
        let digits = usize::from(self.height.end - self.height.start < 10.0);
        chart
            .configure_mesh()
            .x_desc("steps that were learned from")
            .y_desc("reward in an episode")
            .x_labels(7)
            .y_labels(8)
            .x_label_formatter(&|steps| with_commas(*steps))
            .y_label_formatter(&|value| format!("{value:.digits$}"))
            .label_style(("sans-serif", 13).into_font())
            .light_line_style(WHITE)
            .bold_line_style(BLACK.mix(0.1))
            .draw()
            .map_err(words)?;
        let level = [(range.start, self.optimum), (range.end, self.optimum)];
        let level = PathElement::new(level, GREY.stroke_width(1));
        chart.draw_series([level]).map_err(words)?;
        for ((line, colour), row) in self.lines.iter().zip(COLOURS).zip(1_u8..) {
            let pieces = self.pieces(line);
            let pieces = pieces.map(|ends| PathElement::new(ends, colour.stroke_width(2)));
            chart.draw_series(pieces).map_err(words)?;
            let Some(since) = line.best_since else {
                continue;
            };
            let x = place(since);
            let dot = Circle::new((x, self.optimum), 4, colour.filled());
            chart.draw_series([dot]).map_err(words)?;
            if self.notes {
                let room = self.height.end - self.height.start;
                let y = self.optimum - 0.06 * room * f64::from(row);
                let note = format!(" best since {} steps ", with_commas(x));
                // To the side where there is more room.
                let late = x * x > range.start * range.end;
                let side = if late { HPos::Right } else { HPos::Left };
                let font = ("sans-serif", 13).into_font().color(&colour);
                let font = font.pos(Pos::new(side, VPos::Top));
                chart
                    .draw_series([Text::new(note, (x, y), font)])
                    .map_err(words)?;
            }
        }
        Ok(())
    }

    /// The parts of a line that are not wholly below.
    fn pieces<'b>(&self, line: &Line<'b>) -> impl Iterator<Item = [(f64, f64); 2]> + use<'b> {
        let lowest = self.height.start;
        let pairs = line.looks.windows(2);
        let seen = pairs.filter(move |pair| pair.iter().any(|look| look.value > lowest));
        seen.map(move |pair| {
            [&pair[0], &pair[1]].map(|look| (place(look.steps), look.value.max(lowest)))
        })
    }
}

/// What is below the lowest look, but not too far down.
fn worst(lines: &[Line<'_>]) -> f64 {
    let looks = lines.iter().flat_map(|line| line.looks);
    let least = looks.map(|look| look.value).fold(0.0, f64::min);
    (least - 20.0).max(WORST)
}

type Area<'a> = plotters::drawing::DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// The names of the lines in one row, where they hide nothing.
fn name(area: &Area<'_>, entries: &[(String, ShapeStyle)]) -> Result<(), String> {
    let mut x = 62;
    for (name, style) in entries {
        let sample = PathElement::new([(x, 12), (x + 20, 12)], *style);
        area.draw(&sample).map_err(words)?;
        let text = Text::new(name.clone(), (x + 26, 5), ("sans-serif", 14).into_font());
        area.draw(&text).map_err(words)?;
        // About what a letter takes.
        let letters = i32::try_from(name.chars().count()).unwrap_or(i32::MAX);
        x = x
            .saturating_add(letters.saturating_mul(8))
            .saturating_add(46);
    }
    Ok(())
}

/// From the first to the last look of all.
fn steps(lines: &[Line<'_>]) -> Range<f64> {
    let looks = lines.iter().flat_map(|line| line.looks);
    let places = || looks.clone().map(|look| place(look.steps));
    let first = places().fold(f64::INFINITY, f64::min);
    let last = places().fold(first, f64::max);
    if last > first {
        first..last
    } else {
        first..first * 10.0
    }
}

/// Where on the scale a number of steps is.
#[expect(clippy::cast_precision_loss, reason = "a drawing is not that fine")]
fn place(steps: u64) -> f64 {
    (steps as f64).max(FIRST)
}

fn with_commas(steps: f64) -> String {
    let digits = format!("{steps:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn words(error: impl Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        let texts = [1.0, 999.0, 1_000.0, 12_345_678.0].map(with_commas);
        assert_eq!(texts, ["1", "999", "1,000", "12,345,678"]);
    }

    #[test]
    fn one_look_is_enough_for_a_drawing() {
        let looks = [Look {
            steps: 0,
            episodes: 0,
            value: -2_000.0,
        }];
        let line = Line {
            name: "nobody",
            looks: &looks,
            best_since: None,
        };
        let drawing = draw(&[line], 7.93).unwrap();
        assert!(drawing.contains("nobody") && drawing.contains("optimum 7.93"));
    }
}
