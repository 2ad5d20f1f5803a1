//! The description of a resource before it is checked, and the checks.

use super::{NodeClass, Resource, ResourceState};
use crate::{
    Capability, Faults, KindName, Labels, OwnerPath, Quantities, Quantity, Rule, Taint, Topology,
    checked::amounts_checked, labels, text,
};
use std::collections::{BTreeMap, BTreeSet};

/// A limit of a thousand thousandths: what is there, and no more.
pub(super) const STRICT: u32 = 1_000;
/// A thousand times what is there; more is a slip of the pen.
const OVERCOMMIT_MAX: u32 = 1_000_000;
const TAINTS: usize = 256;

/// The description of a [`Resource`]; [`ResourceBuilder::build`] checks it.
#[derive(Clone, Debug)]
#[must_use = "a description is nothing before `build`"]
pub struct ResourceBuilder {
    pub(crate) name: String,
    pub(crate) class: NodeClass,
    pub(crate) state: ResourceState,
    pub(crate) capacity: Vec<Quantity>,
    pub(crate) reserved: Vec<Quantity>,
    pub(crate) overcommit: Vec<(KindName, u32)>,
    pub(crate) capabilities: Vec<(String, Capability)>,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) taints: Vec<Taint>,
    pub(crate) topology: Vec<(String, String)>,
    pub(crate) parent: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) metadata: Vec<(String, String)>,
}

impl ResourceBuilder {
    pub(super) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            class: NodeClass::default(),
            state: ResourceState::default(),
            capacity: Vec::new(),
            reserved: Vec::new(),
            overcommit: Vec::new(),
            capabilities: Vec::new(),
            labels: Vec::new(),
            taints: Vec::new(),
            topology: Vec::new(),
            parent: None,
            owner: None,
            tags: Vec::new(),
            metadata: Vec::new(),
        }
    }

    /// The kind of node; `compute` unless it is set.
    pub fn class(mut self, class: impl Into<NodeClass>) -> Self {
        self.class = class.into();
        self
    }

    /// What the operator says of it; available unless it is set.
    pub fn state(mut self, state: ResourceState) -> Self {
        self.state = state;
        self
    }

    /// All that is physically there; replaces what was said before.
    pub fn capacity(mut self, capacity: impl IntoIterator<Item = Quantity>) -> Self {
        self.capacity = capacity.into_iter().collect();
        self
    }

    /// The part of the capacity that is kept for the system; replaces what was said before.
    pub fn reserved(mut self, reserved: impl IntoIterator<Item = Quantity>) -> Self {
        self.reserved = reserved.into_iter().collect();
        self
    }

    /// How much of a kind may be promised, in thousandths of what is usable: 1,500 is half as much again.
    ///
    /// Every kind is strict (1,000) unless it is set; for memory think twice.
    pub fn overcommit(mut self, kind: impl Into<KindName>, thousandths: u32) -> Self {
        self.overcommit.push((kind.into(), thousandths));
        self
    }

    /// Something it can do.
    pub fn capability(mut self, name: impl Into<String>, value: impl Into<Capability>) -> Self {
        self.capabilities.push((name.into(), value.into()));
        self
    }

    /// One more label.
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((key.into(), value.into()));
        self
    }

    /// One more taint.
    pub fn taint(mut self, taint: Taint) -> Self {
        self.taints.push(taint);
        self
    }

    /// Where it stands, outermost level first; replaces what was said before.
    pub fn topology<K: Into<String>, V: Into<String>>(
        mut self,
        levels: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let levels = levels.into_iter();
        self.topology = levels.map(|(k, v)| (k.into(), v.into())).collect();
        self
    }

    /// The name of the resource that it is a part of.
    pub fn parent(mut self, name: impl Into<String>) -> Self {
        self.parent = Some(name.into());
        self
    }

    /// Whom it belongs to, as a path of names.
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// One more tag.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// One more piece of free text.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.push((key.into(), value.into()));
        self
    }

    /// The resource.
    ///
    /// # Errors
    /// Everything that is wrong with the description.
    pub fn build(self) -> Result<Resource, Faults> {
        self.build_after(Faults::default())
    }

    /// As `build`, after faults that were found in reading the description.
    pub(crate) fn build_after(self, mut all: Faults) -> Result<Resource, Faults> {
        let faults = &mut all;
        text::name(faults, "name", &self.name);
        text::name(faults, "class", self.class.as_str());
        let capacity = amounts_checked(faults, "capacity", self.capacity);
        let reserved = amounts_checked(faults, "reserved", self.reserved);
        let overcommit = overcommit_checked(faults, self.overcommit);
        let limits = limits(faults, &capacity, &reserved, &overcommit);
        let capabilities = capabilities_checked(faults, self.capabilities);
        let labels = Labels::checked(faults, "labels", self.labels);
        let taints = taints_checked(faults, self.taints);
        let mut topology = Topology::checked(faults, "topology", &self.topology);
        if let Some(parent) = &self.parent {
            text::name(faults, "parent", parent);
            if *parent == self.name {
                faults.add("parent", parent, Rule::Excludes("the resource itself"));
            }
        } else if topology.domain(HOST).is_none() {
            topology.push(HOST, &self.name);
        }
        let owner = self
            .owner
            .map(|owner| OwnerPath::checked(faults, "owner", &owner));
        let tags = tags_checked(faults, self.tags);
        let metadata = labels::unique(faults, "metadata", self.metadata, |faults, key, value| {
            text::key(faults, format_args!("metadata.{key}"), key);
            text::free(faults, format_args!("metadata.{key}"), value);
        });
        all.or(Resource {
            name: self.name,
            class: self.class,
            state: self.state,
            capacity,
            reserved,
            overcommit,
            limits,
            capabilities,
            labels,
            taints,
            topology,
            parent: self.parent,
            owner,
            tags,
            metadata,
        })
    }
}

/// The level that every resource without a parent has.
const HOST: &str = "host";

impl From<&Resource> for ResourceBuilder {
    fn from(resource: &Resource) -> Self {
        let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let capabilities = resource.capabilities.clone();
        Self {
            name: resource.name.clone(),
            class: resource.class.clone(),
            state: resource.state,
            capacity: resource.capacity.iter().cloned().collect(),
            reserved: resource.reserved.iter().cloned().collect(),
            overcommit: resource.overcommit.clone().into_iter().collect(),
            capabilities: capabilities.into_iter().collect(),
            labels: resource.labels.iter().map(owned).collect(),
            taints: resource.taints.clone(),
            topology: resource.topology.levels().map(owned).collect(),
            parent: resource.parent.clone(),
            owner: resource.owner.as_ref().map(ToString::to_string),
            tags: resource.tags.iter().cloned().collect(),
            metadata: resource.metadata.clone().into_iter().collect(),
        }
    }
}

fn overcommit_checked(faults: &mut Faults, list: Vec<(KindName, u32)>) -> BTreeMap<KindName, u32> {
    let mut map = BTreeMap::new();
    if !text::at_most(faults, "overcommit", list.len(), crate::Kind::LIMIT) {
        return map;
    }
    for (kind, thousandths) in list {
        if !(1..=OVERCOMMIT_MAX).contains(&thousandths) {
            let range = Rule::Outside {
                least: 1,
                most: OVERCOMMIT_MAX.into(),
            };
            faults.add(format_args!("overcommit.{kind}"), thousandths, range);
        }
        if map.insert(kind.clone(), thousandths).is_some() {
            faults.add(format_args!("overcommit.{kind}"), &kind, Rule::Twice);
        }
    }
    map
}

fn limits(
    faults: &mut Faults,
    capacity: &Quantities,
    reserved: &Quantities,
    overcommit: &BTreeMap<KindName, u32>,
) -> Quantities {
    for kept in reserved.iter() {
        let there = capacity.get(kept.kind());
        if kept.amount() > there {
            let rule = Rule::Above(format!("the capacity {there}"));
            faults.add(
                format_args!("reserved.{}", kept.kind()),
                kept.amount(),
                rule,
            );
        }
    }
    let limit = |there: &Quantity| {
        let kind = there.kind();
        let usable = there.amount().saturating_sub(reserved.get(kind));
        let thousandths = overcommit.get(kind).copied().unwrap_or(STRICT);
        let limit = u128::from(usable) * u128::from(thousandths) / u128::from(STRICT);
        let limit = u64::try_from(limit).unwrap_or_else(|_| {
            let rule = Rule::Above(format!("2^64 - 1 when overcommitted by {thousandths}"));
            faults.add(format_args!("capacity.{kind}"), there.amount(), rule);
            u64::MAX
        });
        Quantity::new(kind.clone(), limit)
    };
    capacity.iter().map(limit).collect()
}

fn capabilities_checked(
    faults: &mut Faults,
    list: Vec<(String, Capability)>,
) -> BTreeMap<String, Capability> {
    labels::unique(faults, "capabilities", list, |faults, name, value| {
        text::key(faults, format_args!("capabilities.{name}"), name);
        value.check(faults, format_args!("capabilities.{name}"));
    })
}

fn taints_checked(faults: &mut Faults, mut taints: Vec<Taint>) -> Vec<Taint> {
    if text::at_most(faults, "taints", taints.len(), TAINTS) {
        for (n, taint) in taints.iter().enumerate() {
            taint.check(faults, format_args!("taints[{n}]"));
        }
        taints.sort();
        taints.dedup();
    }
    taints
}

fn tags_checked(faults: &mut Faults, tags: Vec<String>) -> BTreeSet<String> {
    if text::at_most(faults, "tags", tags.len(), labels::LABELS) {
        for (n, tag) in tags.iter().enumerate() {
            text::word(faults, format_args!("tags[{n}]"), tag);
        }
    }
    tags.into_iter().collect()
}
