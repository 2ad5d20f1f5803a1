//! The kinds of node and the states that an operator gives them.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// What a resource is for. It says nothing of what it can do: that is what capabilities are for.
///
/// Every text is a class; one that is not among the known names is a custom one.
/// ```
/// # use cloudlot_core::NodeClass;
/// assert_eq!(NodeClass::from("gpu"), NodeClass::Gpu);
/// assert_eq!(NodeClass::from("quantum").to_string(), "quantum");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum NodeClass {
    /// General computing.
    #[default]
    Compute,
    /// Much memory.
    Memory,
    /// Disks.
    Storage,
    /// Switching and links.
    Network,
    /// Graphics processors.
    Gpu,
    /// Hardware for one purpose.
    Specialized,
    /// A class with a name of its own.
    Custom(Arc<str>),
}

impl NodeClass {
    const KNOWN: [(&'static str, Self); 6] = [
        ("compute", Self::Compute),
        ("memory", Self::Memory),
        ("storage", Self::Storage),
        ("network", Self::Network),
        ("gpu", Self::Gpu),
        ("specialized", Self::Specialized),
    ];

    /// The class as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        if let Self::Custom(name) = self {
            return name;
        }
        let known = Self::KNOWN.iter().find(|(_, class)| class == self);
        known.map_or("", |(name, _)| name)
    }
}

impl From<&str> for NodeClass {
    fn from(text: &str) -> Self {
        let known = Self::KNOWN.iter().find(|(name, _)| *name == text);
        known.map_or_else(|| Self::Custom(text.into()), |(_, class)| class.clone())
    }
}

impl FromStr for NodeClass {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.into())
    }
}

impl fmt::Display for NodeClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an operator says of a resource. Idle, reserved and in use follow from what is held on it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum ResourceState {
    /// Takes new work.
    #[default]
    Available,
    /// Takes nothing new; what is there may finish.
    Draining,
    /// Taken out on purpose.
    Maintenance,
    /// Gone, with whatever was on it.
    Failed,
}

impl ResourceState {
    /// Whether new work may come.
    #[must_use]
    pub const fn takes_new(self) -> bool {
        matches!(self, Self::Available)
    }
}

impl fmt::Display for ResourceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Available => "available",
            Self::Draining => "draining",
            Self::Maintenance => "maintenance",
            Self::Failed => "failed",
        })
    }
}
