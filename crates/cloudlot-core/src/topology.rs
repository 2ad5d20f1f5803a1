//! Where a resource stands: zone, rack, host, or whatever levels a site has.

use crate::text;
use crate::{Faults, Rule};
use std::fmt;

const LEVELS: usize = 16;

/// A place as a path of levels, outermost first: `zone=a, rack=r1, host=n1`.
///
/// ```
/// # use cloudlot_core::Topology;
/// let here = Topology::of([("zone", "a"), ("rack", "r1")])?;
/// let there = Topology::of([("zone", "b"), ("rack", "r1")])?;
/// assert_eq!(here.domain("rack"), Some("a/r1"));
/// assert_ne!(here.domain("rack"), there.domain("rack")); // another rack of the same name
/// assert_eq!(here.domain("row"), None);
/// # Ok::<(), cloudlot_core::Faults>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Topology {
    // Values joined by `/`: what `domain` gives slices of.
    path: String,
    levels: Vec<Level>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Level {
    name: String,
    end: usize,
}

impl Topology {
    /// These levels, outermost first.
    ///
    /// # Errors
    /// Every fault of every level; one that stands twice is one.
    pub fn of<K: Into<String>, V: Into<String>>(
        levels: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let list: Vec<(String, String)> = levels
            .into_iter()
            .map(|(k, v)| (k.into(), v.into()))
            .collect();
        let topology = Self::checked(&mut faults, "topology", &list);
        faults.or(topology)
    }

    /// The path down to this level, so that equal names in two outer domains differ; `None` if the level is not named.
    #[must_use]
    pub fn domain(&self, level: &str) -> Option<&str> {
        let level = self.levels.iter().find(|own| own.name == level)?;
        Some(&self.path[..level.end])
    }

    /// The names of the levels and the domain on each, outermost first.
    pub fn domains(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        let domain = |level: &Level| &self.path[..level.end];
        self.levels
            .iter()
            .map(move |level| (level.name.as_str(), domain(level)))
    }

    /// The names of the levels and the value on each, outermost first.
    pub fn levels(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.domains().map(|(level, domain)| {
            let value = domain.rsplit_once('/').map_or(domain, |(_, last)| last);
            (level, value)
        })
    }

    /// Whether no level is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    pub(crate) fn checked(faults: &mut Faults, path: &str, list: &[(String, String)]) -> Self {
        let mut topology = Self::default();
        if !text::at_most(faults, path, list.len(), LEVELS) {
            return topology;
        }
        for (level, value) in list {
            text::word(faults, format_args!("{path}.{level}"), level);
            text::name(faults, format_args!("{path}.{level}"), value);
            if topology.domain(level).is_some() {
                faults.add(format_args!("{path}.{level}"), level, Rule::Twice);
            }
            topology.push(level, value);
        }
        topology
    }

    pub(crate) fn push(&mut self, level: &str, value: &str) {
        if !self.levels.is_empty() {
            self.path.push('/');
        }
        self.path.push_str(value);
        self.levels.push(Level {
            name: level.to_owned(),
            end: self.path.len(),
        });
    }
}

impl fmt::Debug for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.levels()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Two resources share a domain exactly if every level down to it has the same value.
        #[test]
        fn domains_are_equal_where_the_whole_way_is(
            a in proptest::collection::vec("[ab]{1,2}", 1..4),
            b in proptest::collection::vec("[ab]{1,2}", 1..4),
        ) {
            let levels = ["zone", "rack", "host"];
            let place = |values: &[String]| Topology::of(levels.iter().copied().zip(values.to_vec())).unwrap();
            let (here, there) = (place(&a), place(&b));
            for (depth, level) in levels.iter().enumerate() {
                let both = a.get(..=depth).zip(b.get(..=depth));
                let same = here.domain(level).is_some() && here.domain(level) == there.domain(level);
                prop_assert_eq!(same, both.is_some_and(|(a, b)| a == b));
            }
            let values: Vec<&str> = here.levels().map(|(_, value)| value).collect();
            prop_assert_eq!(values, a);
        }
    }

    #[test]
    fn a_value_cannot_pretend_to_be_two_levels() {
        assert!(Topology::of([("zone", "a/r1")]).is_err());
        assert!(Topology::of([("zone", "")]).is_err());
        assert!(Topology::of((0..17).map(|n| (n.to_string(), "a"))).is_err());
    }
}
