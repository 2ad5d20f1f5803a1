//! Quantities in files: a map from kinds to amounts, read with a direction for what is below the base unit.

use super::{Quantities, Quantity, Rounding};
use crate::KindName;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use std::fmt;

impl serde::Serialize for Quantities {
    /// A map from kinds to text that reads back as the same.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for quantity in self.iter() {
            map.serialize_entry(&quantity.kind, &quantity.amount_text().to_string())?;
        }
        map.end()
    }
}

impl<'de> serde::Deserialize<'de> for Quantities {
    /// Exactly: parts of a base unit are refused.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Several(Rounding::Exact))
    }
}

macro_rules! rounded {
    ($(#[$doc:meta])* $name:ident, $rounding:ident) => {
        $(#[$doc])*
        pub mod $name {
            use crate::{Quantities, Rounding};

            /// Writes as [`Quantities`] does without this module.
            ///
            /// # Errors
            /// Those of the serializer.
            pub fn serialize<S: serde::Serializer>(
                quantities: &Quantities,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(quantities, serializer)
            }

            /// Reads as [`Quantities`] does, and rounds what is below the base unit.
            ///
            /// # Errors
            /// Those of the deserializer, and what is not a quantity.
            pub fn deserialize<'de, D: serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Quantities, D::Error> {
                deserializer.deserialize_map(super::Several(Rounding::$rounding))
            }
        }
    };
}

rounded! {
    /// For `#[serde(with = "cloudlot_core::quantity::request")]`: parts of a base unit go up.
    request, Up
}
rounded! {
    /// For `#[serde(with = "cloudlot_core::quantity::capacity")]`: parts of a base unit go down.
    capacity, Down
}

/// The whole map.
struct Several(Rounding);

/// The amount of one kind.
struct One {
    kind: KindName,
    rounding: Rounding,
}

impl<'de> Visitor<'de> for Several {
    type Value = Quantities;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from kinds to amounts such as \"500m\"")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Quantities, A::Error> {
        let mut list = Vec::new();
        while let Some(kind) = map.next_key()? {
            let rounding = self.0;
            list.push(map.next_value_seed(One { kind, rounding })?);
        }
        Quantities::unique(list).map_err(Error::custom)
    }
}

impl<'de> DeserializeSeed<'de> for One {
    type Value = Quantity;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Quantity, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for One {
    type Value = Quantity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "an amount of {}: a number, or text such as \"500m\"",
            self.kind
        )
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Quantity, E> {
        let kind = self.kind.clone();
        Quantity::parse(self.kind, text, self.rounding)
            .map_err(|why| E::custom(format_args!("{kind}: {why}")))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Quantity, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Quantity, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Quantity, E> {
        const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53: above it a double skips whole numbers
        if number.abs() > EXACT {
            let text = format_args!("{number:e} is too large for a plain number: write it as text");
            return Err(E::custom(text));
        }
        self.visit_str(&number.to_string())
    }
}
