//! Calls, cold calls and memory over time: three panels above each other, a line a run.

use super::DrawError;
use super::canvas::{
    Anchor, Canvas, FAINT, Frame, GREY, INK, PLACES, Point, SHADE, colour, lay_out,
};
use super::scale::Scale;
use crate::report::compare::Report;
use crate::report::run::Run;
use crate::report::timeline::Timeline;
use crate::report::words::printable;
use plotters::style::Color;

pub(super) fn draw(report: &Report, canvas: &Canvas<'_>, frame: Frame) -> Result<(), DrawError> {
    let runs = report.runs();
    let shown = &runs[..runs.len().min(PLACES)];
    let title = match runs.len() - shown.len() {
        0 => "Over time".to_owned(),
        _ => format!("Over time, the first {PLACES} of {} runs", runs.len()),
    };
    canvas.bold(&title, (24, frame.top + 6), 15, INK)?;
    let names: Vec<String> = shown.iter().map(|run| printable(&run.name)).collect();
    let places = lay_out(&names, (frame.left, frame.top + 34), frame.right);
    canvas.legend(&names, &places)?;
    let ends = shown.iter().map(|run| run.timeline.end_s());
    let x = Scale::time(seconds(ends.max().unwrap_or(0)), frame.left, frame.right);
    let top = places.last().map_or(frame.top + 34, |last| last.1) + 32;
    let height = (frame.bottom - 34 - top) / 3;
    let panel = |place: i32| Panel {
        canvas,
        x: &x,
        frame: Frame {
            top: top + place * height + 22,
            bottom: top + (place + 1) * height - 10,
            ..frame
        },
    };
    let first = &shown[..shown.len().min(1)];
    panel(0).draw(
        "calls a minute",
        Some((first, Timeline::calls_a_minute)),
        (&[], Timeline::calls_a_minute),
    )?;
    panel(1).draw(
        "cold starts a minute",
        None,
        (shown, Timeline::cold_a_minute),
    )?;
    panel(2).draw(
        "idle memory, GiB; shaded: busy",
        Some((first, Timeline::busy_gib)),
        (shown, Timeline::idle_gib),
    )?;
    for (seconds, text) in &x.ticks {
        let at = (x.place(*seconds), frame.bottom - 38);
        canvas.anchored(text, at, 12, GREY, Anchor::Centre)?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a drawing is not that fine")]
fn seconds(whole: u64) -> f64 {
    whole as f64
}

/// A column of a time line, in the unit in which it is drawn.
type Column = fn(&Timeline) -> Vec<f64>;
/// Runs, and what is drawn of them.
type Lines<'a> = (&'a [Run], Column);

struct Panel<'a, 'b> {
    canvas: &'a Canvas<'b>,
    x: &'a Scale,
    frame: Frame,
}

impl Panel<'_, '_> {
    /// What is behind as an area, what is in front as lines.
    fn draw(
        &self,
        title: &str,
        behind: Option<Lines<'_>>,
        front: Lines<'_>,
    ) -> Result<(), DrawError> {
        let Self { canvas, frame, .. } = self;
        let most = |(runs, column): Lines<'_>| {
            let numbers = runs.iter().flat_map(|run| column(&run.timeline));
            numbers.fold(0.0, f64::max)
        };
        let most = f64::max(behind.map_or(0.0, most), most(front));
        let y = Scale::linear(most, frame.bottom, frame.top);
        for (number, text) in &y.ticks {
            let at = y.place(*number);
            canvas.line(vec![(frame.left, at), (frame.right, at)], FAINT, 1)?;
            canvas.anchored(text, (frame.left - 8, at - 6), 12, GREY, Anchor::Right)?;
        }
        canvas.text(title, (frame.left, frame.top - 20), 12, GREY)?;
        for (run, column) in behind
            .iter()
            .flat_map(|(runs, column)| runs.iter().zip([column]))
        {
            let line = self.points(&run.timeline, *column, &y);
            let (Some(first), Some(last)) = (line.first(), line.last()) else {
                continue;
            };
            let feet = [(last.0, frame.bottom), (first.0, frame.bottom)];
            canvas.area(line.iter().copied().chain(feet).collect(), SHADE.mix(0.5))?;
        }
        let (runs, column) = front;
        for (place, run) in runs.iter().enumerate() {
            let line = self.points(&run.timeline, column, &y);
            canvas.line(line, colour(place).mix(0.85), 2)?;
        }
        Ok(())
    }

    /// A point in the middle of each bucket.
    #[expect(clippy::cast_precision_loss, reason = "a drawing is not that fine")]
    fn points(&self, line: &Timeline, column: Column, y: &Scale) -> Vec<Point> {
        let numbers = column(line).into_iter().enumerate();
        let middle = |place: usize| (place as f64 + 0.5) * line.bucket_s as f64;
        numbers
            .map(|(place, number)| (self.x.place(middle(place)), y.place(number)))
            .collect()
    }
}
