//! The drawing: a column for each run, above each other CPU, guests' memory, host's memory.

mod cpu;
mod memory;
mod palette;
mod panel;

use super::report::Run;
use plotters::prelude::{DrawingArea, IntoDrawingArea, SVGBackend, WHITE};
use plotters::style::IntoFont;
use std::fmt::Display;

/// Why there is no drawing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("cannot draw: {0}")]
pub struct DrawError(String);

impl DrawError {
    fn of(error: impl Display) -> Self {
        Self(error.to_string())
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// Width of a column, and heights of the title and the panels, in pixels.
const COLUMN: u32 = 560;
const TITLE: u32 = 36;
const CPU: u32 = 300;
const GUESTS: u32 = 330;
const HOST: u32 = 220;

/// An SVG picture of the runs. The same runs give the same text.
///
/// # Errors
/// If a run is empty.
pub fn draw(runs: &[Run]) -> Result<String, DrawError> {
    let mut text = String::new();
    {
        let columns = u32::try_from(runs.len()).map_err(DrawError::of)?;
        let size = (COLUMN * columns, TITLE + CPU + GUESTS + HOST);
        let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
        root.fill(&WHITE).map_err(DrawError::of)?;
        let areas = root.split_evenly((1, runs.len()));
        let scale = memory::Scale::of(runs);
        for (area, run) in areas.iter().zip(runs) {
            column(area, run, &scale)?;
        }
        root.present().map_err(DrawError::of)?;
    }
    Ok(text)
}

fn column(area: &Area<'_>, run: &Run, scale: &memory::Scale) -> Result<(), DrawError> {
    let title = run.title().join(", ");
    let area = area
        .titled(&title, ("sans-serif", 22).into_font())
        .map_err(DrawError::of)?;
    let (cpu, rest) = area.split_vertically(CPU);
    let (guests, host) = rest.split_vertically(GUESTS);
    cpu::draw(&cpu, &run.cpu)?;
    memory::draw_guests(&guests, &run.memory, scale)?;
    memory::draw_host(&host, &run.memory, scale)
}
