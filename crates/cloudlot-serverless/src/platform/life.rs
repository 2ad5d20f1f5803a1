//! The life of an instance: its states and the moves that are legal.

use std::fmt;

/// Where an instance stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Life {
    /// The back end makes it.
    Starting,
    /// It runs a call.
    Busy,
    /// It waits for a call, and holds its memory for it.
    Idle,
    /// The back end removes it.
    Stopping,
    /// There is none.
    Gone,
}

impl Life {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Starting,
        Self::Busy,
        Self::Idle,
        Self::Stopping,
        Self::Gone,
    ];

    /// Whether an instance may go from here to there.
    /// ```
    /// # use cloudlot_serverless::Life;
    /// assert!(Life::Starting.may_become(Life::Idle));
    /// assert!(!Life::Stopping.may_become(Life::Busy));
    /// ```
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Gone => matches!(next, Self::Starting),
            Self::Starting => matches!(next, Self::Busy | Self::Idle | Self::Stopping | Self::Gone),
            Self::Busy => !matches!(next, Self::Starting),
            Self::Idle => matches!(next, Self::Busy | Self::Stopping | Self::Gone),
            Self::Stopping => matches!(next, Self::Gone),
        }
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Busy => "busy",
            Self::Idle => "idle",
            Self::Stopping => "stopping",
            Self::Gone => "gone",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_that_stops_can_only_go() {
        let after: Vec<Life> = Life::ALL
            .into_iter()
            .filter(|&next| Life::Stopping.may_become(next))
            .collect();
        assert_eq!(after, [Life::Gone]);
    }

    #[test]
    fn only_a_busy_one_may_go_on_as_it_is() {
        // From one call straight to the next.
        let same: Vec<Life> = Life::ALL
            .into_iter()
            .filter(|&life| life.may_become(life))
            .collect();
        assert_eq!(same, [Life::Busy]);
    }
}
