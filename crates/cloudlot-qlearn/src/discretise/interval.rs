//! The values of one bin, for people.

use std::fmt;

/// The values of one bin, for people.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Interval<'a> {
    /// The lowest value in the bin; nothing where there is no lowest one.
    pub from: Option<f64>,
    /// Where the next bin begins; nothing where there is no next one and no limit.
    pub to: Option<f64>,
    /// The unit of both.
    pub unit: &'a str,
}

impl fmt::Display for Interval<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = self.unit;
        match (self.from, self.to) {
            (Some(from), Some(to)) => write!(f, "{from} to {to} {unit}"),
            (Some(from), None) => write!(f, "{from} {unit} or more"),
            (None, Some(to)) => write!(f, "below {to} {unit}"),
            (None, None) => write!(f, "any {unit}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Axis;

    #[test]
    fn open_bins_say_so() {
        let axis = Axis::edges("delta", "K", &[-5.0, 0.0, 5.0]).unwrap();
        let texts = [0, 1].map(|bin| axis.interval(bin).unwrap().to_string());
        assert_eq!(texts, ["below 0 K", "0 K or more"]);
        let single = Axis::edges("delta", "K", &[-5.0, 5.0]).unwrap();
        assert_eq!(single.interval(0).unwrap().to_string(), "any K");
    }
}
