//! Requests in files and messages.

use super::pairs::{Amount, Pairs, amounts, quantities};
use crate::{
    Constraint, Dimension, Faults, Measure, Mode, Need, On, Part, Preference, Priority, Quantity,
    Request, RequestKey, Rule, Spread, Toleration, Window,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::time::Duration;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<RequestKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parts: Vec<RawPart>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    elastic: Option<RawElastic>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    constraints: Vec<Constraint>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    preferences: Vec<Preference>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tolerations: Vec<Toleration>,
    #[serde(default, skip_serializing_if = "Pairs::is_empty")]
    labels: Pairs<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    affinities: Vec<RawAffinity>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    soft_affinities: Vec<RawSoftAffinity>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    spread: Vec<Spread>,
    #[serde(default, skip_serializing_if = "is_default")]
    priority: Priority,
    #[serde(default, skip_serializing_if = "is_default")]
    window: Window,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hold_for: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    strategy: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPart {
    amounts: Pairs<Amount>,
    #[serde(default = "one")]
    count: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min: Option<u32>,
    #[serde(default)]
    on: On,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn one() -> u32 {
    1
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawElastic {
    least: Pairs<Amount>,
    most: Pairs<Amount>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAffinity {
    label: String,
    level: String,
    mode: Mode,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSoftAffinity {
    label: String,
    level: String,
    weight: i32,
}

impl Serialize for Request {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Raw::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Raw::deserialize(deserializer)?;
        raw.build().map_err(serde::de::Error::custom)
    }
}

impl From<&Request> for Raw {
    fn from(request: &Request) -> Self {
        let elastic = match request.need() {
            Need::Parts(_) => None,
            Need::Elastic { least, most } => Some(RawElastic {
                least: amounts(least.iter()),
                most: amounts(most.iter()),
            }),
        };
        let affinities = request.affinities().iter().map(|affinity| RawAffinity {
            label: affinity.label.to_string(),
            level: affinity.level.clone(),
            mode: affinity.mode,
        });
        let soft_affinities = request.soft_affinities().iter();
        let soft_affinities = soft_affinities.map(|affinity| RawSoftAffinity {
            label: affinity.label.to_string(),
            level: affinity.level.clone(),
            weight: affinity.weight,
        });
        let labels = request.labels().iter();
        Self {
            name: request.name().to_owned(),
            key: request.key(),
            owner: Some(request.owner().to_string()),
            parts: request.need().parts().iter().map(RawPart::from).collect(),
            elastic,
            constraints: request.constraints().to_vec(),
            preferences: request.preferences().to_vec(),
            tolerations: request.tolerations().to_vec(),
            labels: Pairs::of(labels.map(|(key, value)| (key, value.to_owned()))),
            affinities: affinities.collect(),
            soft_affinities: soft_affinities.collect(),
            spread: request.spreads().to_vec(),
            priority: request.priority(),
            window: request.window(),
            hold_for: Some(duration_text(request.hold_for())),
            expected: request.expected().map(duration_text),
            strategy: request.strategy().map(str::to_owned),
        }
    }
}

impl From<&Part> for RawPart {
    fn from(part: &Part) -> Self {
        Self {
            amounts: amounts(part.amounts.iter()),
            count: part.count,
            min: Some(part.min),
            on: part.on,
        }
    }
}

impl Raw {
    fn build(self) -> Result<Request, Faults> {
        let mut faults = Faults::default();
        let mut request = Request::new(self.name);
        for (n, part) in self.parts.into_iter().enumerate() {
            let path = format!("parts[{n}].amounts");
            let amounts = read(&mut faults, &path, part.amounts);
            let min = part.min.unwrap_or(part.count);
            request = request.gang(part.count, min, part.on, amounts);
        }
        if let Some(elastic) = self.elastic {
            let least = read(&mut faults, "elastic.least", elastic.least);
            let most = read(&mut faults, "elastic.most", elastic.most);
            request = request.elastic(least, most);
        }
        for affinity in self.affinities {
            let (label, level) = (affinity.label, affinity.level);
            request = match affinity.mode {
                Mode::Together => request.affinity(label, level),
                Mode::Apart => request.anti_affinity(label, level),
            };
        }
        for affinity in self.soft_affinities {
            let (label, level) = (affinity.label, affinity.level);
            request = request.prefer_affinity(label, level, affinity.weight);
        }
        if let Some(text) = self.hold_for {
            request.hold_for = duration(&mut faults, "hold_for", &text);
        }
        let expected = self.expected.as_deref();
        request.expected = expected.map(|text| duration(&mut faults, "expected", text));
        request.key = self.key;
        request.owner = self.owner;
        request.constraints = self.constraints;
        request.preferences = self.preferences;
        request.tolerations = self.tolerations;
        request.labels = self.labels.0;
        request.spreads = self.spread;
        request.priority = self.priority;
        request.window = self.window;
        request.strategy = self.strategy;
        request.build_after(faults)
    }
}

fn read(faults: &mut Faults, path: &str, entries: Pairs<Amount>) -> Vec<Quantity> {
    quantities(faults, path, entries, |kind, text| {
        Quantity::parse_request(kind, text)
    })
}

/// A duration as a number and a unit of time: `300 s`.
fn duration(faults: &mut Faults, path: &str, text: &str) -> Duration {
    let nanos = text.parse::<Measure>().ok().and_then(|measure| {
        let time = measure.dimension() == Dimension::Time;
        u64::try_from(measure.nanos()).ok().filter(|_| time)
    });
    nanos.map_or_else(
        || {
            let form = "a duration such as `300 s` or `5 min`, up to 2^64 - 1 ns";
            faults.add(path, text, Rule::Form(form));
            // Any legal one, so that there is no second fault.
            Request::HOLD_FOR
        },
        Duration::from_nanos,
    )
}

fn duration_text(duration: Duration) -> String {
    Measure::time(duration).to_string()
}
