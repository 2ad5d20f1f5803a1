//! Small dense systems of linear equations.

/// The most unknowns that are solved for densely: 32 MB, and a second or two.
pub(super) const DENSE_MAX: usize = 2_000;

/// Solves `matrix · x = right`, the matrix being square in rows; nothing where it is singular.
///
/// Elimination with the largest pivot of each column.
pub(super) fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let size = right.len();
    for column in 0..size {
        let size_of = |row: &usize| matrix[*row][column].abs();
        let pivot = (column..size).max_by(|a, b| size_of(a).total_cmp(&size_of(b)))?;
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        let (above, below) = matrix.split_at_mut(column + 1);
        let top = &above[column];
        if top[column] == 0.0 {
            return None;
        }
        for (offset, row) in below.iter_mut().enumerate() {
            let factor = row[column] / top[column];
            if factor != 0.0 {
                for (cell, pivot_cell) in row[column..].iter_mut().zip(&top[column..]) {
                    *cell -= factor * pivot_cell;
                }
                right[column + 1 + offset] -= factor * right[column];
            }
        }
    }
    for row in (0..size).rev() {
        let later = &matrix[row][row + 1..];
        let known: f64 = later
            .iter()
            .zip(&right[row + 1..])
            .map(|(c, x)| c * x)
            .sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right.iter().all(|x| x.is_finite()).then_some(right)
}

/// The stationary distribution of an irreducible chain, given by its rows.
///
/// Nothing is subtracted, so that small chances keep all their digits.
///
/// Source: Grassmann, Taksar and Heyman, "Regenerative Analysis and Steady State Distributions for
/// Markov Chains" (1985).
pub(super) fn stationary(mut rows: Vec<Vec<f64>>) -> Vec<f64> {
    let size = rows.len();
    for last in (1..size).rev() {
        let (before, from) = rows.split_at_mut(last);
        let from = &from[0][..last];
        let out: f64 = from.iter().sum();
        for row in before {
            row[last] /= out;
            let into = row[last];
            for (cell, share) in row[..last].iter_mut().zip(from) {
                *cell += into * share;
            }
        }
    }
    let mut weights = vec![1.0];
    for column in 1..size {
        let into = rows
            .iter()
            .zip(&weights)
            .map(|(row, weight)| weight * row[column]);
        weights.push(into.sum());
    }
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_that_needs_its_rows_swapped_is_solved() {
        let matrix = vec![
            vec![0.0, 2.0, 0.0],
            vec![1.0, 0.0, 0.0],
            vec![1.0, 1.0, 4.0],
        ];
        assert_eq!(
            solve(matrix, vec![6.0, 5.0, 12.0]),
            Some(vec![5.0, 3.0, 1.0])
        );
    }

    #[test]
    fn a_singular_system_has_no_solution() {
        let matrix = vec![vec![1.0, 2.0], vec![2.0, 4.0]];
        assert_eq!(solve(matrix, vec![1.0, 2.0]), None);
        assert_eq!(solve(vec![vec![0.0]], vec![0.0]), None);
    }

    #[test]
    fn a_rare_way_out_keeps_its_digits() {
        let rare = 1e-18;
        let weights = stationary(vec![vec![1.0 - rare, rare], vec![0.5, 0.5]]);
        assert!((weights[1] / (2.0 * rare) - 1.0).abs() < 1e-15);
        assert_eq!(stationary(vec![vec![1.0]]), [1.0]);
    }
}
