//! Cold calls over idle memory, both logarithmic: a point a run, a line a family, the frontier behind.

use super::DrawError;
use super::canvas::{
    Anchor, Canvas, FAINT, Frame, GREY, INK, Point, SHADE, colour, lay_out, text_width,
};
use super::scale::Scale;
use crate::report::compare::Report;
use crate::report::run::Run;
use crate::report::words::printable;
use plotters::style::Color;

/// More points are not named.
const NAMED: usize = 120;

pub(super) fn draw(report: &Report, canvas: &Canvas<'_>, frame: Frame) -> Result<(), DrawError> {
    let runs = report.runs();
    let families = families(runs);
    let names: Vec<String> = families.iter().map(|name| printable(name)).collect();
    let places = lay_out(&names, (frame.left, frame.top + 34), frame.right);
    let plot = Frame {
        top: places.last().map_or(frame.top + 34, |last| last.1) + 40,
        bottom: frame.bottom - 62,
        ..frame
    };
    canvas.bold(
        "Cold starts against idle memory",
        (24, frame.top + 6),
        15,
        INK,
    )?;
    let x = Scale::log(runs.iter().map(Run::idle_gib_h), plot.left, plot.right);
    let y = Scale::log(runs.iter().map(cold), plot.bottom, plot.top);
    grid(canvas, plot, &x, &y)?;
    let points: Vec<Point> = runs
        .iter()
        .map(|run| (x.place(run.idle_gib_h()), y.place(cold(run))))
        .collect();
    stairs(report, canvas, &points)?;
    canvas.legend(&names, &places)?;
    for (place, family) in families.iter().enumerate() {
        let mut line: Vec<Point> = members(runs, family).map(|run| points[run]).collect();
        line.sort_unstable();
        canvas.line(line.clone(), colour(place).mix(0.55), 2)?;
        line.into_iter().try_for_each(|at| canvas.mark(at, place))?;
    }
    name_points(canvas, plot, runs, &families, &points)
}

#[expect(clippy::cast_precision_loss, reason = "a drawing is not that fine")]
fn cold(run: &Run) -> f64 {
    run.cold as f64
}

fn grid(canvas: &Canvas<'_>, plot: Frame, x: &Scale, y: &Scale) -> Result<(), DrawError> {
    for (number, text) in &x.ticks {
        let at = x.place(*number);
        canvas.line(vec![(at, plot.top), (at, plot.bottom)], FAINT, 1)?;
        canvas.anchored(text, (at, plot.bottom + 8), 12, GREY, Anchor::Centre)?;
    }
    for (number, text) in &y.ticks {
        let at = y.place(*number);
        canvas.line(vec![(plot.left, at), (plot.right, at)], FAINT, 1)?;
        canvas.anchored(text, (plot.left - 8, at - 6), 12, GREY, Anchor::Right)?;
    }
    let axes = vec![
        (plot.left, plot.top),
        (plot.left, plot.bottom),
        (plot.right, plot.bottom),
    ];
    canvas.line(axes, SHADE, 1)?;
    canvas.text("cold starts", (24, plot.top - 20), 12, GREY)?;
    let note = "grey: what no other run beats";
    canvas.anchored(note, (plot.right, plot.top - 20), 12, GREY, Anchor::Right)?;
    let words = "idle memory, GiB h";
    canvas.anchored(
        words,
        (plot.right, plot.bottom + 28),
        12,
        GREY,
        Anchor::Right,
    )
}

/// What no run beats, behind the points.
fn stairs(report: &Report, canvas: &Canvas<'_>, points: &[Point]) -> Result<(), DrawError> {
    let free = report.frontier().into_iter().zip(points);
    let mut free: Vec<Point> = free.filter(|(free, _)| *free).map(|(_, at)| *at).collect();
    free.sort_unstable();
    let corners = free
        .windows(2)
        .flat_map(|pair| [pair[0], (pair[1].0, pair[0].1)]);
    let mut path: Vec<Point> = corners.collect();
    path.extend(free.last());
    match path.len() {
        0 | 1 => Ok(()),
        _ => canvas.line(path, SHADE.mix(0.4), 6),
    }
}

/// In the order in which they appear.
fn families(runs: &[Run]) -> Vec<&str> {
    let mut families: Vec<&str> = Vec::new();
    for run in runs {
        if !families.contains(&run.family.as_str()) {
            families.push(&run.family);
        }
    }
    families
}

fn members(runs: &[Run], family: &str) -> impl Iterator<Item = usize> {
    let runs = runs.iter().enumerate();
    runs.filter(move |(_, run)| run.family == family)
        .map(|(place, _)| place)
}

/// Left, top, right and bottom.
type Place = (i32, i32, i32, i32);

/// Writes the setting of each run where it hides nothing; one without such a place stays without a name.
fn name_points(
    canvas: &Canvas<'_>,
    plot: Frame,
    runs: &[Run],
    families: &[&str],
    points: &[Point],
) -> Result<(), DrawError> {
    let around = |&(x, y): &Point| (x - 7, y - 7, x + 7, y + 7);
    let mut taken: Vec<Place> = points.iter().map(around).collect();
    for family in families {
        let mut line: Vec<Point> = members(runs, family).map(|run| points[run]).collect();
        line.sort_unstable();
        taken.extend(line.windows(2).flat_map(|ends| dots(ends[0], ends[1])));
    }
    for (run, &(x, y)) in runs.iter().zip(points).take(NAMED) {
        let name = match run.setting.as_str() {
            "" => printable(&run.family),
            setting => printable(setting),
        };
        let width = text_width(&name, 12);
        let sides = [
            (x + 9, y - 16),
            (x + 9, y + 5),
            (x - 9 - width, y - 16),
            (x - 9 - width, y + 5),
            (x - width / 2, y - 22),
            (x - width / 2, y + 10),
            (x + 12, y - 6),
            (x - 12 - width, y - 6),
        ];
        let place = |(left, top)| (left, top, left + width, top + 13);
        let free = sides.into_iter().find(|&at| {
            let it = place(at);
            let inside = it.0 > plot.left && it.2 < plot.right + 30 && it.3 < plot.bottom;
            inside && !taken.iter().any(|other| meet(it, *other))
        });
        let Some(at) = free else { continue };
        taken.push(place(at));
        let family = families.iter().position(|family| *family == run.family);
        canvas.text(&name, at, 12, colour(family.unwrap_or(0)))?;
    }
    Ok(())
}

/// Small places along a line.
fn dots(from: Point, to: Point) -> impl Iterator<Item = Place> {
    const STEPS: i32 = 24;
    let between = |from: i32, to: i32, step| from + (to - from) * step / STEPS;
    let dot = move |step| (between(from.0, to.0, step), between(from.1, to.1, step));
    (1..STEPS)
        .map(dot)
        .map(|(x, y)| (x - 2, y - 2, x + 2, y + 2))
}

fn meet(one: Place, other: Place) -> bool {
    one.0 < other.2 && other.0 < one.2 && one.1 < other.3 && other.1 < one.3
}
