//! Durations as people write them.

use std::time::Duration;

/// A number and a unit: `250ms`, `1s`, `10m`, `1.5h`.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let split = text.find(|letter: char| letter.is_ascii_alphabetic());
    let (number, unit) = text.split_at(split.unwrap_or(text.len()));
    let unit = match unit.trim() {
        "ns" => 1e-9,
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return Err(wrong(text)),
    };
    let number: f64 = number.trim().parse().map_err(|_| wrong(text))?;
    let seconds = number * unit;
    // A hundred years are enough, and add up to no overflow.
    if !(0.0..=3.2e9).contains(&seconds) {
        return Err(wrong(text));
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong(text))
}

fn wrong(text: &str) -> String {
    let shown: String = text.chars().take(40).collect();
    format!("`{shown}` is not a time such as 250ms, 1s, 10m or 4h")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units_are_times() {
        for (text, millis) in [
            ("250ms", 250),
            ("1s", 1_000),
            ("1.5 m", 90_000),
            ("10min", 600_000),
            ("4h", 14_400_000),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "", "10", "s", "-1s", "NaNs", "infs", "1e30h", "1 week", "1s s", "١s",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
