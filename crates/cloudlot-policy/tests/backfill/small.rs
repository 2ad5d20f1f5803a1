//! Small random traces, and a naive simulator that looks at every second and every node.

use cloudlot_core::ledger::Ledger;
use cloudlot_core::{Request, Resource, Timestamp, bytes, cores};
use cloudlot_policy::backfill::{Job, Mode, Order};
use cloudlot_policy::order::Order as _;
use proptest::prelude::*;
use std::time::Duration;

/// Seconds after which nothing happens any more.
const END: usize = 900;

/// What a job takes on one node: cores and bytes.
type Size = [u64; 2];

/// A job in whole seconds.
#[derive(Clone, Copy, Debug)]
struct Small {
    size: Size,
    members: u32,
    arrives: usize,
    expected: usize,
    runs: usize,
    priority: i32,
}

/// Nodes and jobs.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    nodes: Vec<Size>,
    jobs: Vec<Small>,
}

/// Up to three nodes and a score of jobs, most of which fit and have to wait; estimates are upper bounds.
pub(crate) fn cases() -> impl Strategy<Value = Case> {
    let nodes = proptest::collection::vec([3..7_u64, 3..7_u64], 1..4);
    let job = (
        [0..6_u64, 0..6_u64],
        1..4_u32,
        0..16_usize,
        1..9_usize,
        0..5_usize,
        0..4_i32,
    );
    let job = job.prop_map(|(size, members, arrives, runs, more, priority)| Small {
        size: if size == [0, 0] { [1, 0] } else { size },
        members,
        arrives,
        expected: runs + more,
        runs,
        priority,
    });
    let jobs = proptest::collection::vec(job, 1..20);
    (nodes, jobs).prop_map(|(nodes, jobs)| Case { nodes, jobs })
}

fn at(second: usize) -> Timestamp {
    Timestamp::ZERO + seconds(second)
}

fn seconds(second: usize) -> Duration {
    Duration::from_secs(second as u64)
}

impl Case {
    /// The same with one member a job.
    pub(crate) fn without_gangs(mut self) -> Self {
        self.jobs.iter_mut().for_each(|job| job.members = 1);
        self
    }

    /// The same with estimates that every other job may outstay.
    pub(crate) fn with_short_estimates(mut self) -> Self {
        for job in self.jobs.iter_mut().step_by(2) {
            job.expected = (job.runs / 3).max(1);
        }
        self
    }

    /// A ledger with these nodes.
    pub(crate) fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::new();
        for (n, node) in self.nodes.iter().enumerate() {
            let node = Resource::node(format!("n{n}")).capacity([cores(node[0]), bytes(node[1])]);
            let node = node.build().expect("a node of the case is legal");
            let added = ledger.add(node, Timestamp::ZERO);
            added.expect("its name is free");
        }
        ledger
    }

    /// These jobs as requests.
    pub(crate) fn jobs(&self) -> Vec<Job> {
        let job = |(n, job): (usize, &Small)| {
            let [cpu, memory] = job.size;
            let amounts = [cores(cpu), bytes(memory)];
            let amounts = amounts.into_iter().filter(|quantity| quantity.amount() > 0);
            let request = Request::new(format!("job-{n}"))
                .parts(job.members, amounts)
                .expected(seconds(job.expected))
                .priority(job.priority);
            Job {
                request: request.build().expect("a job of the case is legal"),
                arrives: at(job.arrives),
                runs: seconds(job.runs),
            }
        };
        self.jobs.iter().enumerate().map(job).collect()
    }

    /// Whether a job would fit if nobody else were there.
    pub(crate) fn fits_when_empty(&self, job: usize) -> bool {
        let job = &self.jobs[job];
        let times = |node: &Size| {
            let kinds = node.iter().zip(&job.size).filter(|(_, size)| **size > 0);
            kinds.map(|(free, size)| free / size).min().unwrap_or(0)
        };
        self.nodes.iter().map(times).sum::<u64>() >= u64::from(job.members)
    }
}

/// What is taken of every node in every second.
#[derive(Clone)]
struct Grid(Vec<Vec<Size>>);

impl Grid {
    fn new(case: &Case) -> Self {
        Self(vec![vec![[0, 0]; END]; case.nodes.len()])
    }

    fn fits(&self, case: &Case, job: &Small, node: usize, start: usize) -> bool {
        let limit = case.nodes[node];
        let seconds = self.0[node][start..].iter().take(job.expected);
        seconds
            .into_iter()
            .all(|used| (0..2).all(|k| used[k] + job.size[k] <= limit[k]))
    }

    /// The first node on which it fits.
    fn node(&self, case: &Case, job: &Small, start: usize) -> Option<usize> {
        (0..case.nodes.len()).find(|node| self.fits(case, job, *node, start))
    }

    fn take(&mut self, job: &Small, node: usize, start: usize, until: usize) {
        for used in &mut self.0[node][start..until.min(END)] {
            (0..2).for_each(|k| used[k] += job.size[k]);
        }
    }
}

/// When each job starts, second by second.
pub(crate) fn oracle(case: &Case, order: Order, mode: Mode) -> Vec<Option<Timestamp>> {
    let requests = case.jobs();
    let mut placed: Vec<Option<(usize, usize)>> = vec![None; case.jobs.len()];
    for now in 0..END / 2 {
        let mut grid = Grid::new(case);
        for (job, place) in case.jobs.iter().zip(&placed) {
            let Some((node, start)) = place.filter(|(_, start)| start + job.runs > now) else {
                continue;
            };
            grid.take(job, node, now, start + job.expected);
        }
        let mut queue: Vec<usize> = (0..case.jobs.len())
            .filter(|n| {
                case.jobs[*n].arrives <= now && placed[*n].is_none() && case.fits_when_empty(*n)
            })
            .collect();
        let key = |n: usize| order.rank(&requests[n].request, requests[n].arrives);
        queue.sort_by(|a, b| {
            key(*a)
                .cmp(&key(*b))
                .then(case.jobs[*a].arrives.cmp(&case.jobs[*b].arrives))
                .then(a.cmp(b))
        });
        look(case, &queue, mode, now, &mut grid, &mut placed);
    }
    placed
        .iter()
        .map(|place| place.map(|(_, start)| at(start)))
        .collect()
}

fn look(
    case: &Case,
    queue: &[usize],
    mode: Mode,
    now: usize,
    grid: &mut Grid,
    placed: &mut [Option<(usize, usize)>],
) {
    let reservations = match mode {
        Mode::Conservative { depth } => depth,
        _ => 1,
    };
    let mut reserved = Vec::new();
    for n in queue {
        let job = &case.jobs[*n];
        let early = mode != Mode::Shadow
            || reserved
                .first()
                .is_none_or(|head| now + job.expected < *head);
        if let Some(node) = grid.node(case, job, now).filter(|_| early) {
            grid.take(job, node, now, now + job.expected);
            placed[*n] = Some((node, now));
        } else if mode == Mode::Strict {
            return;
        } else if reserved.len() < reservations {
            let start = (now..END - 20).find(|start| grid.node(case, job, *start).is_some());
            let start = start.expect("it fits when all have left");
            let node = grid.node(case, job, start).expect("it was just found");
            grid.take(job, node, start, start + job.expected);
            reserved.push(start);
        }
    }
}
