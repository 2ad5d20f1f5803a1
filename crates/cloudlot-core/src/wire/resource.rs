//! Resources in files and messages.

use super::pairs::{Amount, Pairs, amounts, quantities};
use crate::{
    Capability, Faults, KindName, NodeClass, Quantity, Resource, ResourceState, Rule, Taint,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: String,
    #[serde(default)]
    class: NodeClass,
    #[serde(default)]
    state: ResourceState,
    #[serde(default)]
    capacity: Pairs<Amount>,
    #[serde(default, skip_serializing_if = "Pairs::is_empty")]
    reserved: Pairs<Amount>,
    #[serde(default, skip_serializing_if = "Pairs::is_empty")]
    overcommit: Pairs<u32>,
    #[serde(default, skip_serializing_if = "Pairs::is_empty")]
    capabilities: Pairs<Capability>,
    #[serde(default, skip_serializing_if = "Pairs::is_empty")]
    labels: Pairs<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    taints: Vec<Taint>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    topology: Vec<RawLevel>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Pairs::is_empty")]
    metadata: Pairs<String>,
}

/// One level of a topology: the order of a list is kept everywhere, that of a map is not.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLevel {
    level: String,
    name: String,
}

impl Serialize for Resource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Raw::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Resource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Raw::deserialize(deserializer)?;
        raw.build().map_err(serde::de::Error::custom)
    }
}

impl From<&Resource> for Raw {
    fn from(resource: &Resource) -> Self {
        let topology = resource.topology().levels().map(|(level, name)| RawLevel {
            level: level.to_owned(),
            name: name.to_owned(),
        });
        let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let capabilities = resource.capabilities();
        Self {
            name: resource.name().to_owned(),
            class: resource.class().clone(),
            state: resource.state(),
            capacity: amounts(resource.capacity().iter()),
            reserved: amounts(resource.reserved().iter()),
            overcommit: Pairs::of(resource.overcommits()),
            capabilities: Pairs::of(capabilities.map(|(name, value)| (name, value.clone()))),
            labels: Pairs::of(resource.labels().iter().map(owned)),
            taints: resource.taints().to_vec(),
            topology: topology.collect(),
            parent: resource.parent().map(str::to_owned),
            owner: resource.owner().map(ToString::to_string),
            tags: resource.tags().map(str::to_owned).collect(),
            metadata: Pairs::of(resource.metadata().map(owned)),
        }
    }
}

impl Raw {
    fn build(self) -> Result<Resource, Faults> {
        let mut faults = Faults::default();
        let mut resource = Resource::node(self.name);
        // What is there counts down, what is kept counts up: never more to give away than there is.
        resource.capacity = quantities(&mut faults, "capacity", self.capacity, |kind, text| {
            Quantity::parse_capacity(kind, text)
        });
        resource.reserved = quantities(&mut faults, "reserved", self.reserved, |kind, text| {
            Quantity::parse_request(kind, text)
        });
        for (name, thousandths) in self.overcommit.0 {
            match name.parse::<KindName>() {
                Ok(kind) => resource = resource.overcommit(kind, thousandths),
                Err(why) => {
                    let rule = Rule::Other(crate::fault::shown(why));
                    faults.add("overcommit", name, rule);
                }
            }
        }
        let levels = self.topology.into_iter();
        resource.topology = levels.map(|level| (level.level, level.name)).collect();
        resource.class = self.class;
        resource.state = self.state;
        resource.capabilities = self.capabilities.0;
        resource.labels = self.labels.0;
        resource.taints = self.taints;
        resource.parent = self.parent;
        resource.owner = self.owner;
        resource.tags = self.tags;
        resource.metadata = self.metadata.0;
        resource.build_after(faults)
    }
}
