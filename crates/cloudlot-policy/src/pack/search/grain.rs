//! What loads a bin cannot have because items come in sizes much alike.
//!
//! Thirteen items of about one size on four bins cannot be level, whichever goes where: a bin
//! has three or four. `prune` takes movable load for divisible within the items it knows and is
//! blind to this.
//!
//! With c of the items a bin has at least the c smallest and at most the c largest of them. Let
//! each bin have the load nearest to some level λ that this leaves it, at a distance d. Then
//! Σ L² >= Σ d² + 2 λ Σ L - m λ², for any λ: Lagrangian relaxation of the condition that the loads
//! add up to what there is (A. M. Geoffrion, "Lagrangean Relaxation for Integer Programming",
//! 1974). Where all bins and items are equal, the best λ makes this exact.

use super::instance::{Instance, LARGEST};
use super::prune::{Range, Rest};

/// How often the interval that holds the best level is halved: to 1/64 of two items' load.
const HALVINGS: usize = 6;

/// The least and the largest load of c items out of a set, for each c.
struct Steps {
    least: [u64; LARGEST + 1],
    most: [u64; LARGEST + 1],
    count: usize,
}

/// A lower bound on the sum of squares, and what it takes for granted.
struct Bound {
    level: u64,
    squares: i128,
    /// What the next bin has to be away from the level, squared.
    next: i128,
    /// The sum of the nearest loads.
    sum: u64,
}

/// The loads that the next bin may have: all, if the items are of such different sizes that any
/// load may come about; `None` if the bins cannot be filled within the room.
pub(super) fn grain(rest: &Rest, instance: &Instance) -> Option<Range> {
    let anything = Range {
        low: 0,
        high: u64::MAX,
    };
    let steps = Steps::of(instance.loads(rest.items));
    if !steps.leave_gaps() {
        return Some(anything);
    }
    let room = i128::try_from(rest.room).unwrap_or(i128::MAX);
    let best = steps.best_bound(rest, instance, room);
    let spare = u128::try_from(room.checked_sub(best.squares)?.checked_add(best.next)?).ok()?;
    if best.squares > room {
        return None;
    }
    let reach = u64::try_from(spare.isqrt()).unwrap_or(u64::MAX);
    Some(Range {
        low: best.level.saturating_sub(reach),
        high: best.level.saturating_add(reach),
    })
}

impl Steps {
    fn of(loads: impl Iterator<Item = u64>) -> Self {
        let mut steps = Self {
            least: [0; LARGEST + 1],
            most: [0; LARGEST + 1],
            count: 0,
        };
        for load in loads {
            steps.most[steps.count + 1] = steps.most[steps.count] + load;
            steps.count += 1;
        }
        let all = steps.most[steps.count];
        for count in 0..=steps.count {
            steps.least[count] = all - steps.most[steps.count - count];
        }
        steps
    }

    /// Whether some load lies above what c items can have and below what c + 1 can.
    fn leave_gaps(&self) -> bool {
        (0..self.count).any(|count| self.most[count] < self.least[count + 1])
    }

    /// The possible load of a bin with `base` that is nearest to `level`.
    fn nearest(&self, base: u64, level: u64) -> u64 {
        let mut below = base;
        for count in 0..=self.count {
            let (least, most) = (base + self.least[count], base + self.most[count]);
            if least >= level {
                let is_nearer = count == 0 || least - level < level - below;
                return if is_nearer { least } else { below };
            }
            if most >= level {
                return level;
            }
            below = most;
        }
        below
    }

    /// The best bound that halving finds, or the first that is beyond `room`.
    fn best_bound(&self, rest: &Rest, instance: &Instance, room: i128) -> Bound {
        let total = rest.total(instance);
        let bins = u64::try_from(rest.open(instance)).unwrap_or(u64::MAX);
        let largest = self.most[1];
        let mut level = total / bins;
        let mut best = self.bound(rest, instance, level);
        let (mut low, mut high) = (level.saturating_sub(largest), level + largest);
        for _ in 0..HALVINGS {
            if best.squares > room {
                break;
            }
            let bound = self.bound(rest, instance, level);
            match bound.sum.cmp(&total) {
                std::cmp::Ordering::Less => low = level,
                std::cmp::Ordering::Greater => high = level,
                std::cmp::Ordering::Equal => break,
            }
            if bound.squares > best.squares {
                best = bound;
            }
            level = low.midpoint(high);
        }
        best
    }

    fn bound(&self, rest: &Rest, instance: &Instance, level: u64) -> Bound {
        let wide = i128::from(level);
        let mut bound = Bound {
            level,
            squares: 2 * wide * i128::from(rest.total(instance)),
            next: 0,
            sum: 0,
        };
        for (nth, &base) in instance.base[rest.at..].iter().enumerate() {
            let near = self.nearest(base, level);
            let away = i128::from(near) - wide;
            bound.squares += away * away - wide * wide;
            bound.sum += near;
            if nth == 0 {
                bound.next = away * away;
            }
        }
        bound
    }
}
