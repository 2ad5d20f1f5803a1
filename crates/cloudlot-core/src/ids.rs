//! Identifiers that are handed out by a ledger and used again: a place and how often it was given.
//!
//! An identifier of something that has ended never means what took its place.

use std::fmt;

macro_rules! slot_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            slot: u32,
            generation: u32,
        }

        impl $name {
            /// The place in its ledger's table, and how often the place was given before.
            #[must_use]
            pub const fn new(slot: u32, generation: u32) -> Self {
                Self { slot, generation }
            }

            /// The place in its ledger's table: dense, and given again after the end.
            #[must_use]
            pub const fn slot(self) -> u32 {
                self.slot
            }

            /// How often the place was given before.
            #[must_use]
            pub const fn generation(self) -> u32 {
                self.generation
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}.{}"), self.slot, self.generation)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

slot_id! {
    /// A resource of one ledger.
    ResourceId, "resource-"
}

impl ResourceId {
    pub(crate) const fn index(self) -> usize {
        self.slot as usize
    }
}

slot_id! {
    /// A reservation of one ledger.
    ReservationId, "reservation-"
}

crate::id_type! {
    /// The number of changes before this point in a ledger's life.
    pub struct Revision(u64, "revision ");
}

impl Revision {
    /// Before the first change.
    pub const START: Self = Self::new(0);

    pub(crate) const fn next(self) -> Self {
        Self::new(self.number() + 1)
    }
}

impl Default for Revision {
    fn default() -> Self {
        Self::START
    }
}

crate::id_type! {
    /// An owner as one ledger numbers it.
    pub struct OwnerId(u32, "owner-");
}
