//! The records of a ledger, as stores keep them. The same record is always the same bytes.

use super::pairs::{Amount, Pairs, amounts, quantities};
use crate::ledger::{HoldRecord, KeyRecord, Record, ReservationRecord, Span, Stage};
use crate::request::{RawAffinity, affinities_checked};
use crate::{
    Affinity, Faults, Labels, Mode, OwnerPath, Priority, Quantities, Quantity, RequestKey,
    Resource, Rule, Terms, Timestamp,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;
use std::time::Duration;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Raw {
    Ledger {
        format: u32,
        at: Timestamp,
    },
    Resource(Box<Resource>),
    Limit {
        owner: OwnerPath,
        limit: Pairs<Amount>,
    },
    Reservation(Box<RawReservation>),
    EndedKey {
        key: RequestKey,
        digest: u64,
        until: Timestamp,
        order: u64,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawReservation {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<RawAnswer>,
    owner: OwnerPath,
    holds: Vec<RawHold>,
    stage: Stage,
    from: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    priority: Priority,
    evicting: bool,
    #[serde(default, skip_serializing_if = "Pairs::is_empty")]
    labels: Pairs<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    affinities: Vec<RawCompany>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<Duration>,
    reserved_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAnswer {
    key: RequestKey,
    digest: u64,
    until: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHold {
    on: String,
    count: u32,
    amounts: Quantities,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCompany {
    label: String,
    level: String,
    mode: Mode,
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Raw::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Raw::deserialize(deserializer)?;
        raw.build().map_err(serde::de::Error::custom)
    }
}

impl From<&Record> for Raw {
    fn from(record: &Record) -> Self {
        match record {
            Record::Ledger { format, at } => Self::Ledger {
                format: *format,
                at: *at,
            },
            Record::Resource(resource) => Self::Resource(Box::new(Resource::clone(resource))),
            Record::Limit { owner, limit } => Self::Limit {
                owner: owner.clone(),
                limit: amounts(limit),
            },
            Record::Reservation(reservation) => {
                Self::Reservation(Box::new(RawReservation::from(&**reservation)))
            }
            Record::EndedKey { answer, order } => Self::EndedKey {
                key: answer.key,
                digest: answer.digest,
                until: answer.until,
                order: *order,
            },
        }
    }
}

impl From<&ReservationRecord> for RawReservation {
    fn from(record: &ReservationRecord) -> Self {
        let answer = record.answer.map(|answer| RawAnswer {
            key: answer.key,
            digest: answer.digest,
            until: answer.until,
        });
        let holds = record.holds.iter().map(|hold| RawHold {
            on: hold.on.clone(),
            count: hold.count,
            amounts: hold.amounts.clone(),
        });
        let terms = record.terms.as_deref();
        let labels = terms.into_iter().flat_map(|terms| terms.labels.iter());
        let company = terms.into_iter().flat_map(|terms| &terms.affinities);
        let company = company.map(|affinity| RawCompany {
            label: affinity.label.to_string(),
            level: affinity.level.clone(),
            mode: affinity.mode,
        });
        Self {
            answer,
            owner: record.owner.clone(),
            holds: holds.collect(),
            stage: record.stage,
            from: record.span.from,
            until: Some(record.span.until).filter(|until| *until < Timestamp::MAX),
            priority: record.priority,
            evicting: record.evicting,
            labels: Pairs::of(labels.map(|(key, value)| (key, value.to_owned()))),
            affinities: company.collect(),
            expected: record.expected,
            reserved_at: record.reserved_at,
        }
    }
}

impl Raw {
    fn build(self) -> Result<Record, Faults> {
        Ok(match self {
            Self::Ledger { format, at } => Record::Ledger { format, at },
            Self::Resource(resource) => Record::Resource(Arc::new(*resource)),
            Self::Limit { owner, limit } => Record::Limit {
                owner,
                limit: limit_of(limit)?,
            },
            Self::Reservation(reservation) => Record::Reservation(Box::new(reservation.build()?)),
            Self::EndedKey {
                key,
                digest,
                until,
                order,
            } => Record::EndedKey {
                answer: KeyRecord { key, digest, until },
                order,
            },
        })
    }
}

/// A limit keeps its zeros, and names each kind once.
fn limit_of(limit: Pairs<Amount>) -> Result<Vec<Quantity>, Faults> {
    let mut faults = Faults::default();
    let mut limit = quantities(&mut faults, "limit", limit, |kind, text| {
        Quantity::parse(kind, text, crate::Rounding::Exact)
    });
    limit.sort();
    for pair in limit
        .windows(2)
        .filter(|pair| pair[0].kind() == pair[1].kind())
    {
        let kind = pair[0].kind();
        faults.add(format_args!("limit.{kind}"), pair[1].amount(), Rule::Twice);
    }
    faults.or(limit)
}

impl RawReservation {
    fn build(self) -> Result<ReservationRecord, Faults> {
        let mut faults = Faults::default();
        let labels = Labels::checked(&mut faults, "labels", self.labels.0);
        let company = self.affinities.into_iter().map(|raw| RawAffinity {
            label: raw.label,
            level: raw.level,
            want: raw.mode,
        });
        let affinities: Vec<Affinity> =
            affinities_checked(&mut faults, "affinities", company.collect());
        let some = !labels.is_empty() || !affinities.is_empty();
        let holds = self.holds.into_iter().map(|hold| HoldRecord {
            on: hold.on,
            count: hold.count,
            amounts: hold.amounts,
        });
        let answer = self.answer.map(|answer| KeyRecord {
            key: answer.key,
            digest: answer.digest,
            until: answer.until,
        });
        faults.or(ReservationRecord {
            answer,
            owner: self.owner,
            holds: holds.collect(),
            stage: self.stage,
            span: Span {
                from: self.from,
                until: self.until.unwrap_or(Timestamp::MAX),
            },
            priority: self.priority,
            evicting: self.evicting,
            terms: some.then(|| Arc::new(Terms { labels, affinities })),
            expected: self.expected,
            reserved_at: self.reserved_at,
        })
    }
}
