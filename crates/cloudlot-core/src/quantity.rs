//! An amount of a named kind, and a list of them: what people write and files hold.

mod parse;
#[cfg(feature = "serde")]
mod serial;

pub use parse::{ParseQuantityError, Rounding};
#[cfg(feature = "serde")]
pub use serial::{capacity, request};

use crate::{Kind, KindName, KindsError, unit};
use std::fmt;

/// So much of a named kind, in the kind's base unit.
///
/// # Display and parsing
/// Printed as `cpu 500m`: the kind, and the amount in the largest unit that leaves a whole number.
/// Parsed from that or from `cpu=500m`, exactly; every quantity survives printing and parsing. [`Quantity::parse`] tells the
/// units.
/// ```
/// # use cloudlot_core::{ParseQuantityError, Quantity, bits_per_second, cores, gib, millicores};
/// assert_eq!("cpu=1.5 cores".parse(), Ok(millicores(1_500)));
/// assert_eq!(millicores(1_500).to_string(), "cpu 1500m");
/// assert_eq!(cores(2).to_string(), "cpu 2");
/// assert_eq!(gib(16).to_string(), "memory 16Gi");
/// assert_eq!(bits_per_second(10_000_000_000).to_string(), "network 10Gbps");
/// assert_eq!("example.com/licence=3".parse::<Quantity>()?.amount(), 3);
/// # Ok::<(), ParseQuantityError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity {
    kind: KindName,
    amount: u64,
}

impl Quantity {
    /// `amount` base units of `kind`.
    #[must_use]
    pub fn new(kind: impl Into<KindName>, amount: u64) -> Self {
        Self {
            kind: kind.into(),
            amount,
        }
    }

    /// What it is an amount of.
    #[must_use]
    pub fn kind(&self) -> &KindName {
        &self.kind
    }

    /// How much, in base units.
    #[must_use]
    pub const fn amount(&self) -> u64 {
        self.amount
    }

    /// The amount without its kind, as people write it: `500m`, `2`, `16Gi`, `10Gbps`.
    ///
    /// Kubernetes accepts it for all kinds but the network, whose unit it lacks.
    pub fn amount_text(&self) -> impl fmt::Display {
        struct Text<'a>(&'a Quantity);
        impl fmt::Display for Text<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                unit::write(&self.0.kind, self.0.amount, f)
            }
        }
        Text(self)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.amount_text())
    }
}

impl fmt::Debug for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.amount)
    }
}

/// Whole processor cores; saturates.
#[must_use]
pub fn cores(cores: u64) -> Quantity {
    Quantity::new(Kind::CPU, cores.saturating_mul(1_000))
}

/// Thousandths of a processor core.
#[must_use]
pub fn millicores(millicores: u64) -> Quantity {
    Quantity::new(Kind::CPU, millicores)
}

/// Bytes of memory.
#[must_use]
pub fn bytes(bytes: u64) -> Quantity {
    Quantity::new(Kind::MEMORY, bytes)
}

/// Multiples of 2^20 bytes of memory; saturates.
#[must_use]
pub fn mib(mib: u64) -> Quantity {
    Quantity::new(Kind::MEMORY, mib.saturating_mul(1 << 20))
}

/// Multiples of 2^30 bytes of memory; saturates.
#[must_use]
pub fn gib(gib: u64) -> Quantity {
    Quantity::new(Kind::MEMORY, gib.saturating_mul(1 << 30))
}

/// Disk space.
#[must_use]
pub fn storage(space: crate::Bytes) -> Quantity {
    Quantity::new(Kind::STORAGE, space.get())
}

/// Network bandwidth.
#[must_use]
pub fn bits_per_second(rate: u64) -> Quantity {
    Quantity::new(Kind::NETWORK, rate)
}

/// Whole graphics processors; saturates.
#[must_use]
pub fn gpus(gpus: u64) -> Quantity {
    Quantity::new(Kind::GPU, gpus.saturating_mul(1_000))
}

/// `amount` of the kind of this name.
///
/// # Errors
/// [`KindsError::Name`] if the text cannot name a kind.
pub fn named(kind: &str, amount: u64) -> Result<Quantity, KindsError> {
    Ok(Quantity::new(kind.parse::<KindName>()?, amount))
}

/// Quantities of several kinds, sorted by kind; zeros are left out.
///
/// Of a kind that is named twice it holds the last, as a map would; builders and files refuse that, see
/// [`Quantities::unique`].
///
/// # Files
/// With feature `serde` it is a map from names to text. A plain number is read as its text would be, so that `cpu: 2` and
/// `cpu: "2"` both mean two cores; one with a fraction, such as `1.5`, is taken as the shortest decimal text that names it,
/// and refused from 2^53 on, where reading may already have changed it. Parts of a base unit are refused here;
/// [`request`] rounds them up and [`capacity`] down, each for `#[serde(with = "…")]`.
/// ```
/// # #[cfg(feature = "serde")] {
/// # use cloudlot_core::{Quantities, gib, millicores};
/// let need: Quantities = serde_json::from_str(r#"{"cpu": 1.5, "memory": "16Gi"}"#)?;
/// assert_eq!(need, Quantities::from([millicores(1_500), gib(16)]));
/// assert_eq!(need.to_string(), "cpu 1500m, memory 16Gi");
/// assert_eq!(serde_json::to_string(&need)?, r#"{"cpu":"1500m","memory":"16Gi"}"#);
/// assert!(serde_json::from_str::<Quantities>(r#"{"cpu": "2", "cpu": "3"}"#).is_err());
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quantities(Vec<Quantity>);

impl Quantities {
    /// These quantities, if no kind is named twice.
    ///
    /// # Errors
    /// [`KindsError::Twice`] with the first that is.
    pub fn unique(quantities: impl IntoIterator<Item = Quantity>) -> Result<Self, KindsError> {
        let mut list: Vec<Quantity> = quantities.into_iter().collect();
        list.sort();
        if let Some(pair) = list.windows(2).find(|pair| pair[0].kind == pair[1].kind) {
            return Err(KindsError::Twice(pair[0].kind.clone()));
        }
        list.retain(|quantity| quantity.amount > 0);
        Ok(Self(list))
    }

    /// The quantities, sorted by kind.
    pub fn iter(&self) -> std::slice::Iter<'_, Quantity> {
        self.0.iter()
    }

    /// The amount of one kind; zero if it is not named.
    #[must_use]
    pub fn get(&self, kind: &KindName) -> u64 {
        let place = self.0.binary_search_by(|quantity| quantity.kind.cmp(kind));
        place.map_or(0, |place| self.0[place].amount)
    }

    /// Whether there is nothing of any kind.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Quantity> for Quantities {
    fn from_iter<I: IntoIterator<Item = Quantity>>(quantities: I) -> Self {
        let by_kind: std::collections::BTreeMap<KindName, u64> = quantities
            .into_iter()
            .map(|quantity| (quantity.kind, quantity.amount))
            .collect();
        let list = by_kind
            .into_iter()
            .filter(|(_, amount)| *amount > 0)
            .map(|(kind, amount)| Quantity { kind, amount });
        Self(list.collect())
    }
}

impl<const N: usize> From<[Quantity; N]> for Quantities {
    fn from(quantities: [Quantity; N]) -> Self {
        quantities.into_iter().collect()
    }
}

impl fmt::Display for Quantities {
    /// As `cpu 500m, memory 16Gi`; without any quantity, `nothing`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing");
        }
        for (place, quantity) in self.0.iter().enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            write!(f, "{comma}{quantity}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Quantities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}
