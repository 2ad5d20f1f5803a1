//! The definitions, written down once more without regard to speed.

use super::world::{KINDS, NOW, Spec, World, direct};
use cloudlot_core::{Amounts, Priority};
use cloudlot_policy::accounts::Share;
use cloudlot_policy::quota::Candidate;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Whether the holders at each node can be given units of quota: a flow from what each node owns, up edges that lend and down
/// edges that borrow, to what is held.
pub(crate) fn assignment_exists(spec: &Spec, held: &[[u64; 2]]) -> bool {
    (0..2).all(|kind| flow_exists(spec, held, kind) && limits_hold(spec, held, kind))
}

fn flow_exists(spec: &Spec, held: &[[u64; 2]], kind: usize) -> bool {
    let nodes = spec.nodes();
    let (source, sink) = (nodes, nodes + 1);
    let mut room = vec![vec![0_u64; nodes + 2]; nodes + 2];
    for node in 0..nodes {
        let has = &spec.has[node][kind];
        room[source][node] = has.nominal;
        room[node][sink] = held[node][kind];
        if node > 0 {
            let kept = spec.total(node, kind) - has.guarantee;
            room[node][spec.parent[node]] = has.lend.unwrap_or(kept).min(kept);
            room[spec.parent[node]][node] = has.borrow.unwrap_or(1_000_000);
        }
    }
    let wanted: u64 = held.iter().map(|held| held[kind]).sum();
    let mut sent = 0;
    loop {
        let mut from = vec![usize::MAX; nodes + 2];
        let mut queue = VecDeque::from([source]);
        while let Some(at) = queue.pop_front() {
            for next in 0..nodes + 2 {
                if room[at][next] > 0 && from[next] == usize::MAX && next != source {
                    from[next] = at;
                    queue.push_back(next);
                }
            }
        }
        if from[sink] == usize::MAX {
            return sent == wanted;
        }
        let mut at = sink;
        while at != source {
            room[from[at]][at] -= 1;
            room[at][from[at]] += 1;
            at = from[at];
        }
        sent += 1;
    }
}

fn limits_hold(spec: &Spec, held: &[[u64; 2]], kind: usize) -> bool {
    fn taken(spec: &Spec, held: &[[u64; 2]], kind: usize, node: usize) -> u64 {
        let below: u64 = spec
            .children(node)
            .map(|child| taken(spec, held, kind, child))
            .sum();
        (held[node][kind] + below).max(spec.has[node][kind].guarantee)
    }
    (0..spec.nodes()).all(|node| {
        let limit = spec.has[node][kind].limit;
        limit.is_none_or(|limit| taken(spec, held, kind, node) <= limit)
    })
}

/// What a node imports of a kind.
fn imports(spec: &Spec, held: &[[u64; 2]], kind: usize, node: usize) -> i64 {
    let number = |n: u64| i64::try_from(n).unwrap();
    let below: i64 = spec
        .children(node)
        .map(|child| {
            let has = &spec.has[child][kind];
            let kept = spec.total(child, kind) - has.guarantee;
            let lendable = has.lend.unwrap_or(kept).min(kept);
            imports(spec, held, kind, child).max(-number(lendable))
        })
        .sum();
    number(held[node][kind]) - number(spec.has[node][kind].nominal) + below
}

/// What the holders at a node own: nothing of a pool for children.
fn own(spec: &Spec, kind: usize, node: usize) -> u64 {
    match node == 0 || spec.children(node).next().is_some() {
        true => 0,
        false => spec.has[node][kind].nominal,
    }
}

fn own_imports(spec: &Spec, held: &[[u64; 2]], kind: usize, node: usize) -> i64 {
    i64::try_from(held[node][kind]).unwrap() - i64::try_from(own(spec, kind, node)).unwrap()
}

/// A side of a node: a child, or the holders at the node itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Side {
    Child(usize),
    Own(usize),
}

impl Side {
    pub(crate) fn imports(self, spec: &Spec, held: &[[u64; 2]], kind: usize) -> i64 {
        match self {
            Self::Child(node) => imports(spec, held, kind, node),
            Self::Own(node) => own_imports(spec, held, kind, node),
        }
    }

    pub(crate) fn total(self, spec: &Spec, kind: usize) -> u64 {
        match self {
            Self::Child(node) => spec.total(node, kind),
            Self::Own(node) => own(spec, kind, node),
        }
    }

    fn depth(self, spec: &Spec) -> usize {
        match self {
            Self::Child(node) => spec.depth(node),
            Self::Own(node) => spec.depth(node) + 1,
        }
    }
}

/// The sides from a node up to below `above`, innermost first.
pub(crate) fn sides(spec: &Spec, node: usize, above: usize) -> Vec<Side> {
    let up = spec
        .up(node)
        .into_iter()
        .take_while(|level| *level != above);
    std::iter::once(Side::Own(node))
        .chain(up.map(Side::Child))
        .collect()
}

pub(crate) fn meeting(spec: &Spec, a: usize, b: usize) -> usize {
    let up = spec.up(b);
    *spec.up(a).iter().find(|node| up.contains(node)).unwrap()
}

/// For each side the reservations that are inside it.
pub(crate) fn inside(world: &World, live: &[Candidate]) -> BTreeMap<Side, BTreeSet<usize>> {
    let mut order: Vec<usize> = (0..live.len()).collect();
    order.sort_by_key(|n| (Reverse(live[*n].priority), live[*n].since));
    let mut sets = BTreeMap::new();
    let_in(world, live, &order, 0, &mut sets);
    sets
}

fn let_in(
    world: &World,
    live: &[Candidate],
    order: &[usize],
    node: usize,
    sets: &mut BTreeMap<Side, BTreeSet<usize>>,
) -> BTreeSet<usize> {
    let spec = &world.spec;
    let mut already = BTreeSet::new();
    for child in spec.children(node) {
        already.extend(let_in(world, live, order, child, sets));
    }
    let fill = |mut set: BTreeSet<usize>, side: Side, who: &dyn Fn(usize) -> bool| {
        let sizes = |n: usize| KINDS.map(|kind| live[n].amounts.get(kind));
        let mut sums = set.iter().fold([0, 0], |sums, n| {
            let more = sizes(*n);
            [sums[0] + more[0], sums[1] + more[1]]
        });
        for n in order.iter().copied().filter(|n| who(*n)) {
            let more = sizes(n);
            let fits = |kind: usize| sums[kind] + more[kind] <= side.total(spec, kind);
            if !set.contains(&n) && (0..2).all(|kind| more[kind] == 0 || fits(kind)) {
                set.insert(n);
                sums = [sums[0] + more[0], sums[1] + more[1]];
            }
        }
        set
    };
    let at = |n: usize| world.node_of(&live[n]);
    let own = fill(BTreeSet::new(), Side::Own(node), &|n| at(n) == node);
    already.extend(&own);
    sets.insert(Side::Own(node), own);
    let all = fill(already, Side::Child(node), &|n| {
        spec.up(at(n)).contains(&node)
    });
    sets.insert(Side::Child(node), all.clone());
    all
}

/// Φ: from the deepest level, from the highest priority, how much is inside.
pub(crate) fn phi(world: &World) -> Vec<BTreeMap<Reverse<Priority>, u64>> {
    let spec = &world.spec;
    let deepest = (0..spec.nodes())
        .map(|node| spec.depth(node))
        .max()
        .unwrap()
        + 1;
    let mut levels = vec![BTreeMap::new(); deepest];
    for level in &mut levels {
        for priority in 0..3 {
            level.insert(Reverse(Priority(priority)), 0);
        }
    }
    for (side, set) in inside(world, &world.live) {
        let depth = side.depth(spec);
        if depth > 0 {
            for n in set {
                let live = &world.live[n];
                let sum: u64 = live.amounts.iter().map(|(_, amount)| amount).sum();
                *levels[deepest - depth]
                    .get_mut(&Reverse(live.priority))
                    .unwrap() += sum;
            }
        }
    }
    levels
}

/// The share of a side, times six so that weights up to three divide it.
pub(crate) fn share(world: &World, held: &[[u64; 2]], side: Side) -> u128 {
    let spec = &world.spec;
    let dominant = |part: &dyn Fn(usize) -> Share| part(0).max(part(1));
    let borrows = (0..2).any(|kind| side.imports(spec, held, kind) > 0);
    if !borrows {
        return 0;
    }
    let now = dominant(&|kind| {
        let imports = u64::try_from(side.imports(spec, held, kind)).unwrap_or(0);
        Share::of(imports, spec.total(0, kind))
    });
    let mean = |node: usize, kind: usize| world.accounts.mean(world.own[node], KINDS[kind], NOW);
    let lately = dominant(&|kind| {
        let (node, own) = match side {
            Side::Child(node) => (node, false),
            Side::Own(node) => (node, true),
        };
        let below: f64 = spec.children(node).map(|child| mean(child, kind)).sum();
        let all = mean(node, kind) - if own { below } else { 0.0 };
        Share::of_mean(all - side.total(spec, kind) as f64, spec.total(0, kind))
    });
    let weight = match side {
        Side::Child(node) => spec.weight[node],
        Side::Own(_) => 1,
    };
    (u128::from(now.parts()) + u128::from(lately.parts())) * 6 / u128::from(weight)
}

/// Ψ: from the level below the root, the shares in ascending order.
pub(crate) fn psi(world: &World) -> Vec<Vec<u128>> {
    let spec = &world.spec;
    let held = world.direct();
    let deepest = (0..spec.nodes())
        .map(|node| spec.depth(node))
        .max()
        .unwrap()
        + 1;
    let mut levels = vec![Vec::new(); deepest];
    for node in 0..spec.nodes() {
        levels[spec.depth(node)].push(share(world, &held, Side::Own(node)));
        if node > 0 {
            levels[spec.depth(node) - 1].push(share(world, &held, Side::Child(node)));
        }
    }
    for level in &mut levels {
        level.sort_unstable();
    }
    levels
}

/// The sets of reservations that may be taken, by the definition: `fairly` with this priority, or what is one's own. The
/// fewest first, then those whose costliest is cheapest.
pub(crate) fn takings(
    world: &World,
    node: usize,
    ask: &Amounts,
    fairly: Option<Priority>,
) -> Option<Vec<cloudlot_core::ReservationId>> {
    let spec = &world.spec;
    let mut cheapest: Vec<usize> = (0..world.live.len()).collect();
    let before = world.direct();
    cheapest.sort_by_key(|n| {
        let live = &world.live[*n];
        let at = world.node_of(live);
        let side = *sides(spec, at, meeting(spec, node, at)).last().unwrap();
        // Of a fair taking the larger share gives first.
        let first = fairly.map_or(0, |_| share(world, &before, side));
        (
            Reverse(first),
            live.priority,
            Reverse(live.since),
            live.reservation,
        )
    });
    let with = |held: &[[u64; 2]], kinds: &dyn Fn(usize) -> bool| {
        let mut held = held.to_vec();
        for kind in (0..2).filter(|kind| kinds(*kind)) {
            held[node][kind] += ask.get(KINDS[kind]);
        }
        held
    };
    let short: Vec<usize> = (0..2)
        .filter(|kind| !assignment_exists(spec, &with(&before, &|other| other == *kind)))
        .collect();
    if short.is_empty() {
        return None;
    }
    let sets = inside(world, &world.live);
    // Nearest levels first, each by itself, if it is to be fair.
    let levels: Vec<Option<usize>> = match fairly {
        Some(_) => spec.up(node).into_iter().map(Some).collect(),
        None => vec![None],
    };
    for only in levels {
        let mut masks: Vec<u32> = (1..1_u32 << cheapest.len()).collect();
        // Of sets of one size the smaller number has the cheaper costliest member, and so on.
        masks.sort_by_key(|mask| (mask.count_ones(), *mask));
        for mask in masks {
            let taken: Vec<usize> = (0..cheapest.len())
                .filter(|n| mask & (1 << n) != 0)
                .map(|n| cheapest[n])
                .collect();
            let left = world
                .live
                .iter()
                .enumerate()
                .filter(|(n, _)| !taken.contains(n));
            let left: Vec<Candidate> = left.map(|(_, live)| live.clone()).collect();
            let after = direct(
                spec.nodes(),
                left.iter().map(|live| (world.node_of(live), &live.amounts)),
            );
            let full = with(&after, &|_| true);
            let right = taken.iter().all(|n| {
                let victim = &world.live[*n];
                let at = world.node_of(victim);
                if at == node
                    || !short
                        .iter()
                        .any(|kind| victim.amounts.get(KINDS[*kind]) > 0)
                {
                    return false;
                }
                let meeting = meeting(spec, node, at);
                let (x, v) = (sides(spec, node, meeting), sides(spec, at, meeting));
                let (x, ways, v) = (x[x.len() - 1], v.clone(), v[v.len() - 1]);
                let outside = !sets[&v].contains(n);
                let keeps = ways.iter().all(|side| {
                    let mut kinds = short
                        .iter()
                        .filter(|kind| victim.amounts.get(KINDS[**kind]) > 0);
                    kinds.all(|kind| side.imports(spec, &after, *kind) >= 0)
                });
                let may = match fairly {
                    None => (0..2)
                        .all(|kind| ask.get(KINDS[kind]) == 0 || x.imports(spec, &full, kind) <= 0),
                    Some(_) => {
                        only == Some(meeting)
                            && share(world, &before, x) < share(world, &full, x)
                            && share(world, &full, x) < share(world, &full, v)
                    }
                };
                outside && keeps && may
            });
            if !right || !assignment_exists(spec, &full) {
                continue;
            }
            if let (Some(priority), Some(meeting)) = (fairly, only) {
                let mut changed = world.clone();
                changed.live = left;
                changed.made += 1_000;
                changed.live.push(Candidate {
                    reservation: cloudlot_core::ReservationId::new(changed.made, 0),
                    owner: world.ids[node],
                    amounts: *ask,
                    priority,
                    since: cloudlot_core::Timestamp::MAX,
                });
                let now_inside = inside(&changed, &changed.live);
                let mut above = spec.up(meeting).into_iter().filter(|level| *level != 0);
                let stays = above.all(|level| {
                    let side = Side::Child(level);
                    let sums = |world: &World, set: &BTreeSet<usize>| {
                        let mut sums = [0; 3];
                        for n in set {
                            let live = &world.live[*n];
                            let sum: u64 = live.amounts.iter().map(|(_, amount)| amount).sum();
                            sums[usize::try_from(2 - live.priority.0).unwrap()] += sum;
                        }
                        sums
                    };
                    sums(&changed, &now_inside[&side]) >= sums(world, &sets[&side])
                        && share(world, &full, side) >= share(world, &before, side)
                });
                if !stays {
                    continue;
                }
            }
            return Some(
                cheapest
                    .iter()
                    .filter(|n| taken.contains(n))
                    .map(|n| world.live[*n].reservation)
                    .collect(),
            );
        }
    }
    None
}
