//! What a trace comes to: the figures before, during and after.

use super::scenario::{MEAL, Times};
use super::trace::{GuestPoint, Point, Trace};
use cloudlot_core::{Bytes, Timestamp};
use serde::Serialize;
use std::time::Duration;

/// A figure before the program starts and at its end.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Change<T> {
    /// Before.
    pub before: T,
    /// At the end.
    pub after: T,
}

/// How the vCPUs fared. Means before the start and over the last ten seconds.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct CpuFigures {
    /// Standard deviation of the pCPUs' usage, in points.
    pub spread: Change<f64>,
    /// Usage of the busiest pCPU, in percent.
    pub busiest: Change<f64>,
    /// CPU time that the guests got, in cores.
    pub cores: Change<f64>,
    /// Seconds from the program's start until three samples in a row are balanced.
    pub balanced_after_s: Option<f64>,
    /// Masks written.
    pub pins: u64,
    /// vCPUs that were moved.
    pub migrations: u64,
    /// Masks written after the balance was reached.
    pub late_pins: u64,
}

/// How the guests' memory fared.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct MemoryFigures {
    /// What the guests have together.
    pub held_bytes: Change<Bytes>,
    /// What of it nothing uses.
    pub unused_bytes: Change<Bytes>,
    /// What the host could still give.
    pub available_bytes: Option<Change<Bytes>>,
    /// The least that the host could still give.
    pub available_least_bytes: Option<Bytes>,
    /// The least unused memory that any guest was left with.
    pub unused_least_bytes: Option<Bytes>,
    /// The most that lay unused in the eater while it ate, from ten seconds after it began.
    pub eater_unused_most_bytes: Option<Bytes>,
    /// Seconds until the eater had eaten.
    pub eaten_after_s: Option<f64>,
    /// Balloon targets set.
    pub targets: u64,
}

/// Up to this spread, in points, pCPUs count as balanced.
const BALANCED: f64 = 5.0;

/// As many balanced samples in a row make a balance.
const IN_A_ROW: usize = 3;

/// What "after" is the mean of.
const TAIL: Duration = Duration::from_secs(10);

/// Growth that has just begun is nobody's fault.
const NOTICE: Duration = Duration::from_secs(10);

impl CpuFigures {
    /// The figures of a recording with these times; `None` if it is too short to have any.
    #[must_use]
    pub fn of(trace: &Trace, times: &Times) -> Option<Self> {
        let before = between(trace, Timestamp::ZERO, times.start);
        let after = between(trace, before_end(times), times.end);
        let change = |figure: fn(&Point) -> f64| {
            Some(Change {
                before: mean(before.clone().map(figure))?,
                after: mean(after.clone().map(figure))?,
            })
        };
        let balanced = balanced_at(trace, times);
        let late = trace
            .deeds
            .iter()
            .filter(|deed| balanced.is_some_and(|balanced| deed.at > balanced));
        Some(Self {
            spread: change(|point| point.spread)?,
            busiest: change(busiest)?,
            cores: change(cores)?,
            balanced_after_s: balanced.map(|at| at.since(times.start).as_secs_f64()),
            pins: trace.deeds.iter().map(|deed| deed.pins).sum(),
            migrations: trace.deeds.iter().map(|deed| deed.migrations).sum(),
            late_pins: late.map(|deed| deed.pins).sum(),
        })
    }
}

impl MemoryFigures {
    /// The figures of a recording with these times and this eater; `None` if it is too short to
    /// have any.
    #[must_use]
    pub fn of(trace: &Trace, times: &Times, eater: &str) -> Option<Self> {
        let before = between(trace, Timestamp::ZERO, times.start).last()?;
        let during = between(trace, times.start, times.end);
        let after = during.clone().last()?;
        let change = |figure: fn(&Point) -> Bytes| Change {
            before: figure(before),
            after: figure(after),
        };
        let available = |point: &Point| point.available;
        let unused = during.clone().flat_map(|point| &point.guests);
        let eating = between(trace, times.eat + NOTICE, times.free);
        let eating = eating.filter_map(|point| guest(point, eater)?.unused);
        Some(Self {
            held_bytes: change(|point| point.guests.iter().map(|guest| guest.actual).sum()),
            unused_bytes: change(|point| {
                let unused = point.guests.iter().filter_map(|guest| guest.unused);
                unused.sum()
            }),
            available_bytes: available(before)
                .zip(available(after))
                .map(|(before, after)| Change { before, after }),
            available_least_bytes: during.filter_map(available).min(),
            unused_least_bytes: unused.filter_map(|guest| guest.unused).min(),
            eater_unused_most_bytes: eating.max(),
            eaten_after_s: eaten_after(trace, times, eater),
            targets: trace.deeds.iter().map(|deed| deed.targets).sum(),
        })
    }
}

/// The points of the seconds within a stretch of time.
fn between(
    trace: &Trace,
    from: Timestamp,
    until: Timestamp,
) -> impl Iterator<Item = &Point> + Clone {
    let within = move |point: &&Point| from < point.at && point.at <= until;
    trace.points.iter().filter(within)
}

fn before_end(times: &Times) -> Timestamp {
    let length = times.end.since(times.start);
    times.start + length.saturating_sub(TAIL)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_u32, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / f64::from(count))
}

fn busiest(point: &Point) -> f64 {
    let usage = point.pcpus.iter().map(|(_, usage)| *usage);
    usage.max_by(f64::total_cmp).unwrap_or_default()
}

fn cores(point: &Point) -> f64 {
    point.pcpus.iter().map(|(_, usage)| usage / 100.0).sum()
}

/// The end of the first of the balanced samples.
fn balanced_at(trace: &Trace, times: &Times) -> Option<Timestamp> {
    let points: Vec<&Point> = between(trace, times.start, times.end).collect();
    let balanced = |points: &&[&Point]| points.iter().all(|point| point.spread <= BALANCED);
    let first = points.windows(IN_A_ROW).find(balanced)?;
    Some(first[0].at)
}

fn guest<'a>(point: &'a Point, name: &str) -> Option<&'a GuestPoint> {
    point.guests.iter().find(|guest| guest.name == name)
}

/// Seconds until the eater uses nearly all of its meal; the rest may hide in what its kernel
/// moves about meanwhile.
fn eaten_after(trace: &Trace, times: &Times, eater: &str) -> Option<f64> {
    let used = |point: &Point| guest(point, eater)?.used();
    let before = between(trace, Timestamp::ZERO, times.eat).filter_map(used);
    let full = before.last()?.saturating_add(MEAL.fraction(95, 100));
    let mut eating = between(trace, times.eat, times.free);
    let done = eating.find(|point| used(point).is_some_and(|used| used >= full))?;
    Some(done.at.since(times.eat).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::trace::Deed;
    use cloudlot_hv::PcpuId;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_secs(seconds)
    }

    /// From 5 s to 45 s, eating from 11 s to 27 s.
    fn times() -> Times {
        Times {
            start: at(5),
            eat: at(11),
            free: at(27),
            end: at(45),
        }
    }

    /// Points at 1 s to 45 s, two pCPUs at these percents, and the eater with these MiB and
    /// unused MiB.
    fn trace(
        usage: impl Fn(u64) -> [f64; 2],
        eater: impl Fn(u64) -> [u64; 2],
        deeds: Vec<Deed>,
    ) -> Trace {
        let point = |second| {
            let [a, b] = usage(second);
            let [actual, unused] = eater(second);
            let guest = |name: &str, actual, unused: Option<u64>| GuestPoint {
                name: name.to_owned(),
                actual: Bytes::mib(actual),
                unused: unused.map(Bytes::mib),
            };
            Point {
                at: at(second),
                pcpus: vec![(PcpuId::new(0), a), (PcpuId::new(1), b)],
                spread: (a - b).abs() / 2.0,
                guests: vec![
                    guest("eats", actual, Some(unused)),
                    guest("idle", 200, Some(120)),
                    guest("mute", 100, None),
                ],
                available: Some(Bytes::mib(1000 - actual)),
            }
        };
        Trace {
            points: (1..=45).map(point).collect(),
            deeds,
        }
    }

    fn deed(second: u64, pins: u64, migrations: u64, targets: u64) -> Deed {
        Deed {
            at: at(second),
            pins,
            migrations,
            targets,
        }
    }

    #[test]
    fn cpu_is_judged_before_the_start_and_at_the_end() {
        let usage = |second| match second {
            0..=5 => [100.0, 0.0],
            // One balanced sample alone is no balance.
            8 => [50.0, 50.0],
            6..=11 => [80.0, 20.0],
            12..=40 => [62.0, 58.0],
            _ => [61.0, 59.0],
        };
        let deeds = vec![deed(7, 3, 2, 0), deed(11, 1, 1, 0), deed(20, 1, 0, 0)];
        let figures = CpuFigures::of(&trace(usage, |_| [300, 100], deeds), &times());
        let close = |change: &Change<f64>, before: f64, after: f64| {
            let off = f64::max((change.before - before).abs(), (change.after - after).abs());
            assert!(off < 1e-9, "{change:?}");
        };
        let figures = figures.expect("long enough");
        close(&figures.spread, 50.0, 1.5);
        close(&figures.busiest, 100.0, 61.5);
        close(&figures.cores, 1.0, 1.2);
        assert_eq!(figures.balanced_after_s, Some(7.0));
        assert_eq!((figures.pins, figures.migrations), (5, 3));
        assert_eq!(figures.late_pins, 1);
    }

    #[test]
    fn what_never_balances_has_no_late_pins() {
        let usage = |_| [100.0, 80.0];
        let trace = trace(usage, |_| [300, 100], vec![deed(44, 2, 2, 0)]);
        let figures = CpuFigures::of(&trace, &times()).expect("long enough");
        assert_eq!((figures.balanced_after_s, figures.late_pins), (None, 0));
        assert_eq!(figures.pins, 2);
    }

    #[test]
    fn memory_is_judged_at_the_start_and_the_end_and_at_its_worst() {
        // It uses 200 MiB until it eats 20 MiB a second, and all that from 26 s on.
        let eater = |second: u64| match second {
            0..=5 => [400, 200],
            6..=11 => [300, 100],
            12..=21 => [500, 100],
            22..=24 => [700, 250],
            25 => [700, 220],
            26..=27 => [700, 200],
            28..=40 => [700, 500],
            _ => [320, 90],
        };
        let deeds = vec![deed(7, 0, 0, 2), deed(30, 0, 0, 1)];
        let trace = trace(|_| [0.0; 2], eater, deeds);
        let figures = MemoryFigures::of(&trace, &times(), "eats").expect("long enough");
        let mib = |before, after| Change {
            before: Bytes::mib(before),
            after: Bytes::mib(after),
        };
        assert_eq!(
            figures,
            MemoryFigures {
                held_bytes: mib(700, 620),
                unused_bytes: mib(320, 210),
                available_bytes: Some(mib(600, 680)),
                available_least_bytes: Some(Bytes::mib(300)),
                unused_least_bytes: Some(Bytes::mib(90)),
                eater_unused_most_bytes: Some(Bytes::mib(250)),
                // 285 of 300 MiB beyond 200 are there at 26 s.
                eaten_after_s: Some(15.0),
                targets: 3,
            }
        );
    }

    #[test]
    fn a_guest_that_never_gets_its_meal_never_ends_it() {
        let trace = trace(|_| [0.0; 2], |_| [300, 100], Vec::new());
        let figures = MemoryFigures::of(&trace, &times(), "eats").expect("long enough");
        assert_eq!(figures.eaten_after_s, None);
        assert_eq!(
            MemoryFigures::of(&trace, &times(), "nobody").map(|figures| figures.eaten_after_s),
            Some(None)
        );
    }

    #[test]
    fn nothing_recorded_gives_no_figures() {
        let empty = Trace::default();
        assert_eq!(CpuFigures::of(&empty, &times()), None);
        assert_eq!(MemoryFigures::of(&empty, &times(), "eats"), None);
        let mut short = trace(|_| [50.0; 2], |_| [300, 100], Vec::new());
        short.points.truncate(5);
        assert_eq!(CpuFigures::of(&short, &times()), None);
        assert_eq!(MemoryFigures::of(&short, &times(), "eats"), None);
    }
}
