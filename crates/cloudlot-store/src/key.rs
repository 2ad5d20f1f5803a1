//! Names: of records, of batches, and the numbers that say which state was meant.

use cloudlot_core::RequestKey;
use std::fmt;
use std::sync::Arc;

cloudlot_core::id_type! {
    /// A state of a store: how many batches it took to get there, counted by the store.
    ///
    /// Revisions of later batches are larger. They need not be adjacent: a store that is shared
    /// with others counts their writes too.
    pub struct Revision(u64, "r");
}

cloudlot_core::id_type! {
    /// A state of one record: the number of the revision that wrote it last.
    ///
    /// A record that was deleted and written again has a version it never had before, so a
    /// guard can not mistake it for the old one.
    pub struct Version(u64, "v");
}

impl From<Revision> for Version {
    /// The version of the records that the batch at `revision` wrote.
    fn from(revision: Revision) -> Self {
        Self::new(revision.number())
    }
}

/// Longest [`RecordKey`] in bytes, both parts and the stroke between them.
pub const MAX_KEY_BYTES: usize = 512;

/// The name of a record: a space such as `res` or `node`, and a name in it.
///
/// Keys are ordered by space, then by name, both by bytes.
/// ```
/// use cloudlot_store::RecordKey;
///
/// let key = RecordKey::new("node", "rack-1/n7")?;
/// assert_eq!((key.space(), key.name()), ("node", "rack-1/n7"));
/// assert_eq!(key.to_string(), "node/rack-1/n7");
/// assert!(RecordKey::new("Node", "n7").is_err());
/// # Ok::<(), cloudlot_store::KeyError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey(Arc<str>);

impl RecordKey {
    /// The record `name` in `space`.
    ///
    /// # Errors
    /// When the space is anything but lower-case letters and digits, when the name is empty or
    /// has control characters, or when both are too long for a key.
    pub fn new(space: &str, name: &str) -> Result<Self, KeyError> {
        Self::parse(&format!("{space}/{name}"))
    }

    /// The key that is written `space/name`; the first stroke divides.
    ///
    /// # Errors
    /// As in [`RecordKey::new`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        // Letters and digits sort after the stroke, so the order of the text is that of the parts.
        let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
        match text.split_once('/') {
            None => Err(KeyError::NoSpace),
            Some((space, _)) if space.is_empty() || !space.chars().all(plain) => {
                Err(KeyError::Space)
            }
            Some((_, name)) if name.is_empty() || name.chars().any(char::is_control) => {
                Err(KeyError::Name)
            }
            Some(_) if text.len() > MAX_KEY_BYTES => Err(KeyError::TooLong(text.len())),
            Some(_) => Ok(Self(text.into())),
        }
    }

    /// The part before the first stroke.
    #[must_use]
    pub fn space(&self) -> &str {
        self.0.split_once('/').map_or("", |(space, _)| space)
    }

    /// The part behind it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, name)| name)
    }

    /// Both parts, as they are written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no [`RecordKey`].
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyError {
    /// There is no stroke.
    #[error("a record's key is written space/name")]
    NoSpace,
    /// The space has other characters, or none.
    #[error("the space of a record's key is lower-case letters and digits")]
    Space,
    /// The name has control characters, or none at all.
    #[error("the name of a record's key is text without control characters")]
    Name,
    /// The length in bytes.
    #[error("a record's key of {0} bytes is longer than {MAX_KEY_BYTES}")]
    TooLong(usize),
}

/// The name of a batch, made by the client: the same batch sent again has the same key.
///
/// Keys come from whoever asked for the work, a request's identifier or random bits, and are
/// never used for other work.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchKey(u128);

impl BatchKey {
    /// The number behind the key.
    #[must_use]
    pub const fn number(self) -> u128 {
        self.0
    }
}

impl From<u128> for BatchKey {
    fn from(number: u128) -> Self {
        Self(number)
    }
}

impl From<RequestKey> for BatchKey {
    /// The key of a batch that carries out one request and nothing else.
    fn from(key: RequestKey) -> Self {
        Self(key.0)
    }
}

impl fmt::Display for BatchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for BatchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "batch-{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_order_as_their_parts_do(a in "[a-z0-9]{1,3}", b in "[ -~]{1,3}", c in "[a-z0-9]{1,3}", d in "[ -~]{1,3}") {
            let (left, right) = (RecordKey::new(&a, &b).unwrap(), RecordKey::new(&c, &d).unwrap());
            prop_assert_eq!(left.cmp(&right), (&a, &b).cmp(&(&c, &d)));
            prop_assert_eq!((left.space(), left.name()), (&*a, &*b));
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for (text, why) in [
            ("", KeyError::NoSpace),
            ("res", KeyError::NoSpace),
            ("/x", KeyError::Space),
            ("Res/x", KeyError::Space),
            ("a-b/x", KeyError::Space),
            ("res/", KeyError::Name),
            ("res/a\nb", KeyError::Name),
        ] {
            assert_eq!(RecordKey::parse(text), Err(why), "{text:?}");
        }
        assert!(RecordKey::new("a", &"x".repeat(MAX_KEY_BYTES - 2)).is_ok());
        let long = RecordKey::new("a", &"x".repeat(MAX_KEY_BYTES - 1));
        assert_eq!(long, Err(KeyError::TooLong(MAX_KEY_BYTES + 1)));
    }
}
