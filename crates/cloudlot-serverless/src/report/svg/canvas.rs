//! Paper, ink and colours; what is drawn with them is told in pixels.

use super::DrawError;
use plotters::drawing::DrawingArea;
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text, TriangleMarker};
use plotters::prelude::{IntoDrawingArea, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBAColor, RGBColor, WHITE};
use std::fmt::Display;

pub(super) const INK: RGBColor = RGBColor(33, 37, 41);
pub(super) const GREY: RGBColor = RGBColor(95, 103, 112);
/// Lines that help the eye and say nothing.
pub(super) const FAINT: RGBColor = RGBColor(228, 231, 235);
/// Behind what counts.
pub(super) const SHADE: RGBColor = RGBColor(173, 181, 189);

/// Colours that stay apart also for most people with a colour vision deficiency.
///
/// Source: Okabe and Ito, "Color Universal Design", 2008; without black and yellow, which are hard to tell from text and paper.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];

/// The colour of a place; they begin anew after the last.
pub(super) fn colour(place: usize) -> RGBColor {
    COLOURS[place % COLOURS.len()]
}

/// How many places have colours of their own.
pub(super) const PLACES: usize = COLOURS.len();

/// Where a panel's axes stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Frame {
    pub(super) left: i32,
    pub(super) right: i32,
    /// Of all that belongs to the panel.
    pub(super) top: i32,
    pub(super) bottom: i32,
}

impl Frame {
    pub(super) fn of(width: u32, top: u32, height: u32) -> Self {
        let pixel = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        Self {
            left: 84,
            right: pixel(width) - 36,
            top: pixel(top),
            bottom: pixel(top + height),
        }
    }
}

pub(super) type Point = (i32, i32);

/// The sheet.
pub(super) struct Canvas<'a>(DrawingArea<SVGBackend<'a>, plotters::coord::Shift>);

/// On which side of its point a text stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Anchor {
    Left,
    Centre,
    Right,
}

impl<'a> Canvas<'a> {
    pub(super) fn new(text: &'a mut String, size: (u32, u32)) -> Result<Self, DrawError> {
        let area = SVGBackend::with_string(text, size).into_drawing_area();
        area.fill(&WHITE).map_err(words)?;
        Ok(Self(area))
    }

    pub(super) fn finish(self) -> Result<(), DrawError> {
        self.0.present().map_err(words)
    }

    /// A text to the right of a point and below it.
    pub(super) fn text(
        &self,
        text: &str,
        at: Point,
        size: i32,
        ink: RGBColor,
    ) -> Result<(), DrawError> {
        self.anchored(text, at, size, ink, Anchor::Left)
    }

    /// A text beside, or in the middle of, a point and below it.
    pub(super) fn anchored(
        &self,
        text: &str,
        at: Point,
        size: i32,
        ink: RGBColor,
        anchor: Anchor,
    ) -> Result<(), DrawError> {
        let side = match anchor {
            Anchor::Left => HPos::Left,
            Anchor::Centre => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        let font = ("sans-serif", size).into_font().color(&ink);
        let font = font.pos(Pos::new(side, VPos::Top));
        let text = Text::new(text.to_owned(), at, font);
        self.0.draw(&text).map_err(words)
    }

    pub(super) fn bold(
        &self,
        text: &str,
        at: Point,
        size: i32,
        ink: RGBColor,
    ) -> Result<(), DrawError> {
        let font = ("sans-serif", size).into_font().style(FontStyle::Bold);
        let text = Text::new(text.to_owned(), at, font.color(&ink));
        self.0.draw(&text).map_err(words)
    }

    pub(super) fn line(
        &self,
        points: Vec<Point>,
        ink: impl Into<RGBAColor>,
        width: u32,
    ) -> Result<(), DrawError> {
        let path = PathElement::new(points, ink.into().stroke_width(width));
        self.0.draw(&path).map_err(words)
    }

    /// What a line encloses.
    pub(super) fn area(
        &self,
        points: Vec<Point>,
        ink: impl Into<RGBAColor>,
    ) -> Result<(), DrawError> {
        let area = Polygon::new(points, ink.into().filled());
        self.0.draw(&area).map_err(words)
    }

    /// A mark whose form changes when colours begin anew.
    pub(super) fn mark(&self, at: Point, place: usize) -> Result<(), DrawError> {
        let (ink, (x, y)) = (colour(place).filled(), at);
        match place / PLACES % 3 {
            0 => self.0.draw(&Circle::new(at, 5, ink)),
            1 => {
                let corners = [(x - 5, y - 5), (x + 5, y + 5)];
                self.0.draw(&Rectangle::new(corners, ink))
            }
            _ => self.0.draw(&TriangleMarker::new(at, 7, ink)),
        }
        .map_err(words)
    }

    /// Names at their places, each after a sample of its colour.
    pub(super) fn legend(&self, names: &[String], places: &[Point]) -> Result<(), DrawError> {
        for ((place, name), &(x, y)) in names.iter().enumerate().zip(places) {
            self.line(vec![(x, y + 5), (x + 18, y + 5)], colour(place), 2)?;
            self.mark((x + 9, y + 5), place)?;
            self.text(name, (x + 24, y), 13, INK)?;
        }
        Ok(())
    }
}

/// The height of a row of a legend, and how many there are at most.
const ROW: i32 = 20;
const ROWS: i32 = 5;

/// Where the names of a legend stand, from left to right in as many rows as it takes; what has no room after that has no place.
pub(super) fn lay_out(names: &[String], from: Point, until: i32) -> Vec<Point> {
    let (mut x, mut y) = from;
    let mut places = Vec::with_capacity(names.len());
    for name in names {
        let width = 34 + text_width(name, 13);
        if x > from.0 && x + width > until {
            (x, y) = (from.0, y + ROW);
        }
        if y >= from.1 + ROWS * ROW {
            break;
        }
        places.push((x, y));
        x += width + 10;
    }
    places
}

/// About what a text takes, in pixels.
pub(super) fn text_width(text: &str, size: i32) -> i32 {
    let letters = i32::try_from(text.chars().take(1_000).count()).unwrap_or(1_000);
    letters * size * 3 / 5
}

fn words(error: impl Display) -> DrawError {
    DrawError(error.to_string())
}
