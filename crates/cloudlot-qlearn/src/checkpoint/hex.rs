//! Numbers as their bits in hexadecimal digits, the highest first: short, and exact in any format.

use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Numbers in one piece of text, each with as many digits as its bits need.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Packed<T>(pub(crate) Vec<T>);

/// A number of a fixed width.
pub(crate) trait Bits: Copy {
    /// How many hexadecimal digits it has.
    const DIGITS: usize;

    fn bits(self) -> u64;

    /// The number with these bits, of which it takes the lowest.
    fn from_bits(bits: u64) -> Self;
}

impl Bits for f64 {
    const DIGITS: usize = 16;

    fn bits(self) -> u64 {
        self.to_bits()
    }

    fn from_bits(bits: u64) -> Self {
        Self::from_bits(bits)
    }
}

impl Bits for u64 {
    const DIGITS: usize = 16;

    fn bits(self) -> u64 {
        self
    }

    fn from_bits(bits: u64) -> Self {
        bits
    }
}

impl Bits for u32 {
    const DIGITS: usize = 8;

    fn bits(self) -> u64 {
        u64::from(self)
    }

    fn from_bits(bits: u64) -> Self {
        // Eight digits are 32 bits: nothing is lost.
        Self::try_from(bits & u64::from(Self::MAX)).unwrap_or_default()
    }
}

impl<T: Bits> Serialize for Packed<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(self.0.len() * T::DIGITS);
        for number in &self.0 {
            let bytes = number.bits().to_be_bytes();
            for byte in &bytes[bytes.len() - T::DIGITS / 2..] {
                text.push(char::from(HEX[usize::from(byte >> 4)]));
                text.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
        to.serialize_str(&text)
    }
}

impl<'de, T: Bits> Deserialize<'de> for Packed<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Digits(PhantomData))
    }
}

struct Digits<T>(PhantomData<T>);

impl<T: Bits> Visitor<'_> for Digits<T> {
    type Value = Packed<T>;

    fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "groups of {} lower-case hexadecimal digits", T::DIGITS)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        let groups = text.as_bytes().chunks_exact(T::DIGITS);
        if !groups.remainder().is_empty() {
            return Err(E::invalid_length(text.len(), &self));
        }
        let numbers: Option<Vec<T>> = groups.map(number).collect();
        numbers
            .map(Packed)
            .ok_or_else(|| E::custom("a digit that is not lower-case hexadecimal"))
    }
}

fn number<T: Bits>(digits: &[u8]) -> Option<T> {
    let bits = digits.iter().try_fold(0_u64, |bits, &digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(bits << 4 | u64::from(value))
    })?;
    Some(T::from_bits(bits))
}

/// A single number of 32 bits.
pub(crate) mod word {
    use super::{Deserialize, Deserializer, Error, Packed, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(word: &u32, to: S) -> Result<S::Ok, S::Error> {
        Packed(vec![*word]).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        match Packed::deserialize(from)?.0[..] {
            [word] => Ok(word),
            ref words => Err(D::Error::invalid_length(words.len(), &"one number")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back_to_the_bit(bits in prop::collection::vec(any::<u64>(), 0..9)) {
            let numbers = Packed(bits.iter().map(|&b| f64::from_bits(b)).collect());
            let text = serde_json::to_string(&numbers)?;
            prop_assert_eq!(text.len(), 2 + 16 * bits.len());
            let back: Packed<f64> = serde_json::from_str(&text)?;
            prop_assert_eq!(back.0.iter().map(|n| n.to_bits()).collect::<Vec<_>>(), bits);
        }
    }

    #[test]
    fn other_text_is_refused() {
        for bad in [
            "\"0\"",
            "\"0000000g\"",
            "\"0000000A\"",
            "\"+0000001\"",
            "7",
            "null",
            "[]",
        ] {
            assert!(serde_json::from_str::<Packed<u32>>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_highest_digit_comes_first() {
        assert_eq!(
            serde_json::to_string(&Packed(vec![1_u32, 0xab])).unwrap(),
            "\"00000001000000ab\""
        );
        assert_eq!(
            serde_json::to_string(&Packed(vec![1.0])).unwrap(),
            "\"3ff0000000000000\""
        );
    }
}
