//! Where a fair scheduler puts a vCPU that may run on several pCPUs.
//!
//! A model of the outcome, not of the mechanism: a vCPU that has to wait looks for the least
//! loaded pCPU; one that has not sometimes does, and else takes any, as wake-ups do. So work is
//! served fairly, and what a monitor sees of floating vCPUs at one moment is not balanced.

use super::chance::Chance;
use cloudlot_core::Timestamp;
use std::time::Duration;

/// How often a vCPU that need not wait seeks the least loaded pCPU. Chosen so that eight equal
/// vCPUs on four pCPUs read imbalanced (deviation above 5 points) in most seconds, as published
/// monitor logs of unpinned guests do.
const SEEK_PROBABILITY: f64 = 0.4;

/// The shortest and the longest stay between two looks, in seconds.
const STAY_S: (f64, f64) = (0.05, 0.35);

/// When a vCPU looks round next.
pub(super) fn next_look(now: Timestamp, chance: &mut Chance) -> Timestamp {
    now + Duration::from_secs_f64(chance.between(STAY_S.0, STAY_S.1))
}

/// The pCPU to run on, out of `allowed`; `None` if there is none. `load` is without the vCPU itself.
///
/// Equal loads are left to chance, but a seeking vCPU does not leave `here` for an equal.
pub(super) fn look_round(
    allowed: &[usize],
    here: Option<usize>,
    waits: bool,
    load: impl Fn(usize) -> u64,
    chance: &mut Chance,
) -> Option<usize> {
    let stays = here.is_some_and(|here| allowed.contains(&here));
    let seeks = waits || !stays || chance.unit() < SEEK_PROBABILITY;
    if !seeks {
        return allowed.get(chance.below(allowed.len())).copied();
    }
    let least = allowed.iter().map(|&p| load(p)).min()?;
    if stays && here.is_some_and(|here| load(here) <= least) {
        return here;
    }
    let best: Vec<usize> = allowed
        .iter()
        .copied()
        .filter(|&p| load(p) <= least)
        .collect();
    best.get(chance.below(best.len())).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newcomer_takes_the_least_loaded_and_only_what_is_allowed() {
        let mut chance = Chance::new(3);
        let loads = [0, 5, 2, 2];
        for _ in 0..100 {
            let chosen = look_round(&[1, 2, 3], None, false, |p| loads[p], &mut chance);
            assert!(matches!(chosen, Some(2 | 3)), "{chosen:?}");
        }
        assert_eq!(look_round(&[], None, false, |_| 0, &mut chance), None);
    }

    #[test]
    fn a_resident_that_waits_stays_only_where_nothing_is_better() {
        let mut chance = Chance::new(3);
        let mut look = |waits, load: fn(usize) -> u64| {
            let looks =
                (0..1000).map(|_| look_round(&[0, 1, 2, 3], Some(1), waits, load, &mut chance));
            looks.filter(|chosen| *chosen == Some(1)).count()
        };
        assert_eq!(look(true, |_| 4), 1000);
        assert_eq!(look(true, |at| at as u64), 0);
        let stayed = look(false, |_| 4);
        assert!(
            (500..600).contains(&stayed),
            "0.4 + 0.6 / 4 of 1000: {stayed}"
        );
    }
}
