//! What there is: nodes and the devices on them, with what they offer and what they demand.
//!
//! A resource is a plain value that was checked once, in [`ResourceBuilder::build`]. Who holds how much of it is the
//! ledger's business, and so is whether it is idle or in use: here stands only what an operator says.

mod build;
mod class;

pub use build::ResourceBuilder;
pub use class::{NodeClass, ResourceState};

use crate::{Capability, KindName, Labels, OwnerPath, Quantities, Taint, Topology};
use std::collections::{BTreeMap, BTreeSet};

/// Something that can be reserved: a node, or a device on one.
///
/// ```
/// use cloudlot_core::{Kind, Resource, cores, gib};
///
/// let node = Resource::node("n1")
///     .class("compute")
///     .capacity([cores(16), gib(64)])
///     .reserved([cores(1), gib(4)])
///     .overcommit(Kind::CPU, 1_500)
///     .topology([("zone", "a"), ("rack", "r1")])
///     .capability("arch", "x86_64")
///     .build()?;
/// assert_eq!(node.limits().get(&Kind::CPU.into()), 22_500); // (16 - 1) cores, half as many again
/// assert_eq!(node.limits().get(&Kind::MEMORY.into()), 60 << 30); // never more than there is
/// assert_eq!(node.domain("host"), Some("a/r1/n1"));
/// # Ok::<(), cloudlot_core::Faults>(())
/// ```
///
/// The definition of the original resource management system's README, with the same requirement met by it:
/// ```
/// use cloudlot_core::{Capability, CapabilityRule, Request, Resource, Rulebook, cores};
///
/// let compute_resource = Resource::node("compute-node-1")
///     .class("compute")
///     .capacity([cores(100)])
///     .capability("cores", 32)
///     .capability("memory", 128)
///     .capability("arch", "x86_64")
///     .build()?;
/// assert_eq!(compute_resource.capability("cores"), Some(&Capability::from(32)));
///
/// let compute_requirement = Request::new("task-1")
///     .part([cores(50)])
///     .require(CapabilityRule::at_least("cores", 16))
///     .build()?;
/// assert!(Rulebook::new().matches(&compute_requirement, 0, &compute_resource));
/// # Ok::<(), cloudlot_core::Faults>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resource {
    name: String,
    class: NodeClass,
    state: ResourceState,
    capacity: Quantities,
    reserved: Quantities,
    overcommit: BTreeMap<KindName, u32>,
    limits: Quantities,
    capabilities: BTreeMap<String, Capability>,
    labels: Labels,
    taints: Vec<Taint>,
    topology: Topology,
    parent: Option<String>,
    owner: Option<OwnerPath>,
    tags: BTreeSet<String>,
    metadata: BTreeMap<String, String>,
}

impl Resource {
    /// Starts the description of a resource of this name.
    ///
    /// It may have no `/` in its name, which parts the levels of a topology.
    pub fn node(name: impl Into<String>) -> ResourceBuilder {
        ResourceBuilder::new(name)
    }

    /// Starts a description from this one, to change some of it.
    pub fn edit(&self) -> ResourceBuilder {
        ResourceBuilder::from(self)
    }

    /// The same resource in another administrative state.
    #[must_use]
    pub fn with_state(self, state: ResourceState) -> Self {
        Self { state, ..self }
    }

    /// The name by which people and other resources know it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The kind of node.
    #[must_use]
    pub fn class(&self) -> &NodeClass {
        &self.class
    }

    /// What an operator says of it.
    #[must_use]
    pub fn state(&self) -> ResourceState {
        self.state
    }

    /// All that is physically there.
    #[must_use]
    pub fn capacity(&self) -> &Quantities {
        &self.capacity
    }

    /// The part of the capacity that is kept for the system itself.
    #[must_use]
    pub fn reserved(&self) -> &Quantities {
        &self.reserved
    }

    /// How much of a kind may be promised, in thousandths of what is usable: 1,000 unless it was set.
    #[must_use]
    pub fn overcommit(&self, kind: &KindName) -> u32 {
        self.overcommit.get(kind).copied().unwrap_or(build::STRICT)
    }

    /// The kinds whose overcommit was set, and to what.
    pub fn overcommits(&self) -> impl ExactSizeIterator<Item = (&KindName, u32)> {
        self.overcommit
            .iter()
            .map(|(kind, thousandths)| (kind, *thousandths))
    }

    /// How much may be promised in all: `(capacity - reserved) × overcommit / 1000`, rounded down.
    #[must_use]
    pub fn limits(&self) -> &Quantities {
        &self.limits
    }

    /// What it can do, by name.
    pub fn capabilities(&self) -> impl ExactSizeIterator<Item = (&str, &Capability)> {
        self.capabilities
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// One of the things it can do.
    #[must_use]
    pub fn capability(&self, name: &str) -> Option<&Capability> {
        self.capabilities.get(name)
    }

    /// Its labels.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Its taints, sorted, each once.
    #[must_use]
    pub fn taints(&self) -> &[Taint] {
        &self.taints
    }

    /// Where it stands; the innermost level of a resource without a parent is `host`, by its own name if none was given.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Its domain on one level of the topology: see [`Topology::domain`].
    #[must_use]
    pub fn domain(&self, level: &str) -> Option<&str> {
        self.topology.domain(level)
    }

    /// The name of the resource that it is a part of, such as the node of a GPU.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        self.parent.as_deref()
    }

    /// Whom it belongs to.
    #[must_use]
    pub fn owner(&self) -> Option<&OwnerPath> {
        self.owner.as_ref()
    }

    /// Its tags, sorted.
    pub fn tags(&self) -> impl ExactSizeIterator<Item = &str> {
        self.tags.iter().map(String::as_str)
    }

    /// Free text that no rule reads, by key.
    pub fn metadata(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.metadata
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }
}
