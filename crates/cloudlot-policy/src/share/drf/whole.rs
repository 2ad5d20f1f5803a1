//! From real shares to whole tasks: discrete progressive filling.

use super::dominant::Dominant;
use super::twofold::Twofold;
use super::{Division, Tenant};
use cloudlot_core::Amounts;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

impl Division<'_> {
    /// How many whole tasks each tenant gets, in the order of the tenants.
    ///
    /// Every tenant first gets the whole tasks of its real share. What is left goes one task at a time to the tenant whose
    /// dominant share per weight is the lowest, the first of equals, among those whose next task still fits and who want one;
    /// tenants of weight 0 come when no other can have a task. So:
    ///
    /// - all tasks fit together, and nobody has less than its real share rounded down, or more than its `most`;
    /// - no further task of anybody fits.
    ///
    /// A tenant whose real share is below one task may get none while smaller tasks fill up what it leaves.
    ///
    /// Cost: O(n·k + m log n) for n tenants, k kinds and the m tasks handed out singly. Where many tasks are to be handed out because the sizes
    /// of tasks differ by orders of magnitude, the level leaps to just before the next refusal, in 62 passes over the tenants.
    /// ```
    /// # use cloudlot_core::{Amounts, Kind};
    /// # use cloudlot_policy::share::drf::{Tenant, divide};
    /// let cores = |cores| Amounts::of([(Kind::CPU, cores)]);
    /// let tenants = [Tenant::new(1, cores(6)), Tenant::new(1, cores(1))];
    /// // Half of ten cores holds no task of six.
    /// assert_eq!(divide(&cores(10), &tenants)?.whole_tasks(), [0, 10]);
    /// assert_eq!(divide(&cores(15), &tenants)?.whole_tasks(), [1, 9]);
    /// # Ok::<(), cloudlot_policy::share::drf::Overpromised>(())
    /// ```
    #[must_use]
    pub fn whole_tasks(&self) -> Vec<u64> {
        let mut room = Room(*self.capacity);
        let mut tasks: Vec<u64> = (self.tenants.iter().zip(&self.shares))
            .map(|(tenant, share)| {
                let whole = share.whole().min(tenant.most);
                let whole = whole.min(room.holds(&tenant.task));
                room.take(&tenant.task, whole);
                whole
            })
            .collect();
        for idle in [false, true] {
            let tenants = self.tenants.iter().enumerate();
            let turns = tenants
                .filter(|(_, tenant)| (tenant.weight == 0) == idle)
                .map(|(index, tenant)| Turn::new(self.capacity, tenant, index, tasks[index]))
                .filter(|turn| room.has_place_for(turn))
                .collect();
            hand_out(turns, &mut room, &mut tasks);
        }
        tasks
    }
}

/// Hands out tasks, the lowest level first, until nobody's next task fits.
fn hand_out(turns: Vec<Turn>, room: &mut Room, tasks: &mut [u64]) {
    let patience = |turns: usize| 4 * turns + 64;
    let mut singly = patience(turns.len());
    let mut turns: BinaryHeap<_> = turns.into_iter().map(Reverse).collect();
    while let Some(Reverse(mut turn)) = turns.pop() {
        if !room.has_place_for(&turn) {
            continue;
        }
        room.take(&turn.tenant.task, 1);
        turn.advance(turn.tasks + 1);
        tasks[turn.index] = turn.tasks;
        turns.push(Reverse(turn));
        singly -= 1;
        if singly == 0 {
            let mut waiting = turns.into_vec();
            waiting.retain(|Reverse(turn)| room.has_place_for(turn));
            leap(&mut waiting, room, tasks);
            singly = patience(waiting.len());
            turns = waiting.into();
        }
    }
}

/// Hands out at once what would be handed out singly without a refusal.
///
/// When all have come to a level and no task was refused by then, the order in which they came there has no say. So each gets at
/// most what it has at a level at which even one task more for each would fit.
fn leap(turns: &mut [Reverse<Turn>], room: &mut Room, tasks: &mut [u64]) {
    let fits = |level: f64| {
        let mut left = room.0;
        turns.iter().all(|Reverse(turn)| {
            let more = turn.at(level * (1.0 + ROUNDING)).saturating_add(1);
            let more = more.min(turn.tenant.most).saturating_sub(turn.tasks);
            let need = turn.tenant.task.checked_mul(more);
            let rest = need.and_then(|need| left.checked_sub(&need));
            rest.inspect(|rest| left = *rest).is_some()
        })
    };
    // Floats that are not negative order as their bits do; no level of a task that fits is above 1.
    let (mut fitting, mut refused) = (0, 1.0_f64.to_bits() + 1);
    while refused - fitting > 1 {
        let middle = fitting.midpoint(refused);
        if fits(f64::from_bits(middle)) {
            fitting = middle;
        } else {
            refused = middle;
        }
    }
    let level = f64::from_bits(fitting) * (1.0 - ROUNDING);
    if fitting == 0 {
        return;
    }
    for Reverse(turn) in turns {
        let goal = turn.at(level).min(turn.tenant.most).max(turn.tasks);
        room.take(&turn.tenant.task, goal - turn.tasks);
        turn.advance(goal);
        tasks[turn.index] = goal;
    }
}

/// More than what the rounding of a few floats can do, relatively.
const ROUNDING: f64 = 1e-14;

/// What is still free.
struct Room(Amounts);

impl Room {
    /// How many such tasks fit.
    fn holds(&self, task: &Amounts) -> u64 {
        let tasks = task.iter().map(|(kind, need)| self.0.get(kind) / need);
        tasks.min().unwrap_or(u64::MAX)
    }

    /// Whether a tenant wants one more task, and it fits; a task that takes nothing is not handed out.
    fn has_place_for(&self, turn: &Turn) -> bool {
        let task = &turn.tenant.task;
        turn.tasks < turn.tenant.most && !task.is_zero() && task.fits_in(&self.0)
    }

    /// Takes what so many tasks take, which must fit.
    fn take(&mut self, task: &Amounts, tasks: u64) {
        for (kind, need) in task.iter() {
            self.0 = self.0.with(kind, self.0.get(kind) - need * tasks);
        }
    }
}

/// A tenant that waits for its next task; a lower level is sooner, then an earlier place.
struct Turn<'a> {
    tenant: &'a Tenant,
    index: usize,
    tasks: u64,
    dominant: Dominant,
    /// Its level, as the float next to it or nearly so.
    key: f64,
}

impl<'a> Turn<'a> {
    fn new(capacity: &Amounts, tenant: &'a Tenant, index: usize, tasks: u64) -> Self {
        let mut turn = Self {
            tenant,
            index,
            tasks,
            dominant: Dominant::of(capacity, tenant),
            key: 0.0,
        };
        turn.advance(tasks);
        turn
    }

    fn advance(&mut self, tasks: u64) {
        self.tasks = tasks;
        self.key = self.dominant.share(tasks as f64) / self.tenant.turn_weight() as f64;
    }

    /// Its tasks at a level, rounded down.
    fn at(&self, level: f64) -> u64 {
        let rate = self.tenant.turn_weight() as f64 * self.dominant.total as f64;
        Twofold::new(level * (rate / self.dominant.need as f64), 0.0)
            .split()
            .0
    }

    /// Its level as a fraction; its tasks fit, so that what they take is below 2^64.
    fn level(&self) -> (u128, u128) {
        let Dominant { need, total } = self.dominant;
        (
            u128::from(self.tasks) * u128::from(need),
            u128::from(self.tenant.turn_weight()) * u128::from(total),
        )
    }
}

impl Ord for Turn<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        // Each key is right to some 2^-51; only what is closer needs the exact way.
        if (self.key - other.key).abs() > 1e-14 * self.key {
            return self.key.total_cmp(&other.key);
        }
        let (a, of_a) = self.level();
        let (b, of_b) = other.level();
        (product(a, of_b).cmp(&product(b, of_a))).then(self.index.cmp(&other.index))
    }
}

impl PartialOrd for Turn<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Turn<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Turn<'_> {}

/// A number below 2^64 times any, in two parts.
fn product(a: u128, b: u128) -> (u128, u128) {
    let half = u128::from(u64::MAX);
    let low = a * (b & half);
    let high = a * (b >> 64) + (low >> 64);
    (high, low & half)
}
