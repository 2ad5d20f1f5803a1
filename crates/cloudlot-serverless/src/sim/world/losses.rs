//! When instances are lost that live for an exponential time, without a date for each of them.
//!
//! Source: uniformisation (Jensen 1953). With at most `2^k` alive, losses come as a Poisson process of `2^k` rates; each picks one of `2^k`
//! places, and those where nobody stands pass. Nothing is remembered, so the date is drawn anew whenever the bound changes.

use std::time::Duration;

use cloudlot_core::{Seeds, Timestamp};

use crate::chance::Chance;

#[derive(Clone, Debug)]
pub(super) struct Losses {
    chance: Chance,
    /// How many places there are; none if nobody is there or nothing is lost.
    places: u32,
    next: Option<Timestamp>,
}

impl Losses {
    pub(super) fn new(seeds: Seeds) -> Self {
        Self {
            chance: Chance::new(seeds, "losses"),
            places: 0,
            next: None,
        }
    }

    pub(super) const fn next(&self) -> Option<Timestamp> {
        self.next
    }

    /// There are so many now, who live so long on average.
    pub(super) fn follow(&mut self, alive: usize, life: Option<Duration>, now: Timestamp) {
        let Some(life) = life else {
            return;
        };
        let alive = u32::try_from(alive).unwrap_or(u32::MAX >> 1);
        if alive == 0 {
            self.places = 0;
            self.next = None;
        } else if alive > self.places || alive < self.places / 4 {
            self.places = alive.next_power_of_two();
            self.draw(life, now);
        }
    }

    /// The place that is hit now.
    pub(super) fn strike(&mut self, life: Option<Duration>, now: Timestamp) -> usize {
        let place = self.chance.below(self.places);
        if let Some(life) = life {
            self.draw(life, now);
        }
        place as usize
    }

    fn draw(&mut self, life: Duration, now: Timestamp) {
        let seconds = life.as_secs_f64() / f64::from(self.places) * self.chance.exponential();
        let after = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        // Time goes on, however many there are and however short they live.
        self.next = Some(now + after.max(Duration::from_nanos(1)));
    }
}
