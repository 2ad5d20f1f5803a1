//! How a host stands, in the two kinds that instances hold.

/// Bytes of memory and thousandths of processors.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Size {
    pub(crate) memory: u64,
    pub(crate) millicores: u64,
}

impl Size {
    pub(crate) const ZERO: Self = Self {
        memory: 0,
        millicores: 0,
    };

    pub(crate) const fn fits_in(self, room: Self) -> bool {
        self.memory <= room.memory && self.millicores <= room.millicores
    }

    pub(crate) const fn plus(self, other: Self) -> Self {
        Self {
            memory: self.memory.saturating_add(other.memory),
            millicores: self.millicores.saturating_add(other.millicores),
        }
    }

    pub(crate) const fn minus(self, other: Self) -> Self {
        Self {
            memory: self.memory.saturating_sub(other.memory),
            millicores: self.millicores.saturating_sub(other.millicores),
        }
    }

    /// The larger of the two shares of `whole`; the share of nothing is one.
    pub(crate) fn share_of(self, whole: Self) -> f64 {
        let share = |part: u64, whole: u64| match (part, whole) {
            (0, _) => 0.0,
            (_, 0) => 1.0,
            (part, whole) => part as f64 / whole as f64,
        };
        let memory = share(self.memory, whole.memory);
        memory.max(share(self.millicores, whole.millicores))
    }
}

/// What a host has, and what is held there.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct HostLoad {
    /// What it has.
    pub(crate) limit: Size,
    /// What all instances hold.
    pub(crate) held: Size,
    /// Of that, idle ones.
    pub(crate) idle: Size,
    /// Of that, those that stop.
    pub(crate) stopping: Size,
    /// How many instances run something.
    pub(crate) running: u32,
    /// Whether it takes starts.
    pub(crate) open: bool,
}

impl HostLoad {
    pub(crate) const fn new(limit: Size) -> Self {
        Self {
            limit,
            held: Size::ZERO,
            idle: Size::ZERO,
            stopping: Size::ZERO,
            running: 0,
            open: true,
        }
    }

    pub(crate) const fn free(&self) -> Size {
        self.limit.minus(self.held)
    }

    /// Whether there is room now.
    pub(crate) const fn fits(&self, need: Size) -> bool {
        self.open && need.fits_in(self.free())
    }

    /// Whether there is room as soon as those are gone that stop.
    pub(crate) const fn will_fit(&self, need: Size) -> bool {
        self.open && need.fits_in(self.free().plus(self.stopping))
    }

    /// Whether there is room as soon as the idle ones are gone, too.
    pub(crate) const fn could_fit(&self, need: Size) -> bool {
        let most = self.free().plus(self.stopping).plus(self.idle);
        self.open && need.fits_in(most)
    }

    /// The share that is held.
    pub(crate) fn held_share(&self) -> f64 {
        self.held.share_of(self.limit)
    }

    /// The share that is held by others than idle instances.
    pub(crate) fn used_share(&self) -> f64 {
        self.held.minus(self.idle).share_of(self.limit)
    }
}
