//! The key that a client gives a request, so that asking twice is granted once.

use std::fmt;
use std::str::FromStr;

/// A client's own name for one request: 128 bits, such as a UUID.
///
/// # Display and parsing
/// Printed as 32 hexadecimal digits; parsed from those, or from the form of a UUID.
/// ```
/// # use cloudlot_core::RequestKey;
/// let key: RequestKey = "67e55044-10b1-426f-9247-bb680e5fe0c8".parse()?;
/// assert_eq!(key.to_string(), "67e5504410b1426f9247bb680e5fe0c8");
/// assert_eq!("67E5504410B1426F9247BB680E5FE0C8".parse(), Ok(key));
/// assert!("67e5".parse::<RequestKey>().is_err());
/// # Ok::<(), cloudlot_core::ParseKeyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestKey(pub u128);

/// The text is not a request key.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a request key: 32 hexadecimal digits, or a UUID")]
pub struct ParseKeyError(String);

impl FromStr for RequestKey {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, ParseKeyError> {
        let digits = |text: &str| {
            let legal = text.len() == 32 && text.bytes().all(|c| c.is_ascii_hexdigit());
            u128::from_str_radix(text, 16).ok().filter(|_| legal)
        };
        let uuid = || {
            let groups: Vec<&str> = text.splitn(6, '-').collect();
            let lengths = groups.iter().map(|group| group.len());
            lengths.eq([8, 4, 4, 4, 12]).then(|| groups.concat())
        };
        let number = match text.len() {
            36 => uuid().and_then(|text| digits(&text)),
            _ => digits(text),
        };
        number
            .map(Self)
            .ok_or_else(|| ParseKeyError(crate::fault::shown(text)))
    }
}

impl fmt::Display for RequestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for RequestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_key_survives_its_text(number: u128) {
            let key = RequestKey(number);
            prop_assert_eq!(key.to_string().parse(), Ok(key));
            let text = key.to_string().to_uppercase();
            let groups = [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]];
            prop_assert_eq!(groups.join("-").parse(), Ok(key));
        }

        #[test]
        fn other_text_is_refused(text in "[-+ 0-9a-f]{30,37}") {
            let plain = text.len() == 32 && !text.contains(['-', '+', ' ']);
            let uuid = text.len() == 36 && text.char_indices().all(|(n, c)| {
                if [8, 13, 18, 23].contains(&n) { c == '-' } else { c.is_ascii_hexdigit() }
            });
            prop_assert_eq!(text.parse::<RequestKey>().is_ok(), plain || uuid);
        }
    }
}
