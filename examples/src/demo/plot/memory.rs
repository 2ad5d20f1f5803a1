//! The panels of memory: what each guest has and uses, and what the host can still give.

use super::palette::colour;
use super::panel::{Axes, Panel, Row, seconds};
use super::{Area, DrawError};
use crate::demo::report::{Recording, Run};
use crate::demo::scenario::EATER;
use crate::demo::trace::{GuestPoint, Point};
use cloudlot_core::Bytes;
use plotters::style::Color;
use std::ops::Range;

/// One height for the panels of all runs, so that they compare.
pub(super) struct Scale {
    guests: f64,
    /// The host's: how far around its first value.
    host: Range<f64>,
}

impl Scale {
    pub(super) fn of(runs: &[Run]) -> Self {
        let points = || runs.iter().flat_map(|run| &run.memory.trace.points);
        let actual = points().flat_map(|point| point.guests.iter().map(|guest| guest.actual));
        let gains = runs.iter().flat_map(|run| gains(&run.memory.trace.points));
        let gains = gains.map(|(_, gain)| gain);
        let (least, most) = gains.fold((0.0, 0.0), |(least, most), gain| {
            (f64::min(least, gain), f64::max(most, gain))
        });
        let margin = 0.1 * (most - least).max(100.0);
        Self {
            guests: 1.15 * actual.max().unwrap_or(Bytes::mib(100)).as_mib_f64(),
            host: least - margin..most + 2.0 * margin,
        }
    }
}

/// The host's memory since the first point, in MiB.
fn gains(points: &[Point]) -> impl Iterator<Item = (f64, f64)> {
    let available = |point: &Point| Some(point.available?.as_mib_f64());
    let first = points.iter().find_map(available).unwrap_or_default();
    points
        .iter()
        .filter_map(move |point| Some((point.at.as_secs_f64(), available(point)? - first)))
}

pub(super) fn draw_guests(
    area: &Area<'_>,
    recording: &Recording,
    scale: &Scale,
) -> Result<(), DrawError> {
    let Recording { trace, times } = recording;
    let axes = Axes {
        title: "memory-coordinator: what guests have; shaded: unused",
        unit: "MiB",
        seconds: seconds(&trace.points)?,
        height: 0.0..scale.guests,
    };
    let mut panel = Panel::new(area, axes)?;
    panel.mark(times.start, "start", Row::First)?;
    panel.mark(times.eat, &format!("{EATER} eats"), Row::Second)?;
    panel.mark(times.free, &format!("{EATER} frees"), Row::First)?;
    let names = trace.points.first().map(|point| point.guests.iter());
    for (place, guest) in names.into_iter().flatten().enumerate() {
        draw_guest(&mut panel, place, &guest.name, &trace.points)?;
    }
    panel.ticks("targets set", &trace.deeds, |deed| deed.targets > 0)
}

fn draw_guest(
    panel: &mut Panel<'_, '_>,
    place: usize,
    name: &str,
    points: &[Point],
) -> Result<(), DrawError> {
    let colour = colour(place);
    let seen = || {
        points.iter().filter_map(|point| {
            let guest = point.guests.iter().find(|guest| guest.name == name)?;
            Some((point.at.as_secs_f64(), guest))
        })
    };
    let used = |(at, guest): (f64, &GuestPoint)| {
        Some((at, guest.used()?.as_mib_f64(), guest.actual.as_mib_f64()))
    };
    if name == EATER {
        let band: Vec<(f64, f64, f64)> = seen().filter_map(used).collect();
        panel.band(colour.mix(0.15).filled(), &band)?;
        let lower = band.iter().map(|(at, used, _)| (*at, *used));
        panel.line(&format!("{name} uses"), colour.stroke_width(1), lower)?;
    }
    let has = seen().map(|(at, guest)| (at, guest.actual.as_mib_f64()));
    panel.line(name, colour.stroke_width(2), has)
}

pub(super) fn draw_host(
    area: &Area<'_>,
    recording: &Recording,
    scale: &Scale,
) -> Result<(), DrawError> {
    let Recording { trace, times } = recording;
    let points = &trace.points;
    let first = points.iter().find_map(|point| point.available);
    let title = match first {
        Some(first) => format!(
            "Host: available memory, against {:.0} MiB at first",
            first.as_mib_f64()
        ),
        None => "Host: available memory (not known)".to_owned(),
    };
    let axes = Axes {
        title: &title,
        unit: "MiB more",
        seconds: seconds(points)?,
        height: scale.host.clone(),
    };
    let mut panel = Panel::new(area, axes)?;
    panel.mark(times.start, "", Row::First)?;
    panel.mark(times.eat, "", Row::First)?;
    panel.mark(times.free, "", Row::First)?;
    panel.line("available", colour(2).stroke_width(2), gains(points))
}
