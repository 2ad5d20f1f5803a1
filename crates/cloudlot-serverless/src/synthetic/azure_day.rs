//! A day of functions like those of a large platform, out of a seed.
//!
//! What was published and is fitted, each within a part or two in a hundred for a thousand functions:
//! - apps: 54 % have one function, 95 % at most ten; 45 % are called at most once an hour, 81 % at most once a minute, and
//!   the most called 18.6 % make 99.6 % of the calls;
//! - functions: the average duration is log-normal, `ln` seconds with mean −0.38 and deviation 2.36, so that about half run for less
//!   than a second; the shares of the triggers;
//! - memory of an app: half hold at most 170 MB, nine in ten at most 400 MB.
//!
//! What is ours: between these points rates are spread evenly on a logarithmic scale; timers fire evenly; other calls follow the day with a
//! peak in the afternoon, and half of the functions come in bursts. The sample is stratified: the shares hold for each seed, not
//! only on average. Correlations between rate, duration and memory are not modelled.
//!
//! Source: Shahrad et al., "Serverless in the Wild", USENIX ATC 2020, figures 1, 2, 3, 5, 7 and 8.

use crate::Profile;
use crate::chance::{Chance, normal_quantile};
use crate::trace::Counts;
use crate::trace::azure2019::{Day, Trigger, Unmatched};
use crate::trace::series::{Series, as_index};
use cloudlot_core::{Bytes, Seeds};
use std::f64::consts::TAU;
use std::time::Duration;

const MINUTES: u32 = 1_440;
/// Shares of apps and their calls a day at these points; the last makes the published share of the most called.
const RATES: [(f64, f64); 4] = [
    (0.0, 1.0),
    (0.45, 24.0),
    (0.81, 1_440.0),
    (1.0, 1_150_000.0),
];
/// The mean and the deviation of the logarithm of the average duration in seconds.
const DURATION: (f64, f64) = (-0.38, 2.36);
/// An average call ends before the platform's limit of ten minutes.
const LONGEST: f64 = 600.0;
/// The median memory of an app in MB, and the deviation of the logarithm: ln(400 / 170) / 1.2816.
const MEMORY: (f64, f64) = (170.0, 0.667_7);
/// Shares of functions by what calls them.
const TRIGGERS: [(f64, Trigger); 7] = [
    (0.551, Trigger::Http),
    (0.156, Trigger::Timer),
    (0.152, Trigger::Queue),
    (0.069, Trigger::Orchestration),
    (0.028, Trigger::Storage),
    (0.022, Trigger::Event),
    (0.022, Trigger::Other),
];
/// Up to so many calls are placed one by one, so that their number is exact.
const PLACED: u32 = 20_000;

/// A day with so many functions, in the form of the trace of 2019.
///
/// There are about three functions an app. A thousand functions have some ten million calls.
///
/// # Panics
/// If there are more than 2²⁴ functions.
/// ```
/// use cloudlot_core::Seeds;
/// let day = cloudlot_serverless::synthetic::azure_day(20, Seeds::new(7));
/// assert_eq!(day.counts.functions().len(), 20);
/// assert_eq!(day.counts.calls(), day.counts.arrivals().map(|_| 1).sum::<u64>());
/// ```
#[must_use]
pub fn azure_day(functions: u32, seeds: Seeds) -> Day {
    assert!(
        functions <= 1 << 24,
        "{functions} functions are more than 2^24"
    );
    let apps = apps(functions, seeds);
    let mut runs = Chance::new(seeds, "durations")
        .strata(functions)
        .into_iter();
    let mut called = Chance::new(seeds, "triggers").strata(functions).into_iter();
    let mut chance = Chance::new(seeds, "calls");
    let mut rows = Vec::with_capacity(as_index(functions));
    let mut triggers = Vec::with_capacity(as_index(functions));
    for app in &apps {
        let memory = app.memory.fraction(1, app.functions.into());
        for calls in split(app.calls, app.functions, &mut chance) {
            let trigger = trigger(called.next().unwrap_or(0.0));
            let (average, longest) = durations(runs.next().unwrap_or(0.5), &mut chance);
            let profile = Profile {
                name: format!("function-{}", rows.len()),
                app: app.name.clone(),
                owner: app.owner.clone(),
                memory,
                runs: average,
                longest,
            };
            rows.push((profile, spread(calls, trigger, &mut chance)));
            triggers.push(trigger);
        }
    }
    Day {
        counts: Counts::new(rows, crate::trace::MINUTE, MINUTES),
        triggers,
        unmatched: Unmatched::default(),
    }
}

struct App {
    name: String,
    owner: String,
    functions: u32,
    calls: u32,
    memory: Bytes,
}

fn apps(functions: u32, seeds: Seeds) -> Vec<App> {
    let mut chance = Chance::new(seeds, "apps");
    let mut sizes = Vec::new();
    let mut left = functions;
    while left > 0 {
        let size = size(chance.unit()).min(left);
        sizes.push(size);
        left -= size;
    }
    let count = u32::try_from(sizes.len()).unwrap_or(u32::MAX);
    let rates = Chance::new(seeds, "rates").strata(count);
    let memory = Chance::new(seeds, "memory").strata(count);
    let mut owner = 0;
    let each = (0..).zip(sizes).zip(rates.into_iter().zip(memory));
    each.map(
        |((number, functions), (rate, memory)): ((u32, u32), (f64, f64))| {
            // One app in ten has the owner of the one before.
            if chance.unit() >= 0.1 {
                owner = number;
            }
            let mib = MEMORY.0 * libm::exp(MEMORY.1 * normal_quantile(memory));
            App {
                name: format!("app-{number}"),
                owner: format!("owner-{owner}"),
                functions,
                // Every function that is listed was called at least once.
                calls: calls(rate).max(functions),
                memory: Bytes::from_f64(mib * 1_048_576.0),
            }
        },
    )
    .collect()
}

/// How many functions an app has: 54 % one, 41 % two to ten and 5 % up to fifty, there with weights 1/k².
fn size(p: f64) -> u32 {
    let pick = |from: u32, to: u32, p: f64| {
        let weight = |size: u32| 1.0 / f64::from(size * size);
        let mut left = p * (from..=to).map(weight).sum::<f64>();
        let found = (from..to).find(|size| {
            left -= weight(*size);
            left < 0.0
        });
        found.unwrap_or(to)
    };
    match p {
        p if p < 0.54 => 1,
        p if p < 0.95 => pick(2, 10, (p - 0.54) / 0.41),
        p => pick(11, 50, (p - 0.95) / 0.05),
    }
}

/// How often an app is called in the day: between two points evenly on a logarithmic scale, rounded down.
fn calls(p: f64) -> u32 {
    let pair = RATES.windows(2).find(|pair| p < pair[1].0);
    let Some([(p0, low), (p1, high)]) = pair else {
        return 1;
    };
    let part = (p - p0) / (p1 - p0);
    // The ends of a range belong to it: 24 calls are at most one an hour, and 25 are more.
    let low = if *low > 1.0 { low + 1.0 } else { *low };
    whole(low * libm::pow((high + 1.0) / low, part))
}

/// Divides an app's calls among its functions, at least one each.
fn split(calls: u32, functions: u32, chance: &mut Chance) -> Vec<u32> {
    let weights: Vec<f64> = (0..functions).map(|_| chance.exponential()).collect();
    let total: f64 = weights.iter().sum();
    let spare = f64::from(calls - functions);
    let mut sums = 0.0;
    let mut given = 0;
    weights
        .iter()
        .map(|weight| {
            sums += weight;
            let until = whole(libm::round(spare * sums / total)).min(calls - functions);
            let share = until.saturating_sub(given);
            given += share;
            share + 1
        })
        .collect()
}

fn trigger(p: f64) -> Trigger {
    let mut left = p;
    let found = TRIGGERS.iter().find(|(share, _)| {
        left -= share;
        left < 0.0
    });
    found.map_or(Trigger::Other, |(_, trigger)| *trigger)
}

/// The average, in whole milliseconds as in the trace, and the longest call: some three times as long in the median.
fn durations(p: f64, chance: &mut Chance) -> (Duration, Duration) {
    let average = libm::exp(DURATION.0 + DURATION.1 * normal_quantile(p)).min(LONGEST);
    let longest = average * (1.0 + 2.0 * libm::exp(chance.normal()));
    let millis = |seconds: f64| Duration::from_millis(whole(seconds * 1_000.0).into());
    (millis(average), millis(longest))
}

/// Which minutes the calls fall in.
fn spread(calls: u32, trigger: Trigger, chance: &mut Chance) -> Series {
    let mut series = Series::default();
    if trigger == Trigger::Timer {
        let phase = u64::from(chance.below(MINUTES));
        let (calls, minutes) = (u64::from(calls), u64::from(MINUTES));
        let until = |minute: u64| (minute + phase) * calls / minutes;
        for slot in 0..MINUTES {
            let count = until(u64::from(slot) + 1) - until(slot.into());
            series.push(slot, u32::try_from(count).unwrap_or(u32::MAX));
        }
        return series;
    }
    let sums = sums(chance);
    let total = sums.last().copied().unwrap_or(1.0);
    let mut counts = vec![0_u32; sums.len()];
    if calls <= PLACED {
        for _ in 0..calls {
            let at = chance.unit() * total;
            let minute = sums.partition_point(|sum| *sum <= at);
            counts[minute.min(sums.len() - 1)] += 1;
        }
    } else {
        let mut before = 0.0;
        for (count, sum) in counts.iter_mut().zip(&sums) {
            *count = poisson(f64::from(calls) * (sum - before) / total, chance);
            before = *sum;
        }
    }
    for (slot, count) in (0..).zip(counts) {
        series.push(slot, count);
    }
    series
}

/// How much of a function's calls fall in each minute: the running sum of weights that follow the day and, for half of the functions, bursts.
fn sums(chance: &mut Chance) -> Vec<f64> {
    let minutes = f64::from(MINUTES);
    let swing = 0.9 * chance.unit();
    let peak = 14.0 * 60.0 + 90.0 * chance.normal();
    let bursts = chance.unit() < 0.5;
    let (mut busy, mut left) = (true, 0.0);
    let mut sum = 0.0;
    (0..MINUTES)
        .map(|minute| {
            while left <= 0.0 {
                busy = !busy;
                left += chance.exponential() * if busy { 10.0 } else { 60.0 };
            }
            left -= 1.0;
            let wave = libm::cos(TAU * (f64::from(minute) - peak) / minutes);
            let quiet = if bursts && !busy { 0.05 } else { 1.0 };
            sum += (1.0 + swing * wave) * quiet;
            sum
        })
        .collect()
}

/// A Poisson number: by the gaps between events while there are few, else by the normal approximation.
fn poisson(mean: f64, chance: &mut Chance) -> u32 {
    if mean > 50.0 {
        return whole(libm::round(mean + libm::sqrt(mean) * chance.normal()));
    }
    let mut count = 0;
    let mut at = chance.exponential();
    while at < mean {
        count += 1;
        at += chance.exponential();
    }
    count
}

/// Rounded down; zero below.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates: what is promised"
)]
fn whole(number: f64) -> u32 {
    number as u32
}
