//! What travels of a sketch, and the checks on what arrives.

use super::{Sketch, bucket};

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    precision: u32,
    zeros: u64,
    buckets: Vec<(u64, u64)>,
    sum: f64,
    min: f64,
    max: f64,
}

impl From<Sketch> for Raw {
    fn from(sketch: Sketch) -> Self {
        Self {
            precision: sketch.precision,
            zeros: sketch.zeros,
            buckets: sketch.buckets.into_iter().collect(),
            sum: sketch.sum,
            min: sketch.min,
            max: sketch.max,
        }
    }
}

impl TryFrom<Raw> for Sketch {
    type Error = &'static str;

    fn try_from(raw: Raw) -> Result<Self, Self::Error> {
        if raw.precision > super::FINEST || raw.buckets.len() > Self::MAX_BUCKETS {
            return Err("more buckets than a sketch keeps");
        }
        let ascending = raw.buckets.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if !ascending || raw.buckets.iter().any(|(_, count)| *count == 0) {
            return Err("buckets of a sketch ascend and are not empty");
        }
        let counts = raw.buckets.iter().map(|(_, count)| *count);
        let sketch = Self {
            precision: raw.precision,
            zeros: raw.zeros,
            count: counts
                .into_iter()
                .try_fold(raw.zeros, u64::checked_add)
                .ok_or("more values than can be counted")?,
            buckets: raw.buckets.into_iter().collect(),
            sum: raw.sum,
            min: raw.min,
            max: raw.max,
        };
        if !(0.0..=f64::MAX).contains(&sketch.sum) || !sketch.spans_its_buckets() {
            return Err("the sum or the extremes do not fit the buckets of the sketch");
        }
        Ok(sketch)
    }
}

impl Sketch {
    /// Whether both extremes lie in the outermost buckets.
    fn spans_its_buckets(&self) -> bool {
        if self.count == 0 {
            return (self.min, self.max, self.sum) == (0.0, 0.0, 0.0);
        }
        let first = match self.zeros {
            0 => self.buckets.keys().next().copied(),
            _ => None,
        };
        let last = self.buckets.keys().next_back().copied();
        let known = |value: f64| (0.0..=f64::MAX).contains(&value);
        known(self.min)
            && known(self.max)
            && self.min <= self.max
            && self.lies_in(self.min, first)
            && self.lies_in(self.max, last)
    }

    /// Whether a value lies in this bucket, or with the zeros. Text formats may read a number
    /// back one step off, so its neighbours will do.
    fn lies_in(&self, value: f64, place: Option<u64>) -> bool {
        let nearby = [value.next_down().max(0.0), value, value.next_up()];
        nearby.into_iter().any(|value| {
            let normal = (f64::MIN_POSITIVE..=f64::MAX).contains(&value);
            normal.then(|| bucket(value, self.precision)) == place
        })
    }
}
