//! What all panels have in common: axes with units over the seconds of a recording, marks, and a
//! legend in one row above, where it hides nothing.

use super::{Area, DrawError};
use crate::demo::trace::{Deed, Point};
use cloudlot_core::Timestamp;
use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::types::RangedCoordf64;
use plotters::element::{PathElement, Polygon, Text};
use plotters::prelude::SVGBackend;
use plotters::series::LineSeries;
use plotters::style::{BLACK, Color, IntoFont, RGBColor, ShapeStyle, WHITE};
use std::ops::Range;

/// Grey of marks and their names.
const GREY: RGBColor = RGBColor(90, 90, 90);

/// Heights of a panel's title and legend, and width of the labels beside it, in pixels.
const HEADER: u32 = 30;
const LEGEND: u32 = 22;
const LABELS: u32 = 62;

/// Width of a letter of the legend, about.
const LETTER: i32 = 7;
/// Length of a legend's sample of a line.
const SAMPLE: i32 = 16;

/// A panel under construction.
pub(super) struct Panel<'a, 'b: 'a> {
    chart: ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>,
    legend: Legend<'b>,
    height: Range<f64>,
}

/// What a panel shows, and in which unit.
pub(super) struct Axes<'a> {
    pub(super) title: &'a str,
    pub(super) unit: &'a str,
    pub(super) seconds: f64,
    pub(super) height: Range<f64>,
}

/// Names of lines, from left to right.
struct Legend<'b> {
    area: Area<'b>,
    x: i32,
}

/// Where the name of a mark stands: marks that are close take different rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Row {
    First,
    Second,
}

impl<'a, 'b: 'a> Panel<'a, 'b> {
    pub(super) fn new(area: &Area<'b>, axes: Axes<'_>) -> Result<Self, DrawError> {
        let (head, body) = area.split_vertically(HEADER + LEGEND);
        let (header, legend) = head.split_vertically(HEADER);
        let title = Text::new(
            axes.title,
            (i32::try_from(LABELS).map_err(DrawError::of)?, 10),
            ("sans-serif", 16).into_font(),
        );
        header.draw(&title).map_err(DrawError::of)?;
        let mut chart = ChartBuilder::on(&body)
            .margin_left(6)
            .margin_right(24)
            .margin_top(4)
            .x_label_area_size(36)
            .y_label_area_size(LABELS)
            .build_cartesian_2d(0.0..axes.seconds, axes.height.clone())
            .map_err(DrawError::of)?;
        chart
            .configure_mesh()
            .x_desc("seconds")
            .y_desc(axes.unit)
            .x_labels(8)
            .y_labels(6)
            .x_label_formatter(&|seconds| format!("{seconds:.0}"))
            .y_label_formatter(&|value| format!("{value:.0}"))
            .label_style(("sans-serif", 13).into_font())
            .light_line_style(WHITE)
            .bold_line_style(BLACK.mix(0.1))
            .draw()
            .map_err(DrawError::of)?;
        Ok(Self {
            chart,
            legend: Legend {
                area: legend,
                x: i32::try_from(LABELS).map_err(DrawError::of)?,
            },
            height: axes.height,
        })
    }

    /// A line over time, named in the legend.
    pub(super) fn line(
        &mut self,
        name: &str,
        style: ShapeStyle,
        values: impl Iterator<Item = (f64, f64)>,
    ) -> Result<(), DrawError> {
        let series = LineSeries::new(values, style);
        self.chart.draw_series(series).map_err(DrawError::of)?;
        self.legend.add(name, style)
    }

    /// A band between two lines over time.
    pub(super) fn band(
        &mut self,
        style: ShapeStyle,
        values: &[(f64, f64, f64)],
    ) -> Result<(), DrawError> {
        let upper = values.iter().map(|(x, _, upper)| (*x, *upper));
        let lower = values.iter().rev().map(|(x, lower, _)| (*x, *lower));
        let outline: Vec<(f64, f64)> = upper.chain(lower).collect();
        let band = Polygon::new(outline, style);
        self.chart.draw_series([band]).map_err(DrawError::of)?;
        Ok(())
    }

    /// A mark at the moment when something begins or ends, with its name.
    pub(super) fn mark(&mut self, at: Timestamp, name: &str, row: Row) -> Result<(), DrawError> {
        let x = at.as_secs_f64();
        let line = [(x, self.height.start), (x, self.height.end)];
        let path = PathElement::new(line, GREY.stroke_width(1));
        self.chart.draw_series([path]).map_err(DrawError::of)?;
        let down = match row {
            Row::First => 0.0,
            Row::Second => 0.07,
        };
        let y = self.height.end - down * (self.height.end - self.height.start);
        let text = Text::new(
            format!(" {name}"),
            (x, y),
            ("sans-serif", 12).into_font().color(&GREY),
        );
        self.chart.draw_series([text]).map_err(DrawError::of)?;
        Ok(())
    }

    /// A small tick at the bottom for each cycle in which something was done.
    pub(super) fn ticks(
        &mut self,
        name: &str,
        deeds: &[Deed],
        counts: impl Fn(&Deed) -> bool,
    ) -> Result<(), DrawError> {
        let top = self.height.start + (self.height.end - self.height.start) * 0.05;
        let style = BLACK.stroke_width(2);
        let tick = |deed: &Deed| {
            let x = deed.at.as_secs_f64();
            PathElement::new([(x, self.height.start), (x, top)], style)
        };
        let ticks: Vec<_> = deeds.iter().filter(|deed| counts(deed)).map(tick).collect();
        self.chart.draw_series(ticks).map_err(DrawError::of)?;
        self.legend.add(&format!("| {name}"), None)
    }
}

impl Legend<'_> {
    /// One more name; what the row has no room for is left out.
    fn add(&mut self, name: &str, sample: impl Into<Option<ShapeStyle>>) -> Result<(), DrawError> {
        let letters = i32::try_from(name.chars().count()).unwrap_or(i32::MAX);
        let width = SAMPLE + 6 + letters.saturating_mul(LETTER) + 10;
        let room = self.area.dim_in_pixel().0;
        let end = self.x.saturating_add(width);
        if u32::try_from(end).is_ok_and(|end| end > room) {
            return Ok(());
        }
        let mut x = self.x;
        if let Some(style) = sample.into() {
            let line = PathElement::new([(x, 9), (x + SAMPLE, 9)], style);
            self.area.draw(&line).map_err(DrawError::of)?;
            x += SAMPLE + 6;
        }
        let font = ("sans-serif", 13).into_font();
        self.area
            .draw(&Text::new(name.to_owned(), (x, 3), font))
            .map_err(DrawError::of)?;
        self.x = end;
        Ok(())
    }
}

/// When a recording ended, in seconds.
pub(super) fn seconds(points: &[Point]) -> Result<f64, DrawError> {
    let last = points
        .last()
        .ok_or_else(|| DrawError::of("nothing was recorded"))?;
    Ok(last.at.as_secs_f64())
}
