//! The panel of the pCPUs: the usage of each over time, and when vCPUs were pinned.

use super::palette::colour;
use super::panel::{Axes, Panel, Row, seconds};
use super::{Area, DrawError};
use crate::demo::report::Recording;
use plotters::style::Color;

/// Counters are read a little early or late: usage above 100 % occurs.
const TOP: f64 = 115.0;

pub(super) fn draw(area: &Area<'_>, recording: &Recording) -> Result<(), DrawError> {
    let Recording { trace, times } = recording;
    let axes = Axes {
        title: "vcpu-scheduler: CPU time of the vCPUs on each pCPU",
        unit: "% of a pCPU",
        seconds: seconds(&trace.points)?,
        height: 0.0..TOP,
    };
    let mut panel = Panel::new(area, axes)?;
    panel.mark(times.start, "start", Row::First)?;
    let mut ids: Vec<_> = trace
        .points
        .iter()
        .flat_map(|point| point.pcpus.iter().map(|(id, _)| *id))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    for (place, id) in ids.into_iter().enumerate() {
        let values = trace.points.iter().filter_map(|point| {
            let (_, usage) = point.pcpus.iter().find(|(pcpu, _)| *pcpu == id)?;
            Some((point.at.as_secs_f64(), usage.min(TOP)))
        });
        let name = format!("pCPU {}", id.number());
        panel.line(&name, colour(place).stroke_width(2), values)?;
    }
    panel.ticks("pins written", &trace.deeds, |deed| deed.pins > 0)
}
