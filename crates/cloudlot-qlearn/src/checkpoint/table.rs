//! Tables in a checkpoint: the trait by which any table joins, and the dense one.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::hex::Packed;
use crate::values::{Dense, ShapeError, Values};

/// Values that a checkpoint can hold.
///
/// The form is data that a file could hold, true or not; making values from it is where it is checked.
pub trait Persist: Values<State: Serialize + DeserializeOwned> + Sized {
    /// What is written. Unknown fields are to be refused, and real numbers that matter written as bits.
    type Form: Serialize + DeserializeOwned;

    /// What there is to write; the form of equal values is equal.
    fn form(&self) -> Self::Form;

    /// The values that gave the form, bit for bit.
    ///
    /// # Errors
    /// If no values could have given it. No more memory is taken than the form itself has.
    fn restore(form: Self::Form) -> Result<Self, ShapeError>;

    /// How many cells there are: [`Values::cells`] names none from here on.
    fn cell_count(&self) -> usize;

    /// Whether two tables have the same states, actions and features.
    fn same_shape(&self, other: &Self) -> bool;
}

/// A dense table as it is written: a line of bits for each state.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DenseForm {
    states: u32,
    actions: u16,
    values: Vec<Packed<f64>>,
    visits: Vec<Packed<u32>>,
}

impl Persist for Dense {
    type Form = DenseForm;

    fn form(&self) -> DenseForm {
        let rows = self.view();
        let counts = self.visits();
        DenseForm {
            states: u32::try_from(self.states()).unwrap_or(u32::MAX),
            actions: u16::try_from(self.actions()).unwrap_or(u16::MAX),
            values: rows
                .rows()
                .into_iter()
                .map(|row| Packed(row.to_vec()))
                .collect(),
            visits: counts
                .rows()
                .into_iter()
                .map(|row| Packed(row.to_vec()))
                .collect(),
        }
    }

    fn restore(form: DenseForm) -> Result<Self, ShapeError> {
        let shape = (form.states as usize, usize::from(form.actions));
        let values = join(form.values, shape, |found| ShapeError::Values {
            found,
            shape,
        })?;
        let visits = join(form.visits, shape, |found| ShapeError::Visits {
            found,
            shape,
        })?;
        Self::learned(shape, values, visits)
    }

    fn cell_count(&self) -> usize {
        self.view().len()
    }

    fn same_shape(&self, other: &Self) -> bool {
        self.view().dim() == other.view().dim()
    }
}

/// The rows in one piece, if there are as many and each is as long as the shape says.
fn join<T>(
    rows: Vec<Packed<T>>,
    shape: (usize, usize),
    misfit: impl Fn((usize, usize)) -> ShapeError,
) -> Result<Vec<T>, ShapeError> {
    let found = rows.len();
    if found != shape.0 {
        return Err(misfit((found, rows.first().map_or(0, |row| row.0.len()))));
    }
    if let Some(row) = rows.iter().find(|row| row.0.len() != shape.1) {
        return Err(misfit((found, row.0.len())));
    }
    // As long as the rows together, which are here: a claim alone takes no memory.
    Ok(rows.into_iter().flat_map(|row| row.0).collect())
}
