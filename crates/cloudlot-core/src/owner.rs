//! Who asks or who holds: a path of names, so that limits and shares can stand on every level.

use crate::text;
use crate::{Faults, Rule};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

const LEVELS: usize = 16;

/// A path of names, outermost first: `org/team-a`.
///
/// ```
/// # use cloudlot_core::OwnerPath;
/// let owner: OwnerPath = "org/team-a/ci".parse()?;
/// let levels: Vec<&str> = owner.ancestors().collect();
/// assert_eq!(levels, ["org", "org/team-a", "org/team-a/ci"]);
/// assert!("org//ci".parse::<OwnerPath>().is_err());
/// # Ok::<(), cloudlot_core::Faults>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerPath(Arc<str>);

impl OwnerPath {
    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Every level of the path as a path of its own, outermost first; the last is the path itself.
    pub fn ancestors(&self) -> impl Iterator<Item = &str> {
        let ends = self.0.match_indices('/').map(|(end, _)| end);
        ends.chain([self.0.len()]).map(|end| &self.0[..end])
    }

    /// The path one level further out, if there is one.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (outer, _) = self.0.rsplit_once('/')?;
        Some(Self(outer.into()))
    }

    pub(crate) fn checked(faults: &mut Faults, path: impl fmt::Display, text: &str) -> Self {
        let levels = text.split('/').count();
        if levels > 1 && text.split('/').any(str::is_empty) {
            let form = "names with one `/` between them";
            faults.add(path, text, Rule::Form(form));
        } else if text::at_most(faults, &path, levels, LEVELS) {
            for name in text.split('/') {
                text::word(faults, &path, name);
            }
        }
        Self(text.into())
    }
}

impl Default for OwnerPath {
    /// `default`: whoever does not say.
    fn default() -> Self {
        Self("default".into())
    }
}

impl FromStr for OwnerPath {
    type Err = Faults;

    fn from_str(text: &str) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let path = Self::checked(&mut faults, "owner", text);
        faults.or(path)
    }
}

impl fmt::Display for OwnerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for OwnerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ancestors_are_every_step_of_the_way_by_parent() {
        let mut own = Some("a/b/c/d".parse::<OwnerPath>().unwrap());
        let leaf = own.clone().unwrap();
        let mut ways = Vec::new();
        while let Some(path) = own {
            own = path.parent();
            ways.push(path);
        }
        ways.reverse();
        let ancestors: Vec<&str> = leaf.ancestors().collect();
        assert_eq!(
            ways.iter().map(OwnerPath::as_str).collect::<Vec<_>>(),
            ancestors
        );
    }

    #[test]
    fn a_path_that_no_account_can_stand_for_is_refused() {
        let deep = ["a"; 17].join("/");
        for text in ["", "/", "a/", "/a", "a//b", "a b", "a/-", &deep] {
            assert!(text.parse::<OwnerPath>().is_err(), "`{text}` was taken");
        }
        assert!(deep["a/".len()..].parse::<OwnerPath>().is_ok());
    }
}
