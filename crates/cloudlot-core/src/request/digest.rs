//! A hash of a request that stays the same from version to version.
//!
//! The request is written as bytes: each field that is not at its default as its number and its content, numbers as eight
//! bytes, the lowest first, text and lists with their length before them. So a field that a later version adds changes
//! no hash as long as nobody uses it. Numbers in this file are never used again for something else.
//!
//! Source: FNV-1a with 64 bits (Fowler, Noll, Vo; <http://www.isthe.com/chongo/tech/comp/fnv/>), and for the last bits
//! the finisher of SplitMix64 (Steele, Lea, Flood 2014, figure 13).

use super::{Body, Mode, Need, On, Request};
use crate::{
    Capability, CapabilityTest, Constraint, Effect, LabelTest, OwnerPath, Quantities, Toleration,
};
use std::fmt::Write;

/// The hash of everything but the key.
pub(super) fn digest(body: &Body) -> u64 {
    let mut out = Writer(OFFSET);
    out.text(&body.name);
    out.asked(body);
    if body.priority.0 != 0 {
        out.number(10).signed(body.priority.0.into());
    }
    out.window(body);
    let nanos = |duration: std::time::Duration| u64::try_from(duration.as_nanos());
    let hold_for = Some(body.hold_for).filter(|hold_for| *hold_for != Request::HOLD_FOR);
    out.option(13, hold_for.and_then(|hold_for| nanos(hold_for).ok()));
    out.option(14, body.expected.and_then(|expected| nanos(expected).ok()));
    out.strategy(body);
    out.finish()
}

/// A hash of what decides how a request can be answered.
pub(super) fn likeness(body: &Body) -> u64 {
    let mut out = Writer(OFFSET);
    out.asked(body);
    out.window(body);
    out.strategy(body);
    out.finish()
}

/// Where FNV-1a with 64 bits begins.
const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

/// Takes the bytes in and keeps their hash.
struct Writer(u64);

impl Writer {
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self
    }

    fn number(&mut self, number: u64) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    fn signed(&mut self, number: i64) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.number(text.len().try_into().unwrap_or(u64::MAX));
        self.bytes(text.as_bytes())
    }

    fn option(&mut self, field: u64, number: Option<u64>) {
        if let Some(number) = number {
            self.number(field).number(number);
        }
    }

    /// Nothing of an empty list.
    fn list<T>(&mut self, field: u64, list: &[T], mut write: impl FnMut(&mut Self, &T)) {
        if !list.is_empty() {
            self.number(field);
            self.every(list, &mut write);
        }
    }

    fn every<'a, I, T: 'a>(&mut self, list: I, mut write: impl FnMut(&mut Self, &T))
    where
        I: IntoIterator<Item = &'a T, IntoIter: ExactSizeIterator>,
    {
        let list = list.into_iter();
        self.number(list.len().try_into().unwrap_or(u64::MAX));
        for item in list {
            write(self, item);
        }
    }

    /// What is asked for, of whom and under which conditions.
    fn asked(&mut self, body: &Body) {
        if body.owner != OwnerPath::default() {
            self.number(1).text(body.owner.as_str());
        }
        self.need(&body.need);
        self.list(4, &body.constraints, Writer::constraint);
        self.list(5, &body.preferences, |out, preference| {
            out.constraint(&preference.rule);
            out.signed(preference.weight.into());
        });
        self.list(6, &body.tolerations, Writer::toleration);
        if let Some(terms) = &body.terms {
            let labels: Vec<_> = terms.labels.iter().collect();
            self.list(7, &labels, |out, (key, value)| {
                out.text(key).text(value);
            });
            self.list(8, &terms.affinities, |out, affinity| {
                out.text(&affinity.label.key).text(&affinity.label.value);
                out.text(&affinity.level);
                out.number(match affinity.mode {
                    Mode::Together => 0,
                    Mode::Apart => 1,
                });
            });
        }
        self.list(9, &body.spreads, |out, spread| {
            out.text(&spread.level).number(spread.max_skew.into());
            out.option(1, spread.most.map(u64::from));
            if let Some(label) = &spread.among {
                out.number(2).text(&label.key).text(&label.value);
            }
        });
        self.list(16, &body.soft_affinities, |out, affinity| {
            out.text(&affinity.label.key).text(&affinity.label.value);
            out.text(&affinity.level).signed(affinity.weight.into());
        });
    }

    fn window(&mut self, body: &Body) {
        self.option(11, body.window.from.map(crate::Timestamp::as_nanos));
        self.option(12, body.window.until.map(crate::Timestamp::as_nanos));
    }

    fn strategy(&mut self, body: &Body) {
        if let Some(strategy) = &body.strategy {
            self.number(15).text(strategy);
        }
    }

    fn need(&mut self, need: &Need) {
        match need {
            Need::Parts(parts) => self.list(2, parts, |out, part| {
                out.amounts(&part.amounts);
                out.number(part.count.into()).number(part.min.into());
                match part.on {
                    On::Node => out.number(0),
                    On::Children { of } => out.number(1).number(of.into()),
                };
            }),
            Need::Elastic { least, most } => {
                self.number(3);
                self.amounts(least);
                self.amounts(most);
            }
        }
    }

    fn amounts(&mut self, amounts: &Quantities) {
        self.every(amounts.iter(), |out, quantity| {
            out.text(quantity.kind().as_str()).number(quantity.amount());
        });
    }

    fn toleration(&mut self, toleration: &Toleration) {
        for text in [&toleration.key, &toleration.value] {
            match text {
                Some(text) => self.number(1).text(text),
                None => self.number(0),
            };
        }
        self.number(match toleration.effect {
            None => 0,
            Some(Effect::NoSchedule) => 1,
            Some(Effect::PreferNoSchedule) => 2,
            Some(Effect::NoExecute) => 3,
        });
    }

    fn constraint(&mut self, rule: &Constraint) {
        match rule {
            Constraint::Label(rule) => self.number(0).text(&rule.key).label_test(&rule.test),
            Constraint::Capability(rule) => {
                self.number(1).text(&rule.name);
                self.capability_test(&rule.test);
            }
            Constraint::Class(classes) => self.number(2).every(classes, |out, class| {
                out.text(class.as_str());
            }),
            Constraint::Name(names) => self.number(3).texts(names),
            Constraint::Domain { level, domain } => {
                self.number(4).text(level).text(domain);
            }
            Constraint::AnyOf(rules) => self.number(5).every(rules, Self::constraint),
            Constraint::AllOf(rules) => self.number(6).every(rules, Self::constraint),
        }
    }

    fn texts<'a>(
        &mut self,
        texts: impl IntoIterator<Item = &'a String, IntoIter: ExactSizeIterator>,
    ) {
        self.every(texts, |out, text| {
            out.text(text);
        });
    }

    fn label_test(&mut self, test: &LabelTest) {
        match test {
            LabelTest::In(values) => self.number(0).texts(values),
            LabelTest::NotIn(values) => self.number(1).texts(values),
            LabelTest::Exists => _ = self.number(2),
            LabelTest::DoesNotExist => _ = self.number(3),
            LabelTest::Gt(number) => _ = self.number(4).signed(*number),
            LabelTest::Lt(number) => _ = self.number(5).signed(*number),
        }
    }

    fn capability_test(&mut self, test: &CapabilityTest) {
        match test {
            CapabilityTest::Exists => _ = self.number(0),
            CapabilityTest::AtLeast(value) => self.number(1).capability(value),
            CapabilityTest::AtMost(value) => self.number(2).capability(value),
            CapabilityTest::Range { least, most } => {
                self.number(3).capability(least);
                self.capability(most);
            }
            CapabilityTest::Equals(value) => self.number(4).capability(value),
            CapabilityTest::OneOf(values) => self.number(5).every(values, Self::capability),
            CapabilityTest::NoneOf(values) => self.number(6).every(values, Self::capability),
            CapabilityTest::ContainsAll(values) => self.number(7).texts(values),
            CapabilityTest::ContainsAny(values) => self.number(8).texts(values),
        }
    }

    fn capability(&mut self, value: &Capability) {
        match value {
            Capability::Number(number) => {
                self.number(0).number(number.dimension().number());
                self.bytes(&number.nanos().to_le_bytes());
            }
            Capability::Text(text) => _ = self.number(1).text(text),
            Capability::Set(values) => self.number(2).texts(values),
            // As text without trailing zeros, so that equal versions are written alike.
            Capability::Version(version) => {
                let mut text = String::new();
                // Writing to a string cannot fail.
                let _ = write!(text, "{:#}", version);
                self.number(3).text(&text);
            }
        }
    }

    fn finish(self) -> u64 {
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
