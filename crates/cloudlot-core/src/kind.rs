//! Kinds of resource: five that every ledger knows, and further ones that are named at run time.
//!
//! At the edge a kind is a [`KindName`]; inside a ledger it is a [`Kind`], the number of a column. [`Kinds`] belongs to
//! one ledger and translates between the two.

use crate::{Amounts, Quantities, Quantity};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A kind of resource as one ledger numbers it.
///
/// The five constants are the same in every ledger. Others come from [`Kinds`] and mean nothing elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(u8);

impl Kind {
    /// Processor time, in milli-cores.
    pub const CPU: Self = Self(0);
    /// Main memory, in bytes.
    pub const MEMORY: Self = Self(1);
    /// Disk space, in bytes.
    pub const STORAGE: Self = Self(2);
    /// Network bandwidth, in bits per second.
    pub const NETWORK: Self = Self(3);
    /// Graphics processors, in thousandths of a device.
    pub const GPU: Self = Self(4);
    /// How many kinds a ledger can tell apart.
    pub const LIMIT: usize = 32;

    const WELL_KNOWN: [&'static str; 5] = ["cpu", "memory", "storage", "network", "gpu"];

    /// The place of this kind among the ledger's columns, below [`Kind::LIMIT`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Every kind that any ledger could number.
    pub(crate) fn at(index: usize) -> Self {
        debug_assert!(index < Self::LIMIT);
        Self(u8::try_from(index).unwrap_or(u8::MAX))
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::WELL_KNOWN.get(self.index()) {
            Some(name) => f.write_str(name),
            None => write!(f, "kind-{}", self.0),
        }
    }
}

/// The name of a kind, the same for every ledger: `cpu`, or `nvidia.com/mig-1g.5gb`.
///
/// # Parsing
/// One to 317 visible ASCII characters (what Kubernetes allows for a resource name), without quotes, commas or backslashes,
/// and not ending in `=` or `:`, so that `memory= 16Gi` never means a kind `memory=`.
/// ```
/// # use cloudlot_core::{Kind, KindName};
/// assert_eq!("cpu".parse(), Ok(KindName::from(Kind::CPU)));
/// assert_eq!("licence".parse::<KindName>()?.to_string(), "licence");
/// assert!("two words".parse::<KindName>().is_err());
/// # Ok::<(), cloudlot_core::KindsError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindName(Name);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Name {
    WellKnown(Kind),
    Other(Arc<str>),
}

impl KindName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Name::WellKnown(kind) => Kind::WELL_KNOWN[kind.index()],
            Name::Other(name) => name,
        }
    }

    /// The kind, if it is one of the five that are the same in every ledger.
    #[must_use]
    pub fn well_known(&self) -> Option<Kind> {
        match self.0 {
            Name::WellKnown(kind) => Some(kind),
            Name::Other(_) => None,
        }
    }
}

impl From<Kind> for KindName {
    /// The name of a well-known kind; one that only a ledger can name is called `kind-7`.
    fn from(kind: Kind) -> Self {
        if kind.index() < Kind::WELL_KNOWN.len() {
            return Self(Name::WellKnown(kind));
        }
        Self(Name::Other(format!("kind-{}", kind.0).into()))
    }
}

impl FromStr for KindName {
    type Err = KindsError;

    fn from_str(text: &str) -> Result<Self, KindsError> {
        if let Some(index) = Kind::WELL_KNOWN.iter().position(|name| *name == text) {
            return Ok(Self(Name::WellKnown(Kind::at(index))));
        }
        let legal = |c: u8| c.is_ascii_graphic() && !matches!(c, b'"' | b'\'' | b'\\' | b',');
        let ends_well = !text.is_empty() && !text.ends_with(['=', ':']);
        if !ends_well || text.len() > 317 || !text.bytes().all(legal) {
            let shown = text.chars().take(40).collect();
            return Err(KindsError::Name(shown));
        }
        Ok(Self(Name::Other(text.into())))
    }
}

impl fmt::Display for KindName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for KindName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for KindName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for KindName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a kind cannot be had.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KindsError {
    /// The text cannot name a kind.
    #[error(
        "`{0}` cannot name a kind: 1 to 317 visible ASCII characters without quotes, commas or backslashes, not ending in = or :"
    )]
    Name(String),
    /// No resource of the ledger offers this kind.
    #[error("kind `{0}` is not known here")]
    Unknown(KindName),
    /// The ledger already tells 32 kinds apart.
    #[error("kind `{0}` would be one more than the {limit} kinds that a ledger can tell apart", limit = Kind::LIMIT)]
    TooMany(KindName),
    /// One kind was named twice.
    #[error("kind `{0}` is named twice")]
    Twice(KindName),
}

/// The kinds that one ledger tells apart.
///
/// ```
/// # use cloudlot_core::{Kinds, Kind, cores, named};
/// let mut kinds = Kinds::new();
/// let licence = kinds.register(&"licence".parse()?)?;
/// let amounts = kinds.amounts(&[cores(2), named("licence", 1)?].into())?;
/// assert_eq!((amounts.get(Kind::CPU), amounts.get(licence)), (2_000, 1));
/// assert!(Kinds::new().amounts(&[named("licence", 1)?].into()).is_err());
/// # Ok::<(), cloudlot_core::KindsError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Kinds {
    others: Vec<KindName>,
}

impl Kinds {
    /// The five well-known kinds.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The kind of this name, if it is known here.
    #[must_use]
    pub fn find(&self, name: &KindName) -> Option<Kind> {
        name.well_known().or_else(|| {
            let place = self.others.iter().position(|other| other == name)?;
            Some(Kind::at(Kind::WELL_KNOWN.len() + place))
        })
    }

    /// The kind of this name, known from now on.
    ///
    /// # Errors
    /// [`KindsError::TooMany`] beyond [`Kind::LIMIT`].
    pub fn register(&mut self, name: &KindName) -> Result<Kind, KindsError> {
        if let Some(kind) = self.find(name) {
            return Ok(kind);
        }
        if self.len() == Kind::LIMIT {
            return Err(KindsError::TooMany(name.clone()));
        }
        self.others.push(name.clone());
        Ok(Kind::at(self.len() - 1))
    }

    /// The name of a kind that is known here.
    #[must_use]
    pub fn name(&self, kind: Kind) -> KindName {
        match kind.index().checked_sub(Kind::WELL_KNOWN.len()) {
            Some(place) if place < self.others.len() => self.others[place].clone(),
            _ => KindName::from(kind),
        }
    }

    /// How many kinds are known.
    #[expect(clippy::len_without_is_empty, reason = "five kinds are always known")]
    #[must_use]
    pub fn len(&self) -> usize {
        Kind::WELL_KNOWN.len() + self.others.len()
    }

    /// Every kind that is known, in the order of its number.
    pub fn iter(&self) -> impl Iterator<Item = Kind> {
        (0..self.len()).map(Kind::at)
    }

    /// Named quantities as a vector of this ledger.
    ///
    /// # Errors
    /// [`KindsError::Unknown`] for the first kind that is not known here.
    pub fn amounts(&self, quantities: &Quantities) -> Result<Amounts, KindsError> {
        let mut amounts = Amounts::ZERO;
        for quantity in quantities.iter() {
            let kind = self
                .find(quantity.kind())
                .ok_or_else(|| KindsError::Unknown(quantity.kind().clone()))?;
            amounts = amounts.with(kind, quantity.amount());
        }
        Ok(amounts)
    }

    /// The same amounts by name.
    #[must_use]
    pub fn quantities(&self, amounts: &Amounts) -> Quantities {
        let named = |(kind, amount)| Quantity::new(self.name(kind), amount);
        amounts.iter().map(named).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thirty_third_kind_is_refused_and_changes_nothing() {
        let mut kinds = Kinds::new();
        for n in kinds.len()..Kind::LIMIT {
            kinds
                .register(&format!("kind/{n}").parse().unwrap())
                .unwrap();
        }
        let before = kinds.clone();
        let more: KindName = "one-more".parse().unwrap();
        assert_eq!(
            kinds.register(&more),
            Err(KindsError::TooMany(more.clone()))
        );
        assert_eq!(kinds, before);
        let known = kinds.name(Kind::at(20));
        assert_eq!(kinds.register(&known), Ok(Kind::at(20)));
    }

    #[test]
    fn names_survive_the_way_through_a_ledger() {
        let mut kinds = Kinds::new();
        for name in ["cpu", "nvidia.com/mig-1g.5gb", "gpu", "licence"] {
            let kind = kinds.register(&name.parse().unwrap()).unwrap();
            assert_eq!(kinds.name(kind).to_string(), name);
        }
        assert_eq!(kinds.len(), 7);
    }
}
