//! Tile coding: several grids over a continuous space, each shifted a little differently.
//!
//! A point is known by the tile it is in on each grid. Tiles are numbered exactly, without hashing:
//! no two tiles share a number, and how many there are is known. What is learned for
//! a tile is the business of the linear values.
//!
//! Source: Sutton and Barto, "Reinforcement Learning: An Introduction", 2nd edition (2018),
//! section 9.5.4.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The most grids a coder can have.
pub const TILINGS_MAX: usize = 32;

/// One dimension of the space that is tiled.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dimension {
    /// The lowest value; what is below counts as this.
    pub from: f64,
    /// The highest value; what is above counts as this.
    pub to: f64,
    /// How many tiles lie between the two. Shifted grids stick out by one more.
    pub tiles: u32,
}

/// Numbers the tiles that a point is in.
///
/// Grid `k` of `n` is shifted in dimension `d` by `k (2d + 1) / n` of a tile: the asymmetric displacement
/// (1, 3, 5, …), which leaves no diagonal artefacts.
///
/// ```
/// # use cloudlot_qlearn::{Dimension, TileCoder};
/// let position = Dimension { from: -1.2, to: 0.5, tiles: 8 };
/// let velocity = Dimension { from: -0.07, to: 0.07, tiles: 8 };
/// let coder = TileCoder::new(8, &[position, velocity])?;
/// assert_eq!(coder.features(), 8 * 9 * 9);
/// let here = coder.tiles(&[-0.5, 0.0])?;
/// let near = coder.tiles(&[-0.45, 0.0])?;
/// let shared = here.iter().filter(|tile| near.iter().any(|other| other == *tile)).count();
/// assert_eq!((here.len(), shared), (8, 6));
/// assert!(coder.tiles(&[f64::NAN, 0.0]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Grids", into = "Grids")]
pub struct TileCoder {
    grids: Grids,
    features: u32,
}

/// The tiles a point is in: one of each grid, in the order of grids.
///
/// In a file it is the list of their numbers; whether a table has them, the table knows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "Vec<u32>", into = "Vec<u32>")]
pub struct Tiles {
    ids: [u32; TILINGS_MAX],
    count: u32,
}

/// Why a space cannot be tiled.
#[derive(Clone, Copy, PartialEq, Debug, Error)]
#[non_exhaustive]
pub enum TilingError {
    /// With other numbers, some grids would coincide in some dimension.
    #[error("{tilings} tilings, not a power of two from 1 to {TILINGS_MAX}")]
    Tilings {
        /// How many were asked for.
        tilings: u32,
    },
    /// No space at all.
    #[error("no dimensions")]
    NoDimensions,
    /// Ends that are not finite, out of order or too far apart.
    #[error("dimension {dimension} goes from {from} to {to}")]
    Ends {
        /// Which dimension, from zero.
        dimension: usize,
        /// Its lower end.
        from: f64,
        /// Its upper end.
        to: f64,
    },
    /// A dimension without a tile.
    #[error("dimension {dimension} has no tiles")]
    NoTiles {
        /// Which dimension, from zero.
        dimension: usize,
    },
    /// More tiles than numbers.
    #[error(
        "dimensions 0 to {dimension} have more than {} tiles together",
        u32::MAX
    )]
    TooMany {
        /// The dimension that was too much, from zero.
        dimension: usize,
    },
}

/// No tile, or more than a point can be in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("{0} tiles, where a point is in 1 to {TILINGS_MAX}")]
pub struct TilesError(pub usize);

/// Why a point is in no tile.
#[derive(Clone, Copy, PartialEq, Debug, Error)]
#[non_exhaustive]
pub enum PointError {
    /// A point of another space.
    #[error("{given} coordinates in a space of {wanted}")]
    Coordinates {
        /// How many were given.
        given: usize,
        /// How many there are.
        wanted: usize,
    },
    /// Not a number, or without end.
    #[error("coordinate {dimension} is {value}")]
    NotFinite {
        /// Which coordinate, from zero.
        dimension: usize,
        /// What was given.
        value: f64,
    },
}

/// What a file holds of a coder.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Grids {
    tilings: u32,
    dimensions: Vec<Dimension>,
}

impl TileCoder {
    /// `tilings` grids over these dimensions.
    ///
    /// A power of two of at least four times the number of dimensions shows no preferred
    /// direction.
    ///
    /// # Errors
    ///
    /// Where `tilings` is not a power of two up to [`TILINGS_MAX`], a dimension has no width or no tile,
    /// or there are more than `u32::MAX` tiles.
    pub fn new(tilings: u32, dimensions: &[Dimension]) -> Result<Self, TilingError> {
        Self::try_from(Grids {
            tilings,
            dimensions: dimensions.to_vec(),
        })
    }

    /// How many tiles there are on all grids; their numbers are the ones below.
    #[must_use]
    pub const fn features(&self) -> u32 {
        self.features
    }

    /// How many grids there are: as many as a point has tiles.
    #[must_use]
    pub const fn tilings(&self) -> u32 {
        self.grids.tilings
    }

    /// The dimensions of the space.
    #[must_use]
    pub fn dimensions(&self) -> &[Dimension] {
        &self.grids.dimensions
    }

    /// The tiles that `point` is in. What lies outside counts as the nearest edge.
    ///
    /// # Errors
    ///
    /// Where `point` has other dimensions, or a coordinate that is not a finite number.
    pub fn tiles(&self, point: &[f64]) -> Result<Tiles, PointError> {
        let Grids {
            tilings,
            dimensions,
        } = &self.grids;
        if point.len() != dimensions.len() {
            return Err(PointError::Coordinates {
                given: point.len(),
                wanted: dimensions.len(),
            });
        }
        let mut tiles = Tiles {
            ids: [0; TILINGS_MAX],
            count: *tilings,
        };
        for (grid, id) in (0..*tilings).zip(&mut tiles.ids) {
            *id = grid;
        }
        // The number of grids is a power of two: dividing by it is a shift.
        let (power, part) = (tilings.trailing_zeros(), tilings - 1);
        let mut displacement = 1;
        for (dimension, (axis, &value)) in dimensions.iter().zip(point).enumerate() {
            if !value.is_finite() {
                return Err(PointError::NotFinite { dimension, value });
            }
            let steps = axis.steps(value, *tilings);
            let mut shift = 0;
            for id in &mut tiles.ids[..*tilings as usize] {
                let tile = (steps + u64::from(shift)) >> power;
                *id = *id * (axis.tiles + 1) + u32::try_from(tile).unwrap_or(axis.tiles);
                shift = (shift + displacement) & part;
            }
            displacement += 2;
        }
        Ok(tiles)
    }
}

impl Dimension {
    /// How far `value` is from the lower end, in whole steps of `tiles * tilings` to the upper one:
    /// the part of a tile by which grids are shifted against each other.
    fn steps(&self, value: f64, tilings: u32) -> u64 {
        let most = u64::from(self.tiles) * u64::from(tilings);
        let inside = value.clamp(self.from, self.to);
        #[expect(clippy::cast_precision_loss, reason = "below 2^37, so exact")]
        let scaled = (inside - self.from) * most as f64 / (self.to - self.from);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from zero to `most`, rounded down"
        )]
        let steps = scaled as u64;
        steps.min(most)
    }
}

impl Tiles {
    /// The numbers of the tiles, one of each grid.
    #[must_use]
    #[inline]
    pub fn as_slice(&self) -> &[u32] {
        &self.ids[..self.count as usize]
    }

    /// The numbers of the tiles, in the order of grids.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.as_slice().iter().copied()
    }

    /// How many tiles there are.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.count
    }

    /// Whether there are none; a coder never gives that.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl TryFrom<Vec<u32>> for Tiles {
    type Error = TilesError;

    fn try_from(list: Vec<u32>) -> Result<Self, TilesError> {
        let count = u32::try_from(list.len()).unwrap_or(u32::MAX);
        let mut ids = [0; TILINGS_MAX];
        match ids.get_mut(..list.len()) {
            Some(held) if count > 0 => held.copy_from_slice(&list),
            _ => return Err(TilesError(list.len())),
        }
        Ok(Self { ids, count })
    }
}

impl From<Tiles> for Vec<u32> {
    fn from(tiles: Tiles) -> Self {
        tiles.as_slice().to_vec()
    }
}

impl TryFrom<Grids> for TileCoder {
    type Error = TilingError;

    fn try_from(grids: Grids) -> Result<Self, TilingError> {
        let Grids {
            tilings,
            dimensions,
        } = &grids;
        if !tilings.is_power_of_two() || *tilings as usize > TILINGS_MAX {
            return Err(TilingError::Tilings { tilings: *tilings });
        }
        if dimensions.is_empty() {
            return Err(TilingError::NoDimensions);
        }
        let mut features = *tilings;
        for (dimension, axis) in dimensions.iter().enumerate() {
            let Dimension { from, to, tiles } = *axis;
            let steps = f64::from(tiles) * f64::from(*tilings);
            if !(from.is_finite()
                && to.is_finite()
                && from < to
                && ((to - from) * steps).is_finite())
            {
                return Err(TilingError::Ends {
                    dimension,
                    from,
                    to,
                });
            }
            if tiles == 0 {
                return Err(TilingError::NoTiles { dimension });
            }
            features = tiles
                .checked_add(1)
                .and_then(|across| features.checked_mul(across))
                .ok_or(TilingError::TooMany { dimension })?;
        }
        Ok(Self { grids, features })
    }
}

impl From<TileCoder> for Grids {
    fn from(coder: TileCoder) -> Self {
        coder.grids
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UNIT: Dimension = Dimension {
        from: 0.0,
        to: 1.0,
        tiles: 4,
    };

    fn shared(one: &Tiles, other: &Tiles) -> usize {
        one.iter().zip(other.iter()).filter(|(a, b)| a == b).count()
    }

    proptest! {
        #[test]
        fn every_grid_has_numbers_of_its_own(
            power in 0_u32..=5,
            spaces in prop::collection::vec((-1e3..1e3, 1e-3..1e3, 1_u32..9), 1..4),
            point in prop::collection::vec(-3e3..3e3, 3),
        ) {
            let dimensions: Vec<_> = spaces
                .iter()
                .map(|&(from, width, tiles)| Dimension { from, to: from + width, tiles })
                .collect();
            let coder = TileCoder::new(1 << power, &dimensions).unwrap();
            let tiles = coder.tiles(&point[..dimensions.len()]).unwrap();
            prop_assert_eq!(tiles.len(), coder.tilings());
            let each = coder.features() / coder.tilings();
            for (grid, tile) in (0..).zip(tiles.iter()) {
                prop_assert_eq!(tile / each, grid);
            }
        }

        /// One step is the part of a tile by which grids are shifted: going on by `far` steps along one
        /// dimension leaves one more tile each step, until none is left.
        #[test]
        fn each_step_leaves_one_tile(power in 0_u32..=5, at in 0_u32..128, far in 0_u32..40, along in 0_usize..3) {
            let tilings = 1 << power;
            let steps = 4 * tilings;
            let at = at % steps;
            let coder = TileCoder::new(tilings, &[UNIT; 3]).unwrap();
            let value = |step: u32| (f64::from(step) + 0.5) / f64::from(steps);
            let mut point = [0.31, 0.62, 0.93];
            point[along] = value(at);
            let here = coder.tiles(&point).unwrap();
            point[along] = value((at + far).min(steps - 1));
            let there = coder.tiles(&point).unwrap();
            let gone = far.min(steps - 1 - at).min(tilings);
            prop_assert_eq!(shared(&here, &there), (tilings - gone) as usize);
        }

        #[test]
        fn one_grid_is_a_table_of_its_cells(x in 0.0..1.0, y in 0.0..1.0) {
            let coder = TileCoder::new(1, &[UNIT, UNIT]).unwrap();
            let cell = |v: f64| (0..4).find(|c| v * 4.0 < f64::from(*c) + 1.0).unwrap();
            let tiles = coder.tiles(&[x, y]).unwrap();
            prop_assert_eq!(tiles.as_slice(), [cell(x) * 5 + cell(y)]);
        }
    }

    #[test]
    fn grids_are_shifted_by_one_and_three_steps() {
        let coder = TileCoder::new(4, &[UNIT, UNIT]).unwrap();
        // Of sixteen steps across, the point is three along the first dimension and two along the second.
        let tiles = coder.tiles(&[3.5 / 16.0, 2.5 / 16.0]).unwrap();
        let cell = |first: u32, second: u32| first * 5 + second;
        // Shifts 0, 1, 2, 3 there and 0, 3, 2 (six less a tile), 1 here.
        let wanted = [
            cell(0, 0),
            25 + cell(1, 1),
            50 + cell(1, 1),
            75 + cell(1, 0),
        ];
        assert_eq!(tiles.as_slice(), wanted);
    }

    #[test]
    fn what_lies_outside_counts_as_the_edge() {
        let coder = TileCoder::new(8, &[UNIT]).unwrap();
        for (outside, edge) in [(-5.0, 0.0), (1.1, 1.0), (f64::MAX, 1.0), (f64::MIN, 0.0)] {
            assert_eq!(coder.tiles(&[outside]), coder.tiles(&[edge]));
        }
        assert_eq!(coder.tiles(&[1.0]).unwrap().as_slice()[7], 7 * 5 + 4);
    }

    #[test]
    fn a_point_that_is_no_number_is_in_no_tile() {
        let coder = TileCoder::new(8, &[UNIT, UNIT]).unwrap();
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let refused = coder.tiles(&[0.5, value]);
            assert!(
                matches!(refused, Err(PointError::NotFinite { dimension: 1, .. })),
                "{refused:?}"
            );
        }
        let refused = coder.tiles(&[0.5]);
        assert_eq!(
            refused,
            Err(PointError::Coordinates {
                given: 1,
                wanted: 2
            })
        );
    }

    #[test]
    fn a_space_without_shape_is_refused() {
        for tilings in [0, 3, 12, 33, 64] {
            assert_eq!(
                TileCoder::new(tilings, &[UNIT]),
                Err(TilingError::Tilings { tilings })
            );
        }
        assert_eq!(TileCoder::new(8, &[]), Err(TilingError::NoDimensions));
        for (from, to) in [
            (1.0, 1.0),
            (1.0, 0.0),
            (0.0, f64::INFINITY),
            (f64::MIN, f64::MAX),
            (f64::NAN, 1.0),
        ] {
            let refused = TileCoder::new(8, &[UNIT, Dimension { from, to, tiles: 8 }]);
            assert!(
                matches!(refused, Err(TilingError::Ends { dimension: 1, .. })),
                "{refused:?}"
            );
        }
        let none = TileCoder::new(8, &[Dimension { tiles: 0, ..UNIT }]);
        assert_eq!(none, Err(TilingError::NoTiles { dimension: 0 }));
        for tiles in [u32::MAX, 70_000] {
            let many = TileCoder::new(8, &[Dimension { tiles, ..UNIT }; 2]);
            assert!(matches!(many, Err(TilingError::TooMany { .. })), "{many:?}");
        }
    }

    #[test]
    fn what_is_read_from_a_file_is_checked() {
        let coder = TileCoder::new(8, &[UNIT, UNIT]).unwrap();
        let text = serde_json::to_string(&coder).unwrap();
        assert_eq!(serde_json::from_str::<TileCoder>(&text).unwrap(), coder);
        for (good, bad) in [
            ("\"tilings\":8", "\"tilings\":7"),
            ("\"tiles\":4", "\"tiles\":0"),
            ("1.0", "null"),
        ] {
            assert!(
                serde_json::from_str::<TileCoder>(&text.replace(good, bad)).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn tiles_come_back_from_a_file() {
        let coder = TileCoder::new(8, &[UNIT, UNIT]).unwrap();
        let tiles = coder.tiles(&[0.3, 0.8]).unwrap();
        let text = serde_json::to_string(&tiles).unwrap();
        assert_eq!(text, format!("{:?}", tiles.as_slice()).replace(' ', ""));
        assert_eq!(serde_json::from_str::<Tiles>(&text).unwrap(), tiles);
        for count in [0, TILINGS_MAX + 1, 1000] {
            let list = serde_json::to_string(&vec![1; count]).unwrap();
            assert!(serde_json::from_str::<Tiles>(&list).is_err(), "{count}");
        }
    }
}
