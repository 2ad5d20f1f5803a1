//! Numbers as people read them.

/// A whole number with a comma between thousands.
/// ```
/// # use cloudlot_serverless::report::thousands;
/// assert_eq!([0, 999, 3_037_902].map(thousands), ["0", "999", "3,037,902"]);
/// ```
#[must_use]
pub fn thousands(number: u64) -> String {
    grouped(&number.to_string())
}

/// Seconds, in a unit that leaves a few digits: `0`, `250 ms`, `1.5 s`, `12 min`, `8 h`.
/// ```
/// # use cloudlot_serverless::report::time;
/// assert_eq!([0.0, 0.000_02, 0.25, 1.5, 75.0, 7_200.0].map(time), ["0", "20 us", "250 ms", "1.5 s", "75 s", "2 h"]);
/// ```
#[must_use]
pub fn time(seconds: f64) -> String {
    let (number, unit) = match seconds {
        s if s <= 0.0 => return "0".to_owned(),
        s if s < 0.000_999_5 => (s * 1e6, "us"),
        s if s < 0.999_5 => (s * 1e3, "ms"),
        s if s < 120.0 => (s, "s"),
        s if s < 7_200.0 => (s / 60.0, "min"),
        s => (s / 3_600.0, "h"),
    };
    format!("{} {unit}", short(number))
}

/// A share from 0 to 1 in percent; one that rounds to nothing and is not nothing says so.
/// ```
/// # use cloudlot_serverless::report::share;
/// assert_eq!([0.0, 0.000_002, 0.0105, 0.75, 1.0].map(share), ["0 %", "<0.01 %", "1.05 %", "75.0 %", "100 %"]);
/// ```
#[must_use]
pub fn share(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        p if p <= 0.0 => "0 %".to_owned(),
        p if p < 0.01 => "<0.01 %".to_owned(),
        p if p < 9.995 => format!("{p:.2} %"),
        p if p < 99.95 => format!("{p:.1} %"),
        p => format!("{p:.0} %"),
    }
}

/// At least three digits: `1,234`, `123`, `12.3`, `1.20`, `0.012`.
pub(super) fn digits(number: f64) -> String {
    match number {
        0.0 => "0".to_owned(),
        n if n >= 99.95 => whole(n),
        n if n >= 9.995 => format!("{n:.1}"),
        n if n >= 0.099_5 => format!("{n:.2}"),
        n if n >= 0.000_5 => format!("{n:.3}"),
        n => format!("{n:.1e}"),
    }
}

/// The same without zeros that say nothing: `1.2`.
pub(super) fn short(number: f64) -> String {
    let text = digits(number);
    match text.contains('.') && !text.contains('e') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// Without a fraction.
pub(super) fn whole(number: f64) -> String {
    grouped(&format!("{number:.0}"))
}

fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A name without what would break a line or is no legal character of XML.
pub(super) fn printable(name: &str) -> String {
    let legal = |letter: char| {
        !letter.is_control() && !matches!(letter, '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}')
    };
    let shown = |letter| if legal(letter) { letter } else { '\u{fffd}' };
    name.chars().map(shown).collect()
}
