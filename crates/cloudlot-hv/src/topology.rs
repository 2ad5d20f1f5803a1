//! Physical CPUs and sets of them.

use std::fmt;
use std::str::FromStr;

cloudlot_core::id_type! {
    /// A physical CPU (a hardware thread) by the number the host gives it.
    pub struct PcpuId(u32, "pcpu");
}

/// The largest pCPU number that a [`CpuSet`] takes, plus one.
///
/// Linux builds go to 8,192 CPUs; the bound keeps a broken mask from filling memory.
pub const CPU_LIMIT: u32 = 16_384;

/// A set of physical CPUs: where a vCPU may run.
///
/// Printed and parsed as Linux and libvirt write CPU lists.
/// ```
/// use cloudlot_hv::{CpuSet, PcpuId};
///
/// let set: CpuSet = "0-2,8".parse()?;
/// assert_eq!(set.len(), 4);
/// assert!(set.contains(PcpuId::new(8)));
/// assert_eq!(set.to_string(), "0-2,8");
/// assert!("3-1".parse::<CpuSet>().is_err());
/// # Ok::<(), cloudlot_hv::ParseCpuSetError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct CpuSet {
    /// Bit `n % 64` of word `n / 64` stands for pCPU `n`; the last word is never zero, so that
    /// equal sets compare equal.
    words: Vec<u64>,
}

impl CpuSet {
    /// The set without members.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// The set of one pCPU.
    #[must_use]
    pub fn single(id: PcpuId) -> Self {
        std::iter::once(id).collect()
    }

    /// Adds a pCPU; numbers from [`CPU_LIMIT`] on are left out.
    pub fn insert(&mut self, id: PcpuId) {
        let Some((word, bit)) = place(id) else { return };
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= bit;
    }

    /// Whether the pCPU is a member.
    #[must_use]
    pub fn contains(&self, id: PcpuId) -> bool {
        place(id).is_some_and(|(word, bit)| self.words.get(word).is_some_and(|w| w & bit != 0))
    }

    /// The number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum()
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The only member, if there is exactly one.
    #[must_use]
    pub fn only(&self) -> Option<PcpuId> {
        let mut members = self.iter();
        members.next().filter(|_| members.next().is_none())
    }

    /// The members of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut words: Vec<u64> = self
            .words
            .iter()
            .zip(&other.words)
            .map(|(a, b)| a & b)
            .collect();
        while words.last() == Some(&0) {
            words.pop();
        }
        Self { words }
    }

    /// Whether every member is in `other`.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.words
            .iter()
            .enumerate()
            .all(|(at, word)| word & !other.words.get(at).copied().unwrap_or(0) == 0)
    }

    /// The members in rising order.
    pub fn iter(&self) -> impl Iterator<Item = PcpuId> + '_ {
        self.words.iter().zip(0_u32..).flat_map(|(&word, at)| {
            (0..64)
                .filter(move |bit| word >> bit & 1 == 1)
                .map(move |bit| PcpuId::new(at * 64 + bit))
        })
    }
}

fn place(id: PcpuId) -> Option<(usize, u64)> {
    (id.number() < CPU_LIMIT).then(|| ((id.number() / 64) as usize, 1 << (id.number() % 64)))
}

impl FromIterator<PcpuId> for CpuSet {
    fn from_iter<I: IntoIterator<Item = PcpuId>>(ids: I) -> Self {
        let mut set = Self::empty();
        ids.into_iter().for_each(|id| set.insert(id));
        set
    }
}

impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut members = self.iter().map(PcpuId::number).peekable();
        let mut separator = "";
        while let Some(first) = members.next() {
            let mut last = first;
            while members.next_if_eq(&(last + 1)).is_some() {
                last += 1;
            }
            write!(f, "{separator}{first}")?;
            if last > first {
                write!(f, "-{last}")?;
            }
            separator = ",";
        }
        Ok(())
    }
}

impl fmt::Debug for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}

/// Why a text is not a CPU list.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a CPU list such as 0-3,8 with numbers below {CPU_LIMIT}")]
pub struct ParseCpuSetError(String);

impl FromStr for CpuSet {
    type Err = ParseCpuSetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseCpuSetError(text.to_owned());
        let number = |digits: &str| {
            let number: u32 = digits.trim().parse().map_err(|_| wrong())?;
            if number < CPU_LIMIT {
                Ok(number)
            } else {
                Err(wrong())
            }
        };
        let mut set = Self::empty();
        for part in text.split(',').filter(|_| !text.trim().is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return Err(wrong());
            }
            (first..=last).for_each(|id| set.insert(PcpuId::new(id)));
        }
        Ok(set)
    }
}

#[cfg(feature = "serde")]
mod by_text {
    use super::{CpuSet, PcpuId};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    impl Serialize for PcpuId {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_u32(self.number())
        }
    }

    impl<'de> Deserialize<'de> for PcpuId {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            u32::deserialize(deserializer).map(Self::new)
        }
    }

    impl Serialize for CpuSet {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }

    impl<'de> Deserialize<'de> for CpuSet {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            String::deserialize(deserializer)?
                .parse()
                .map_err(D::Error::custom)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn set(ids: &BTreeSet<u32>) -> CpuSet {
        ids.iter().copied().map(PcpuId::new).collect()
    }

    #[test]
    fn what_is_no_cpu_list_is_refused() {
        for text in ["x", "1-", "-1", "3-1", "1,,2", "16384", "0-99999999", "1 2"] {
            assert!(text.parse::<CpuSet>().is_err(), "{text}");
        }
        assert_eq!("".parse(), Ok(CpuSet::empty()));
    }

    proptest! {
        #[test]
        fn a_cpu_set_is_a_set_of_numbers(
            a in proptest::collection::btree_set(0_u32..300, 0..40),
            b in proptest::collection::btree_set(0_u32..300, 0..40),
        ) {
            let (left, right) = (set(&a), set(&b));
            let both: BTreeSet<u32> = a.intersection(&b).copied().collect();
            prop_assert_eq!(left.len(), a.len());
            prop_assert_eq!(left.is_empty(), a.is_empty());
            prop_assert_eq!(left.intersection(&right), set(&both));
            prop_assert_eq!(left.is_subset(&right), a.is_subset(&b));
            prop_assert_eq!(left.iter().map(PcpuId::number).collect::<BTreeSet<_>>(), a);
            prop_assert_eq!(left.to_string().parse(), Ok(left));
        }

        #[test]
        fn arbitrary_text_never_panics(text: String) {
            let _ = text.parse::<CpuSet>();
        }
    }
}
