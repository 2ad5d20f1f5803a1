//! What dividing several kinds among tenants costs: how it grows, beside sorting as many keys; and what linear programs, one for
//! each stage of the filling, find for the same tenants and how long they take.
//!
//! `cargo bench -p cloudlot-benches --bench drf`

use cloudlot_core::{Amounts, Kind};
use cloudlot_policy::share::drf::{Division, Share, Tenant, divide};
use microlp::{ComparisonOp, LinearExpr, OptimizationDirection, Problem, Variable};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::hint::black_box;
use std::time::Duration;

const KINDS: [Kind; 4] = [Kind::CPU, Kind::MEMORY, Kind::STORAGE, Kind::NETWORK];

fn main() {
    growth();
    peer();
}

/// What there is, and who wants it.
struct Given {
    capacity: Amounts,
    tenants: Vec<Tenant>,
}

impl Given {
    /// Tenants of weights 1 to 10 with tasks of up to 8 cores, 32 GiB of memory, 200 GiB of storage and 1 Gbit/s, each of these in
    /// three of four; four in five want a limited number of tasks, and capacity is half of what those would take.
    fn new(count: u64) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(count);
        let tenants = (0..count).map(|_| {
            let mut amount = |often: f64, most: u64| {
                let takes = rng.random_bool(often);
                let amount = rng.random_range(1..=most);
                if takes { amount } else { 0 }
            };
            let needs = Amounts::of(KINDS.into_iter().zip([
                amount(0.75, 8_000),
                amount(0.75, 32 << 30),
                amount(0.75, 200 << 30),
                amount(0.75, 1_000_000_000),
            ]));
            // One in 256 takes nothing of anything, and is given a core.
            let needs = if needs.is_zero() {
                needs.with(Kind::CPU, 1_000)
            } else {
                needs
            };
            let tenant = Tenant::new(rng.random_range(1..=10), needs);
            if rng.random_bool(0.8) {
                tenant.at_most(rng.random_range(1..=200))
            } else {
                tenant
            }
        });
        let tenants = tenants.collect();
        let each = [150_000, 600 << 30, 3_750 << 30, 18_750_000_000];
        let capacity = Amounts::of(KINDS.into_iter().zip(each)).checked_mul(count);
        Self {
            capacity: capacity.expect("far below 2^64"),
            tenants,
        }
    }

    fn divide(&self) -> Division<'_> {
        divide(&self.capacity, &self.tenants).expect("nothing was promised")
    }

    /// The float that each tenant is sorted by: its level if it had its most.
    fn keys(&self) -> Vec<f64> {
        let key = |tenant: &Tenant| {
            let part = |(kind, need): (Kind, u64)| need as f64 / self.capacity.get(kind) as f64;
            let dominant = tenant.task.iter().map(part).fold(0.0, f64::max);
            tenant.most as f64 * dominant / tenant.weight as f64
        };
        self.tenants.iter().map(key).collect()
    }
}

/// The median of so many runs in time of the processor: the machine is shared.
fn median<T>(runs: u32, mut run: impl FnMut() -> T) -> Duration {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let start = processor_time();
            black_box(run());
            processor_time().saturating_sub(start)
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("time that has passed is not negative")
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn growth() {
    println!(
        "tenants of 4 kinds; medians in microseconds; n log n: nanoseconds of divide / (n log2 n)"
    );
    println!(
        "{:>8} {:>10} {:>8} {:>10} {:>8} {:>10} {:>12} {:>8}",
        "tenants", "divide", "n log n", "sort keys", "ratio", "+ units", "+ whole tasks", "used up"
    );
    for count in [100_u32, 1_000, 10_000, 100_000] {
        let given = Given::new(count.into());
        let runs = (1_000_000 / count).clamp(25, 501);
        let divide = median(runs, || given.divide());
        let keys = given.keys();
        let copy = median(runs, || keys.clone());
        let sort = median(runs, || {
            let mut keys = keys.clone();
            keys.sort_unstable_by(f64::total_cmp);
            keys
        });
        let sort = sort.saturating_sub(copy);
        let division = given.divide();
        let units = median(runs, || division.units());
        let whole = median(runs, || division.whole_tasks());
        let size = f64::from(count);
        println!(
            "{count:>8} {:>10.1} {:>8.2} {:>10.1} {:>8.1} {:>10.1} {:>12.1} {:>8}",
            micros(divide),
            micros(divide) * 1e3 / (size * size.log2()),
            micros(sort),
            micros(divide) / micros(sort),
            micros(units),
            micros(whole),
            division.used_up().len(),
        );
        let count = allocation_counter::measure(|| drop(black_box(given.divide()))).count_total;
        println!("{:>8} {count} allocations", "");
    }
}

fn peer() {
    println!();
    println!("linear programs (microlp), one for each stage, on the same tenants; milliseconds");
    println!(
        "{:>8} {:>10} {:>8} {:>10} {:>10} {:>22}",
        "tenants", "programs", "stages", "divide", "ratio", "largest difference"
    );
    for count in [30_u64, 100, 300] {
        let given = Given::new(count);
        let mut found = None;
        let programs = median(1, || found = Some(Stages::solve(&given)));
        let divide = median(101, || given.divide());
        let found = found.expect("it ran");
        let shares = given.divide().into_shares();
        // Of what the tenant has: dominant shares, relatively.
        let difference = |(share, other): (&Share, &f64)| (share.share - other).abs() / share.share;
        let largest = shares
            .iter()
            .zip(&found.shares)
            .map(difference)
            .fold(0.0, f64::max);
        println!(
            "{count:>8} {:>10.2} {:>8} {:>10.4} {:>10.0} {largest:>22.1e}",
            micros(programs) / 1e3,
            found.stages,
            micros(divide) / 1e3,
            programs.as_secs_f64() / divide.as_secs_f64(),
        );
    }
}

/// The peer: raise the common level as far as a linear program can, keep whoever is stopped then, and begin anew.
struct Stages {
    shares: Vec<f64>,
    stages: usize,
}

impl Stages {
    fn solve(given: &Given) -> Self {
        let parties: Vec<Party> = given
            .tenants
            .iter()
            .map(|tenant| Party::new(given, tenant))
            .collect();
        let mut fixed: Vec<Option<f64>> = vec![None; parties.len()];
        let mut stages = 0;
        while fixed.contains(&None) {
            stages += 1;
            stage(&parties, &mut fixed);
        }
        let count = parties.len() as f64;
        Self {
            shares: fixed
                .into_iter()
                .flatten()
                .map(|share| share / count)
                .collect(),
            stages,
        }
    }
}

/// A tenant in the units of the program: shares times the number of tenants, so that all numbers are near 1.
struct Party {
    weight: f64,
    most: f64,
    /// Share of each kind for one of the dominant share.
    part: [f64; 4],
}

impl Party {
    fn new(given: &Given, tenant: &Tenant) -> Self {
        let share =
            KINDS.map(|kind| tenant.task.get(kind) as f64 / given.capacity.get(kind) as f64);
        let dominant = share.into_iter().fold(0.0, f64::max);
        Self {
            weight: tenant.weight as f64,
            most: tenant.most as f64 * dominant * given.tenants.len() as f64,
            part: share.map(|share| share / dominant),
        }
    }
}

/// One stage: everybody who is not fixed rises, and at least one of them is fixed.
fn stage(parties: &[Party], fixed: &mut [Option<f64>]) {
    let mut problem = Problem::new(OptimizationDirection::Maximize);
    let level = problem.add_var(1.0, (0.0, f64::INFINITY));
    let mut used = [0.0; 4];
    let mut rows = [(); 4].map(|()| LinearExpr::empty());
    let mut rising: Vec<(usize, Variable)> = Vec::new();
    for (index, (party, fixed)) in parties.iter().zip(&*fixed).enumerate() {
        if let Some(share) = fixed {
            (0..4).for_each(|kind| used[kind] += share * party.part[kind]);
            continue;
        }
        let most = if party.most < 1e9 {
            party.most
        } else {
            f64::INFINITY
        };
        let share = problem.add_var(0.0, (0.0, most));
        problem.add_constraint(
            [(share, 1.0), (level, -party.weight)],
            ComparisonOp::Eq,
            0.0,
        );
        let takes = (0..4).filter(|kind| party.part[*kind] > 0.0);
        takes.for_each(|kind| rows[kind].add(share, party.part[kind]));
        rising.push((index, share));
    }
    let total = parties.len() as f64;
    for (row, used) in rows.into_iter().zip(used) {
        problem.add_constraint(row, ComparisonOp::Le, total - used);
    }
    let outcome = problem.solve().expect("level 0 is feasible");
    let solution = outcome.into_solution().expect("there is no time limit");
    for (index, share) in &rising {
        (0..4)
            .for_each(|kind| used[kind] += solution.var_value(*share) * parties[*index].part[kind]);
    }
    for (index, share) in rising {
        let (party, share) = (&parties[index], solution.var_value(share));
        let stopped =
            (0..4).any(|kind| party.part[kind] > 0.0 && used[kind] >= total * (1.0 - 1e-10));
        if stopped || share >= party.most * (1.0 - 1e-10) {
            fixed[index] = Some(share);
        }
    }
}
