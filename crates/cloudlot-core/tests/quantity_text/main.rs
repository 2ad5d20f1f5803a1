//! What is read as an amount, what is refused and how, and that printing loses nothing.

use cloudlot_core::{Kind, KindName, ParseQuantityError, Quantity, Rounding};
use proptest::prelude::*;

mod oracle;
mod syntax;
mod units;

const ROUNDINGS: [Rounding; 3] = [Rounding::Down, Rounding::Up, Rounding::Exact];

fn count() -> KindName {
    "example.com/count".parse().expect("a name")
}

fn read(kind: &KindName, text: &str, rounding: Rounding) -> Result<u64, ParseQuantityError> {
    Quantity::parse(kind.clone(), text, rounding).map(|quantity| quantity.amount())
}

fn kinds() -> impl Strategy<Value = KindName> {
    let known = [
        Kind::CPU,
        Kind::MEMORY,
        Kind::STORAGE,
        Kind::NETWORK,
        Kind::GPU,
    ];
    let known = proptest::sample::select(known.to_vec()).prop_map(KindName::from);
    let odd = "odd=name=1Gi:x".parse().expect("a name");
    prop_oneof![known, Just(count()), Just(odd)]
}
