//! Axes: where a number stands, and which numbers are written beside.

use crate::report::words::short;

/// An axis from one pixel to another.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    /// Pixels; the axis may run either way.
    from: i32,
    to: i32,
    kind: Kind,
    pub(super) ticks: Vec<(f64, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Linear,
    Log,
    /// Logarithmic with a place of its own for zero, at the lower end.
    LogAndZero,
}

/// What zero takes of a logarithmic axis, in pixels.
const ZERO: f64 = 40.0;

impl Scale {
    /// A logarithmic axis that holds these numbers.
    pub(super) fn log(numbers: impl Iterator<Item = f64> + Clone, from: i32, to: i32) -> Self {
        let positive = || numbers.clone().filter(|number| *number > 0.0);
        let low = positive().fold(f64::INFINITY, f64::min);
        let high = positive().fold(0.0, f64::max);
        let (low, high) = if high > 0.0 { (low, high) } else { (1.0, 1.0) };
        // Room at both ends, and two octaves at least.
        let room = f64::max(1.3, libm::sqrt(4.0 / (high / low)));
        let zero = numbers.clone().any(|number| number <= 0.0);
        let kind = if zero { Kind::LogAndZero } else { Kind::Log };
        let (low, high) = (low / room, high * room);
        let mut ticks = log_ticks(low, high);
        if zero {
            ticks.insert(0, (0.0, "0".to_owned()));
        }
        Self {
            low,
            high,
            from,
            to,
            kind,
            ticks,
        }
    }

    /// A linear axis from zero on that holds this number.
    pub(super) fn linear(most: f64, from: i32, to: i32) -> Self {
        let most = if most > 0.0 { most } else { 1.0 };
        let step = step(most / 4.0);
        let steps = libm::ceil(most / step * 1.02).min(12.0);
        let ticks = (0_u8..=12).map(f64::from).filter(|n| *n <= steps);
        Self {
            low: 0.0,
            high: steps * step,
            from,
            to,
            kind: Kind::Linear,
            ticks: ticks.map(|n| (n * step, short(n * step))).collect(),
        }
    }

    /// An axis of time from zero to these seconds.
    pub(super) fn time(seconds: f64, from: i32, to: i32) -> Self {
        const STEPS: [f64; 20] = [
            1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0,
            7_200.0, 10_800.0, 14_400.0, 21_600.0, 43_200.0, 86_400.0, 604_800.0,
        ];
        let high = if seconds > 0.0 { seconds } else { 1.0 };
        let fits = |step: &f64| high / step <= 9.0;
        let step = STEPS.into_iter().find(fits).unwrap_or(high / 4.0);
        let (unit, name) = match step {
            s if s < 60.0 => (1.0, "s"),
            s if s < 3_600.0 => (60.0, "min"),
            _ => (3_600.0, "h"),
        };
        let text = |at: f64| format!("{} {name}", short(at / unit));
        let ticks = (0_u8..10).map(|n| f64::from(n) * step);
        Self {
            low: 0.0,
            high,
            from,
            to,
            kind: Kind::Linear,
            ticks: ticks
                .filter(|at| *at <= high)
                .map(|at| (at, text(at)))
                .collect(),
        }
    }

    /// The pixel of a number.
    pub(super) fn place(&self, number: f64) -> i32 {
        let (from, to) = (f64::from(self.from), f64::from(self.to));
        let way = if to < from { -1.0 } else { 1.0 };
        let log = |number: f64| libm::log10(number / self.low) / libm::log10(self.high / self.low);
        let at = match self.kind {
            Kind::Linear => from + (to - from) * (number - self.low) / (self.high - self.low),
            Kind::Log => from + (to - from) * log(number),
            Kind::LogAndZero if number <= 0.0 => from,
            Kind::LogAndZero => {
                let from = from + way * ZERO;
                from + (to - from) * log(number)
            }
        };
        pixel(at)
    }
}

/// 1, 2 or 5 times a power of ten, not below.
fn step(least: f64) -> f64 {
    let decade = libm::pow(10.0, libm::floor(libm::log10(least)));
    let found = [1.0, 2.0, 5.0].into_iter().find(|n| n * decade >= least);
    found.unwrap_or(10.0) * decade
}

/// As many of 1, 2, 3, 5, 7 in each decade as there is room for.
fn log_ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    let (first, last) = (libm::floor(libm::log10(low)), libm::ceil(libm::log10(high)));
    let decades = last - first;
    let within: &[f64] = match libm::log10(high / low) {
        span if span <= 1.2 => &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0],
        span if span <= 2.6 => &[1.0, 2.0, 5.0],
        _ => &[1.0],
    };
    let every = libm::ceil(decades / 12.0).max(1.0);
    let mut ticks = Vec::new();
    let mut decade = first;
    while decade <= last {
        let numbers = within.iter().map(|n| n * libm::pow(10.0, decade));
        let inside = numbers.filter(|at| (low..=high).contains(at));
        ticks.extend(inside.map(|at| (at, short(at))));
        decade += every;
    }
    ticks
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a float cast saturates: far outside of the picture is far enough"
)]
fn pixel(at: f64) -> i32 {
    libm::round(at.clamp(-10_000.0, 10_000.0)) as i32
}
