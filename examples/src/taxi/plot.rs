//! The drawing: the exact value of greedy policies against the steps that they were learned from.

use super::train::Look;
use plotters::chart::ChartBuilder;
use plotters::element::{Circle, PathElement, Text};
use plotters::prelude::{IntoDrawingArea, IntoLogRange, SVGBackend};
use plotters::series::LineSeries;
use plotters::style::{BLACK, Color, IntoFont, RGBColor, ShapeStyle, WHITE};
use std::fmt::Display;
use std::ops::Range;

const SIZE: (u32, u32) = (900, 520);
const LEGEND: u32 = 26;

/// No step was taken yet at the first look, which has no place on a logarithmic scale.
const FIRST: f64 = 100.0;

/// Untrained drivers can be far worse than this; what is of interest is above.
const WORST: f64 = -220.0;
const BEST: f64 = 30.0;

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

/// An SVG picture of the lines, at most two, beside the optimum. The same lines give the same text.
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
    let range = steps(lines);
    let mut chart = ChartBuilder::on(&body)
        .margin_left(6)
        .margin_right(24)
        .margin_bottom(4)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(range.clone().log_scale(), WORST..BEST)
        .map_err(words)?;
    chart
        .configure_mesh()
        .x_desc("steps that were learned from")
        .y_desc("reward in an episode")
        .x_labels(7)
        .y_labels(10)
        .x_label_formatter(&|steps| with_commas(*steps))
        .y_label_formatter(&|value| format!("{value:.0}"))
        .label_style(("sans-serif", 13).into_font())
        .light_line_style(WHITE)
        .bold_line_style(BLACK.mix(0.1))
        .draw()
        .map_err(words)?;
    let level = [(range.start, optimum), (range.end, optimum)];
    chart
        .draw_series([PathElement::new(level, GREY.stroke_width(1))])
        .map_err(words)?;
    let mut entries = vec![(format!("optimum {optimum:.2}"), GREY.stroke_width(1))];
    for ((line, colour), row) in lines.iter().zip(COLOURS).zip(1_u8..) {
        let style = colour.stroke_width(2);
        let points = line.looks.iter().map(point);
        chart
            .draw_series(LineSeries::new(points, style))
            .map_err(words)?;
        entries.push((line.name.to_owned(), style));
        let Some(since) = line.best_since else {
            continue;
        };
        let x = place(since);
        let dot = Circle::new((x, optimum), 4, colour.filled());
        chart.draw_series([dot]).map_err(words)?;
        let lower = optimum - 14.0 * f64::from(row);
        let note = format!("best since {} ", with_commas(x));
        let font = ("sans-serif", 13).into_font().color(&colour);
        chart
            .draw_series([Text::new(note, (x, lower), font)])
            .map_err(words)?;
    }
    name(&legend, &entries)?;
    root.present().map_err(words)
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
    let looks = || {
        lines
            .iter()
            .flat_map(|line| line.looks)
            .map(|look| point(look).0)
    };
    let first = looks().fold(f64::INFINITY, f64::min).max(FIRST);
    let last = looks().fold(first, f64::max);
    if last > first {
        first..last
    } else {
        first..first * 10.0
    }
}

/// Where a look lies; one out of the picture lies at its edge.
fn point(look: &Look) -> (f64, f64) {
    (place(look.steps), look.value.max(WORST))
}

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
