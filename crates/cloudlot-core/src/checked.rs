//! Lists of quantities as people write them, checked as a whole.

use crate::{Faults, Kind, Quantities, Quantity, Rule, text};
use std::collections::BTreeSet;

/// These quantities, with a fault for each kind that is named twice.
pub(crate) fn amounts_checked(faults: &mut Faults, path: &str, list: Vec<Quantity>) -> Quantities {
    if !text::at_most(faults, path, list.len(), Kind::LIMIT) {
        return Quantities::default();
    }
    let mut seen = BTreeSet::new();
    for quantity in &list {
        if !seen.insert(quantity.kind()) {
            let kind = quantity.kind();
            faults.add(
                format_args!("{path}.{kind}"),
                quantity.amount(),
                Rule::Twice,
            );
        }
    }
    list.into_iter().collect()
}
