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
        // 2^53: above it a double skips whole numbers, and the next one may have been rounded to it.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if number >= EXACT {
            let text = format_args!("{number:e} is too large for a plain number: write it as text");
            return Err(E::custom(text));
        }
        self.visit_str(&number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use proptest::prelude::*;

    fn read(json: &str) -> Result<Quantities, String> {
        serde_json::from_str(json).map_err(|why| why.to_string())
    }

    #[test]
    fn plain_numbers_mean_what_their_text_means() {
        for (number, amount) in [
            ("2", 2_000),
            ("1.5", 1_500),
            ("0.001", 1),
            ("-0.0", 0),
            ("2e0", 2_000),
        ] {
            let plain = read(&format!(r#"{{"cpu": {number}}}"#)).unwrap();
            let text = read(&format!(r#"{{"cpu": "{number}"}}"#)).unwrap();
            assert_eq!(plain, text, "{number}");
            assert_eq!(plain.get(&Kind::CPU.into()), amount, "{number}");
        }
        let most = read(r#"{"memory": 18446744073709551615}"#).unwrap();
        assert_eq!(most.get(&Kind::MEMORY.into()), u64::MAX);
    }

    #[test]
    fn what_is_no_amount_is_refused_and_the_kind_is_named() {
        for value in [
            "-1",
            "-0.5",
            "null",
            "true",
            "[]",
            "{}",
            "\"\"",
            "\"2GB\"",
            "\"-1\"",
            "0.0001",
            "1e300",
            "1e19",
            "9007199254740992.0",
            "9007199254740993.0",
            "18446744073709551615",
        ] {
            let why = read(&format!(r#"{{"cpu": {value}}}"#)).unwrap_err();
            assert!(
                why.contains("cpu") || why.contains("as text"),
                "{value}: {why}"
            );
        }
        assert!(read("[]").is_err());
        assert!(read(r#"{"two words": 1}"#).is_err());
    }

    #[test]
    fn numbers_of_no_value_are_refused() {
        use serde::de::value::{Error, F64Deserializer};
        for number in [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            -1.0,
            1e300,
            -1e300,
        ] {
            let (kind, rounding) = (Kind::CPU.into(), Rounding::Up);
            let number = F64Deserializer::<Error>::new(number);
            assert!(One { kind, rounding }.deserialize(number).is_err());
        }
    }

    #[test]
    fn a_kind_that_is_named_twice_is_refused_even_at_zero() {
        for json in [
            r#"{"cpu": 1, "cpu": 1}"#,
            r#"{"cpu": 0, "cpu": 1}"#,
            r#"{"a": 0, "b": 1, "a": 0}"#,
        ] {
            assert!(read(json).unwrap_err().contains("named twice"), "{json}");
        }
    }

    #[test]
    fn a_field_says_which_way_it_rounds() {
        #[derive(serde::Serialize, serde::Deserialize)]
        struct Both {
            #[serde(with = "crate::quantity::request")]
            need: Quantities,
            #[serde(with = "crate::quantity::capacity")]
            offer: Quantities,
        }
        let json =
            r#"{"need": {"cpu": "0.1m", "memory": 1.5}, "offer": {"cpu": "0.1m", "memory": 1.5}}"#;
        let both: Both = serde_json::from_str(json).unwrap();
        assert_eq!(both.need.to_string(), "cpu 1m, memory 2");
        assert_eq!(both.offer.to_string(), "memory 1");
        let written = serde_json::to_string(&both).unwrap();
        assert_eq!(
            written,
            r#"{"need":{"cpu":"1m","memory":"2"},"offer":{"memory":"1"}}"#
        );
        let why = read(r#"{"cpu": "0.1m"}"#).unwrap_err();
        assert!(why.contains("not a whole number of milli-cores"), "{why}");
    }

    proptest! {
        #[test]
        fn quantities_survive_a_file(cpu: u64, memory: u64, network: u64, gpu: u64, licence: u64) {
            let list = [
                Quantity::new(Kind::CPU, cpu),
                Quantity::new(Kind::MEMORY, memory),
                Quantity::new(Kind::NETWORK, network),
                Quantity::new(Kind::GPU, gpu),
                crate::named("licence", licence).unwrap(),
            ];
            let quantities = Quantities::from(list);
            let json = serde_json::to_string(&quantities).unwrap();
            prop_assert_eq!(read(&json), Ok(quantities));
        }

        #[test]
        fn arbitrary_text_never_panics(text: String) {
            let _ = read(&text);
            let json = serde_json::to_string(&[("cpu", &text)].into_iter().collect::<std::collections::BTreeMap<_, _>>());
            let _ = read(&json.unwrap());
        }
    }
}
