//! What all panels have in common: axes with units over the seconds of a recording, and marks.

use super::{Area, DrawError};
use crate::demo::trace::{Deed, Point};
use cloudlot_core::Timestamp;
use plotters::chart::{ChartBuilder, ChartContext, SeriesLabelPosition};
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::types::RangedCoordf64;
use plotters::element::{PathElement, Rectangle, Text};
use plotters::prelude::SVGBackend;
use plotters::series::LineSeries;
use plotters::style::{BLACK, Color, IntoFont, RGBColor, ShapeStyle, WHITE};
use std::ops::Range;

/// Grey of marks and grids.
const GREY: RGBColor = RGBColor(110, 110, 110);

/// A panel under construction.
pub(super) struct Panel<'a, 'b: 'a> {
    chart: ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>,
    height: Range<f64>,
}

/// What a panel shows, and in which unit.
pub(super) struct Axes<'a> {
    pub(super) title: &'a str,
    pub(super) unit: &'a str,
    pub(super) seconds: f64,
    pub(super) height: Range<f64>,
}

impl<'a, 'b: 'a> Panel<'a, 'b> {
    pub(super) fn new(area: &'a Area<'b>, axes: Axes<'_>) -> Result<Self, DrawError> {
        let mut chart = ChartBuilder::on(area)
            .caption(axes.title, ("sans-serif", 16).into_font())
            .margin(8)
            .margin_right(16)
            .x_label_area_size(36)
            .y_label_area_size(58)
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
        self.chart
            .draw_series(series)
            .map_err(DrawError::of)?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        Ok(())
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
        let band = plotters::element::Polygon::new(outline, style);
        self.chart.draw_series([band]).map_err(DrawError::of)?;
        Ok(())
    }

    /// A mark at the moment when something begins or ends, with its name.
    pub(super) fn mark(&mut self, at: Timestamp, name: &str) -> Result<(), DrawError> {
        let x = at.as_secs_f64();
        let line = [(x, self.height.start), (x, self.height.end)];
        let path = PathElement::new(line, GREY.stroke_width(1));
        self.chart.draw_series([path]).map_err(DrawError::of)?;
        let text = Text::new(
            format!(" {name}"),
            (x, self.height.end),
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
        let tick = |deed: &Deed| {
            let x = deed.at.as_secs_f64();
            PathElement::new([(x, self.height.start), (x, top)], BLACK.stroke_width(2))
        };
        let ticks: Vec<_> = deeds.iter().filter(|deed| counts(deed)).map(tick).collect();
        if ticks.is_empty() {
            return Ok(());
        }
        self.chart
            .draw_series(ticks)
            .map_err(DrawError::of)?
            .label(name)
            .legend(|(x, y)| Rectangle::new([(x + 8, y - 5), (x + 10, y + 5)], BLACK.filled()));
        Ok(())
    }

    /// Puts the legend in.
    pub(super) fn finish(mut self, place: SeriesLabelPosition) -> Result<(), DrawError> {
        self.chart
            .configure_series_labels()
            .position(place)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.2))
            .label_font(("sans-serif", 13).into_font())
            .draw()
            .map_err(DrawError::of)
    }
}

/// When a recording ended, in seconds.
pub(super) fn seconds(points: &[Point]) -> Result<f64, DrawError> {
    let last = points
        .last()
        .ok_or_else(|| DrawError::of("nothing was recorded"))?;
    Ok(last.at.as_secs_f64())
}
