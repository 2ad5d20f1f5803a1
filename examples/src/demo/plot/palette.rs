//! Colours that stay apart also for most people with a colour vision deficiency.
//!
//! Source: Okabe and Ito, "Color Universal Design", 2008; without black and yellow, which are
//! hard to tell from text and paper.

use plotters::style::RGBColor;

const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];

/// The colour of the line at a place; they begin anew after the last.
pub(super) fn colour(place: usize) -> RGBColor {
    COLOURS[place % COLOURS.len()]
}
