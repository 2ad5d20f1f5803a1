//! Who waits for whom: parties that hold what others wait for, round in a circle.
//!
//! A waiting request of this crate holds nothing, so its own queue cannot close a circle. Workflows that keep one grant
//! while they wait for the next can; this finds them.
//!
//! Source: strongly connected components by R. Tarjan, "Depth-first search and linear graph algorithms", SIAM J.
//! Comput. 1 (2), 1972; wait-for graphs by E. G. Coffman, M. J. Elphick, A. Shoshani, "System deadlocks", ACM Computing
//! Surveys 3 (2), 1971. A circle is necessary for a deadlock; where a thing has many holders, of whom one outside the
//! circle may give it back, it is not sufficient.

use std::collections::BTreeMap;
use std::collections::VecDeque;

/// Who holds what, and who waits for what.
#[derive(Clone, Debug)]
pub struct WaitFor<P, T> {
    holds: Vec<(P, T)>,
    waits: Vec<(P, T)>,
}

/// Parties that can reach each other along waiting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Knot<P, T> {
    /// All of them, in order.
    pub parties: Vec<P>,
    /// A shortest circle through the first party: each waits for the thing beside it, which the next one holds, and the
    /// last one's thing is held by the first.
    pub circle: Vec<(P, T)>,
}

impl<P: Ord + Clone, T: Ord + Clone> WaitFor<P, T> {
    /// Nobody holds and nobody waits.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            holds: Vec::new(),
            waits: Vec::new(),
        }
    }

    /// A party holds something.
    pub fn holds(&mut self, party: P, thing: T) {
        self.holds.push((party, thing));
    }

    /// A party waits for something.
    pub fn waits(&mut self, party: P, thing: T) {
        self.waits.push((party, thing));
    }

    /// All circles of hold and wait: the components of two or more parties, and whoever waits for what it alone holds.
    /// In the order of their first parties; the order in which things were said has no say.
    ///
    /// Cost: linear in what was said, after sorting it; no recursion.
    ///
    /// ```
    /// use cloudlot_policy::contention::WaitFor;
    ///
    /// let mut graph = WaitFor::new();
    /// graph.holds("a", "disk");
    /// graph.waits("a", "gpu");
    /// graph.holds("b", "gpu");
    /// assert_eq!(graph.knots(), []);
    /// graph.waits("b", "disk");
    /// assert_eq!(graph.knots()[0].circle, [("a", "gpu"), ("b", "disk")]);
    /// ```
    #[must_use]
    pub fn knots(&self) -> Vec<Knot<P, T>> {
        let graph = Graph::of(self);
        let mut found: Vec<Vec<usize>> = components(&graph.next)
            .into_iter()
            .map(|mut component| {
                component.retain(|node| *node < graph.parties.len());
                component.sort_unstable();
                component
            })
            .filter(|parties| match parties[..] {
                [] => false,
                [one] => graph.blocks_itself(one),
                _ => true,
            })
            .collect();
        found.sort_unstable();
        found.iter().map(|parties| graph.knot(parties)).collect()
    }
}

impl<P: Ord + Clone, T: Ord + Clone> Default for WaitFor<P, T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Parties first, then things; from a party to what it waits for, from a thing to who holds it.
struct Graph<'a, P, T> {
    parties: Vec<&'a P>,
    things: Vec<&'a T>,
    next: Vec<Vec<usize>>,
}

fn numbered<'a, K: Ord>(all: impl Iterator<Item = &'a K>) -> (Vec<&'a K>, BTreeMap<&'a K, usize>) {
    let mut list: Vec<&K> = all.collect();
    list.sort_unstable();
    list.dedup();
    let places = list.iter().enumerate().map(|(place, key)| (*key, place));
    let places = places.collect();
    (list, places)
}

impl<'a, P: Ord + Clone, T: Ord + Clone> Graph<'a, P, T> {
    fn of(said: &'a WaitFor<P, T>) -> Self {
        let all = || said.holds.iter().chain(&said.waits);
        let (parties, party_at) = numbered(all().map(|(party, _)| party));
        let (things, thing_at) = numbered(all().map(|(_, thing)| thing));
        let mut next = vec![Vec::new(); parties.len() + things.len()];
        for (party, thing) in &said.waits {
            next[party_at[party]].push(parties.len() + thing_at[thing]);
        }
        for (party, thing) in &said.holds {
            next[parties.len() + thing_at[thing]].push(party_at[party]);
        }
        for list in &mut next {
            list.sort_unstable();
            list.dedup();
        }
        Self {
            parties,
            things,
            next,
        }
    }

    fn blocks_itself(&self, party: usize) -> bool {
        self.next[party]
            .iter()
            .any(|thing| self.next[*thing] == [party])
    }

    fn knot(&self, parties: &[usize]) -> Knot<P, T> {
        let path = self.shortest_circle(parties[0]);
        let named = |pair: &[usize]| {
            let thing = self.things[pair[1] - self.parties.len()];
            (self.parties[pair[0]].clone(), thing.clone())
        };
        Knot {
            parties: parties
                .iter()
                .map(|party| self.parties[*party].clone())
                .collect(),
            circle: path.chunks(2).map(named).collect(),
        }
    }

    /// Parties and things in turn, of a shortest circle through a party: of itself alone if it blocks itself.
    fn shortest_circle(&self, start: usize) -> Vec<usize> {
        let alone = |thing: &usize| self.next[*thing] == [start];
        if let Some(thing) = self.next[start].iter().find(|thing| alone(thing)) {
            return vec![start, *thing];
        }
        let held = |thing: usize| self.next[thing].binary_search(&start).is_ok();
        let mut before = vec![usize::MAX; self.next.len()];
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            for &to in &self.next[node] {
                // What it shares with another one is no way back at the first step.
                if node != start && node < self.parties.len() && held(to) {
                    return way_back(&before, start, node, to);
                }
                if to != start && before[to] == usize::MAX {
                    before[to] = node;
                    queue.push_back(to);
                }
            }
        }
        unreachable!("every party of a component can reach itself")
    }
}

fn way_back(before: &[usize], start: usize, end: usize, last: usize) -> Vec<usize> {
    let mut path = vec![last, end];
    let mut at = end;
    while at != start {
        at = before[at];
        path.push(at);
    }
    path.reverse();
    path
}

/// Where a depth-first walk stands in one node.
struct Frame {
    node: usize,
    edge: usize,
}

/// The strongly connected components, each once, with a stack of our own.
fn components(next: &[Vec<usize>]) -> Vec<Vec<usize>> {
    const NEW: usize = usize::MAX;
    let mut found = Vec::new();
    let mut order = vec![NEW; next.len()];
    let mut low = vec![0; next.len()];
    let mut open = vec![false; next.len()];
    let mut stack = Vec::new();
    let mut count = 0;
    for root in 0..next.len() {
        if order[root] != NEW {
            continue;
        }
        let mut walk = vec![Frame {
            node: root,
            edge: 0,
        }];
        while let Some(Frame { node, edge }) = walk.last_mut() {
            let at = *node;
            if *edge == 0 {
                (order[at], low[at], open[at]) = (count, count, true);
                count += 1;
                stack.push(at);
            }
            let to = next[at].get(*edge).copied();
            *edge += 1;
            match to {
                Some(to) if order[to] == NEW => walk.push(Frame { node: to, edge: 0 }),
                Some(to) if open[to] => low[at] = low[at].min(order[to]),
                Some(_) => {}
                None => {
                    walk.pop();
                    if let Some(above) = walk.last() {
                        low[above.node] = low[above.node].min(low[at]);
                    }
                    if low[at] == order[at] {
                        let from = stack.iter().rposition(|node| *node == at);
                        let component = stack.split_off(from.expect("it is still on the stack"));
                        component.iter().for_each(|node| open[*node] = false);
                        found.push(component);
                    }
                }
            }
        }
    }
    found
}
