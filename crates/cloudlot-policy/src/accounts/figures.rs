//! What is counted of one account.

use super::decay::{HalfLives, fade};
use cloudlot_core::{Amounts, Kind, Timestamp};

/// The figures of one account and all below it.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    pub(super) held: Amounts,
    /// What is held above the 2^64 - 1 that `held` can show, so that every charge can be taken back exactly.
    beyond: Vec<(Kind, u128)>,
    pub(super) reservations: u32,
    /// The mean amount held of each kind that ever was, as of `as_of`; sorted by kind.
    means: Vec<(Kind, f64)>,
    as_of: Timestamp,
}

impl Figures {
    pub(super) fn add(&mut self, amounts: &Amounts) {
        for (kind, amount) in amounts.iter() {
            let held = self.held.get(kind);
            let shown = amount.min(u64::MAX - held);
            self.held = self.held.with(kind, held + shown);
            if shown < amount {
                let rest = u128::from(amount - shown);
                match self.beyond.iter_mut().find(|(other, _)| *other == kind) {
                    Some((_, beyond)) => *beyond = beyond.saturating_add(rest),
                    None => self.beyond.push((kind, rest)),
                }
            }
        }
    }

    /// Whether so much can be taken away; else the first kind of which there is too little, and what is there.
    pub(super) fn can_take(&self, amounts: &Amounts) -> Result<(), (Kind, u64)> {
        for (kind, amount) in amounts.iter() {
            let held = self.held.get(kind);
            if held < amount {
                return Err((kind, held));
            }
        }
        Ok(())
    }

    /// Takes away what can be taken.
    pub(super) fn take(&mut self, amounts: &Amounts) {
        for (kind, amount) in amounts.iter() {
            let mut rest = amount;
            if let Some((_, beyond)) = self.beyond.iter_mut().find(|(other, _)| *other == kind) {
                let hidden = u64::try_from(*beyond).unwrap_or(u64::MAX).min(rest);
                *beyond -= u128::from(hidden);
                rest -= hidden;
            }
            let held = self.held.get(kind);
            self.held = self.held.with(kind, held.saturating_sub(rest));
        }
        self.beyond.retain(|(_, beyond)| *beyond > 0);
    }

    /// Brings the means up to `now`; what is held stood unchanged since they were last brought up.
    pub(super) fn advance(&mut self, now: Timestamp, half_lives: &HalfLives) {
        let seconds = now.since(self.as_of).as_secs_f64();
        self.as_of = self.as_of.max(now);
        if seconds == 0.0 {
            return;
        }
        for (kind, _) in self.held.iter() {
            mean_mut(&mut self.means, kind);
        }
        for (kind, mean) in &mut self.means {
            *mean = faded(
                *mean,
                self.held.get(*kind),
                seconds,
                half_lives.seconds(*kind),
            );
        }
    }

    /// The mean amount of a kind that was held lately, as of `now`.
    pub(super) fn mean(&self, kind: Kind, now: Timestamp, half_lives: &HalfLives) -> f64 {
        let place = self.means.binary_search_by_key(&kind, |(kind, _)| *kind);
        let mean = place.map_or(0.0, |place| self.means[place].1);
        let seconds = now.since(self.as_of).as_secs_f64();
        faded(mean, self.held.get(kind), seconds, half_lives.seconds(kind))
    }

    /// Sets the mean of a kind as of the time that the figures were last brought up to.
    pub(super) fn set_mean(&mut self, kind: Kind, mean: f64) {
        *mean_mut(&mut self.means, kind) = mean;
    }

    /// The kinds that are held or remembered.
    pub(super) fn kinds(&self) -> impl Iterator<Item = Kind> {
        let known = |kind: &Kind| {
            self.means
                .binary_search_by_key(kind, |(kind, _)| *kind)
                .is_ok()
        };
        let fresh = self.held.iter().map(|(kind, _)| kind);
        let fresh = fresh.filter(move |kind| !known(kind));
        self.means.iter().map(|(kind, _)| *kind).chain(fresh)
    }
}

fn mean_mut(means: &mut Vec<(Kind, f64)>, kind: Kind) -> &mut f64 {
    let place = means.binary_search_by_key(&kind, |(kind, _)| *kind);
    let place = place.unwrap_or_else(|place| {
        means.insert(place, (kind, 0.0));
        place
    });
    &mut means[place].1
}

/// A mean after so many seconds in which `held` stood unchanged.
fn faded(mean: f64, held: u64, seconds: f64, half_life: Option<f64>) -> f64 {
    let Some(half_life) = half_life else {
        return 0.0;
    };
    let (left, gone) = fade(seconds / half_life);
    mean * left + held as f64 * gone
}
