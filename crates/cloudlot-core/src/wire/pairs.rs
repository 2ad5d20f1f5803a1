//! Maps that keep what stands twice, so that it can be refused, and amounts that keep their text.

use crate::{Faults, KindName, ParseQuantityError, Quantity, Rule};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;

/// A map as a list of its entries.
pub(super) struct Pairs<V>(pub(super) Vec<(String, V)>);

impl<V> Default for Pairs<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> Pairs<V> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn of<K: ToString>(entries: impl IntoIterator<Item = (K, V)>) -> Self {
        let entries = entries.into_iter();
        Self(
            entries
                .map(|(key, value)| (key.to_string(), value))
                .collect(),
        )
    }
}

impl<V: Serialize> Serialize for Pairs<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Pairs<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
            type Value = Pairs<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<V>, A::Error> {
                let mut list = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    list.push(entry);
                }
                Ok(Pairs(list))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

/// The text of an amount; a plain number counts as its text.
pub(super) struct Amount(pub(super) String);

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalar;
        impl Visitor<'_> for Scalar {
            type Value = Amount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount: a number, or text such as \"500m\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Amount, E> {
                Ok(Amount(text.to_owned()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Amount, E> {
                Ok(Amount(number.to_string()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Amount, E> {
                Ok(Amount(number.to_string()))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Amount, E> {
                // 2^53: above it a double skips whole numbers, and the next one may have been rounded to it.
                if number >= 9_007_199_254_740_992.0 {
                    let why = format_args!("{number:e} is too large for a plain number");
                    return Err(E::custom(why));
                }
                Ok(Amount(number.to_string()))
            }
        }
        deserializer.deserialize_any(Scalar)
    }
}

/// Which way a part of a base unit goes.
pub(super) type Read = fn(KindName, &str) -> Result<Quantity, ParseQuantityError>;

/// The amounts that can be read, and a fault for each that cannot.
pub(super) fn quantities(
    faults: &mut Faults,
    path: &str,
    entries: Pairs<Amount>,
    read: Read,
) -> Vec<Quantity> {
    let mut list = Vec::with_capacity(entries.0.len());
    for (kind, Amount(text)) in entries.0 {
        let quantity = kind
            .parse::<KindName>()
            .map_err(ParseQuantityError::from)
            .and_then(|name| read(name, &text));
        match quantity {
            Ok(quantity) => list.push(quantity),
            Err(why) => {
                let rule = Rule::Other(crate::fault::shown(format_args!("is no amount: {why}")));
                faults.add(format_args!("{path}.{kind}"), text, rule);
            }
        }
    }
    list
}

/// The texts of amounts.
pub(super) fn amounts<'a>(list: impl IntoIterator<Item = &'a Quantity>) -> Pairs<Amount> {
    let text = |quantity: &Quantity| Amount(quantity.amount_text().to_string());
    Pairs::of(
        list.into_iter()
            .map(|quantity| (quantity.kind(), text(quantity))),
    )
}
