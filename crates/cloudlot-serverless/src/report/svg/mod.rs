//! A report as a picture: the frontier of cold starts and idle memory, and the runs over time.
//!
//! The text is the same for the same report, is legal XML whatever the names are, and asks for no font but sans-serif.

mod canvas;
mod frontier;
mod scale;
mod timeline;

use super::compare::Report;
use super::words::{printable, thousands, time};
use canvas::{Canvas, Frame, GREY, INK};

/// What a picture shows.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Panels {
    /// Each run as a point: cold calls over idle memory.
    Frontier,
    /// Calls, cold calls and memory over time, of the first runs.
    Timeline,
    /// Both, one above the other.
    #[default]
    Both,
}

/// Why there is no picture.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("cannot draw: {0}")]
pub struct DrawError(pub(super) String);

/// Widths and heights, in pixels.
const WIDTH: u32 = 960;
const HEADER: u32 = 66;
const FRONTIER: u32 = 520;
const TIMELINE: u32 = 560;

impl Report {
    /// An SVG picture.
    ///
    /// # Errors
    /// If the library that draws finds something wrong; no report is known that makes it.
    pub fn draw(&self, panels: Panels) -> Result<String, DrawError> {
        let (frontier, timeline) = match panels {
            Panels::Frontier => (FRONTIER, 0),
            Panels::Timeline => (0, TIMELINE),
            Panels::Both => (FRONTIER, TIMELINE),
        };
        let mut text = String::new();
        {
            let canvas = Canvas::new(&mut text, (WIDTH, HEADER + frontier + timeline))?;
            self.draw_header(&canvas)?;
            let frame = |top, height| Frame::of(WIDTH, top, height);
            if frontier > 0 {
                frontier::draw(self, &canvas, frame(HEADER, frontier))?;
            }
            if timeline > 0 {
                timeline::draw(self, &canvas, frame(HEADER + frontier, timeline))?;
            }
            canvas.finish()?;
        }
        Ok(text)
    }

    fn draw_header(&self, canvas: &Canvas<'_>) -> Result<(), DrawError> {
        let it = self.workload();
        canvas.bold(&printable(&it.name), (24, 18), 20, INK)?;
        let words = format!(
            "{} functions of {} apps, {} calls in {}",
            thousands(it.functions),
            thousands(it.apps),
            thousands(it.calls),
            time(it.span_s)
        );
        canvas.text(&words, (24, 44), 13, GREY)
    }
}
