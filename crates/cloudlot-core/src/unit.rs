//! The units of each kind: what people write behind a number, what it is worth in base units, and what is printed.
//!
//! Numbers are read in `decimal`; which way a remainder goes is said in `quantity`.

use crate::{Kind, KindName};
use std::fmt;

/// What one of a unit is worth in base units: `factor × 10^tens`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Unit {
    pub(crate) factor: u64,
    pub(crate) tens: i64,
}

/// Why a word is no unit here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NoUnit {
    /// It is one of another measure.
    Of(Measure),
    /// It is none at all.
    Unknown,
}

/// What a kind is measured in; memory and storage share one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Measure {
    Cores,
    Bytes,
    Rate,
    Devices,
    Count,
}

impl Measure {
    pub(crate) fn of(kind: &KindName) -> Self {
        match kind.well_known() {
            Some(Kind::CPU) => Self::Cores,
            Some(Kind::MEMORY | Kind::STORAGE) => Self::Bytes,
            Some(Kind::NETWORK) => Self::Rate,
            Some(Kind::GPU) => Self::Devices,
            _ => Self::Count,
        }
    }

    /// The kinds that are measured so.
    pub(crate) fn kinds(self) -> &'static str {
        match self {
            Self::Cores => "cpu",
            Self::Bytes => "memory or storage",
            Self::Rate => "network",
            Self::Devices => "gpu",
            Self::Count => "a count",
        }
    }

    /// What an amount counts.
    pub(crate) fn base(self) -> &'static str {
        match self {
            Self::Cores => "milli-cores",
            Self::Bytes => "bytes",
            Self::Rate => "bits per second",
            Self::Devices => "thousandths of a device",
            Self::Count => "units",
        }
    }

    /// The units that a message names.
    pub(crate) fn known(self) -> &'static str {
        match self {
            Self::Cores => "m, cores, millicores",
            Self::Bytes => "B, kB, MB, GB, TB, KiB, MiB, GiB, TiB, and k, M, G, Ki, Mi, Gi",
            Self::Rate => "bps, kbps, Mbps, Gbps, Tbps, bit/s, Mbit/s, B/s, MB/s, MiB/s",
            Self::Devices => "m, gpus, devices",
            Self::Count => "m, k, M, G, Ki, Mi, Gi",
        }
    }

    /// The worth of a word behind a number.
    pub(crate) fn unit(self, word: &str) -> Result<Unit, NoUnit> {
        if let Some(unit) = fine_prefix(word).or_else(|| prefix(word)) {
            let tens = unit.tens + self.bare();
            return Ok(Unit { tens, ..unit });
        }
        if let Some(unit) = self.word(word) {
            return Ok(unit);
        }
        let all = [Self::Cores, Self::Bytes, Self::Rate, Self::Devices];
        let other = all.into_iter().find(|other| other.word(word).is_some());
        Err(other.map_or(NoUnit::Unknown, NoUnit::Of))
    }

    /// A bare number stands for so many base units, as a power of ten.
    fn bare(self) -> i64 {
        match self {
            Self::Cores | Self::Devices => 3,
            Self::Bytes | Self::Rate | Self::Count => 0,
        }
    }

    /// The words that belong to this measure alone.
    fn word(self, word: &str) -> Option<Unit> {
        match (self, word) {
            (Self::Cores, "core" | "cores" | "cpu" | "cpus")
            | (Self::Devices, "gpu" | "gpus" | "device" | "devices") => Some(Unit::tens(3)),
            (Self::Cores, "millicore" | "millicores") => Some(Unit::tens(0)),
            (Self::Bytes, _) => prefix(word.strip_suffix('B')?),
            (Self::Rate, _) => rate(word),
            _ => None,
        }
    }
}

impl Unit {
    const fn tens(tens: i64) -> Self {
        Self { factor: 1, tens }
    }

    const fn twos(twos: u32) -> Self {
        let (factor, tens) = (1 << twos, 0);
        Self { factor, tens }
    }
}

const DECIMAL: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// The multiples, decimal and binary.
fn prefix(word: &str) -> Option<Unit> {
    let decimal = [0, 3, 6, 9, 12, 15, 18].map(Unit::tens);
    let binary = [0, 10, 20, 30, 40, 50, 60].map(Unit::twos);
    let find = |names: [&str; 7]| names.iter().position(|name| *name == word);
    find(DECIMAL)
        .map(|place| decimal[place])
        .or_else(|| find(BINARY).map(|place| binary[place]))
}

/// The parts, which Kubernetes knows but no unit word takes: `mB` is a slip of the pen.
fn fine_prefix(word: &str) -> Option<Unit> {
    match word {
        "m" => Some(Unit::tens(-3)),
        "u" => Some(Unit::tens(-6)),
        "n" => Some(Unit::tens(-9)),
        _ => None,
    }
}

/// Bits per second; a byte has eight.
fn rate(word: &str) -> Option<Unit> {
    if let Some(bytes) = word.strip_suffix("B/s") {
        let Unit { factor, tens } = prefix(bytes)?;
        let factor = factor * 8;
        return Some(Unit { factor, tens });
    }
    let bits = ["bps", "bit/s", "b/s"]
        .iter()
        .find_map(|end| word.strip_suffix(end))?;
    // For bits a large K is as common as a small one and means the same thousand.
    prefix(if bits == "K" { "k" } else { bits })
}

/// Prints an amount in the largest unit that leaves a whole number.
pub(crate) fn write(kind: &KindName, amount: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (decimal, binary) = (
        largest(amount, 1_000, &DECIMAL),
        largest(amount, 1_024, &BINARY),
    );
    match Measure::of(kind) {
        Measure::Cores | Measure::Devices if amount.is_multiple_of(1_000) => {
            write!(f, "{}", amount / 1_000)
        }
        Measure::Cores | Measure::Devices => write!(f, "{amount}m"),
        Measure::Bytes if decimal.0 < binary.0 => write!(f, "{}{}", decimal.0, decimal.1),
        Measure::Bytes => write!(f, "{}{}", binary.0, binary.1),
        Measure::Rate => {
            let (count, prefix) = largest(amount, 1_000, &DECIMAL[..=4]);
            write!(f, "{count}{prefix}bps")
        }
        Measure::Count => write!(f, "{amount}"),
    }
}

fn largest(amount: u64, step: u64, names: &[&'static str]) -> (u64, &'static str) {
    let (mut count, mut place) = (amount, 0);
    while count > 0 && count.is_multiple_of(step) && place + 1 < names.len() {
        count /= step;
        place += 1;
    }
    (count, names[place])
}
