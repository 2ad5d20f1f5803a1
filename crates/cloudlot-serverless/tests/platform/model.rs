//! A naive model of one function on a clock that visits every nanosecond, and that the platform does the same.

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::sim::{FixedStart, Simulation};
use cloudlot_serverless::{
    Arrival, Binding, FixedWindow, Function, FunctionId, Platform, Record, Reuse, Settings, Sink,
};
use proptest::prelude::*;
use std::num::NonZeroU32;
use std::time::Duration;

struct Case {
    binding: Binding,
    reuse: Reuse,
    start: u64,
    window: u64,
    most: Option<u32>,
    /// When each comes, and how long it runs.
    calls: Vec<(u64, u64)>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Is {
    Starting {
        until: u64,
        order: u64,
        own: Option<usize>,
    },
    Busy {
        until: u64,
        order: u64,
    },
    Idle {
        since: u64,
    },
    Gone,
}

#[derive(Default)]
struct Model {
    instances: Vec<Is>,
    /// Idle ones in the order of the set.
    idle: Vec<usize>,
    queue: Vec<usize>,
    order: u64,
    starts: u64,
    held: u64,
    /// When each call began, and whether cold.
    began: Vec<Option<(u64, bool)>>,
}

impl Model {
    fn play(case: &Case) -> Self {
        let mut model = Self {
            began: vec![None; case.calls.len()],
            ..Self::default()
        };
        let last = case
            .calls
            .iter()
            .map(|call| call.0 + call.1)
            .max()
            .unwrap_or(0);
        let runs: u64 = case.calls.iter().map(|call| call.1 + case.start).sum();
        let mut next = 0;
        for now in 0..=last + runs + case.start + case.window {
            loop {
                if model.report(case, now) {
                    continue;
                }
                if case.calls.get(next).is_none_or(|call| call.0 != now) {
                    break;
                }
                model.arrive(case, next, now);
                next += 1;
            }
            model.expire(case, now);
        }
        model
    }

    /// The first thing that ends now: starts before runs.
    fn report(&mut self, case: &Case, now: u64) -> bool {
        let starting = |is: &Is| match *is {
            Is::Starting { until, order, .. } if until == now => Some(order),
            _ => None,
        };
        let busy = |is: &Is| match *is {
            Is::Busy { until, order } if until == now => Some(order),
            _ => None,
        };
        let first = |key: &dyn Fn(&Is) -> Option<u64>| {
            let due = self.instances.iter().enumerate();
            due.filter_map(|(index, is)| key(is).map(|order| (order, index)))
                .min()
        };
        let Some((_, index)) = first(&starting).or_else(|| first(&busy)) else {
            return false;
        };
        let (own, cold) = match self.instances[index] {
            Is::Starting { own, .. } => (own, true),
            _ => (None, false),
        };
        if let Some(call) = own {
            self.run(case, call, index, now, true);
        } else if self.queue.is_empty() {
            self.instances[index] = Is::Idle { since: now };
            self.idle.push(index);
        } else {
            let call = self.queue.remove(0);
            self.run(case, call, index, now, cold);
        }
        true
    }

    fn run(&mut self, case: &Case, call: usize, index: usize, now: u64, cold: bool) {
        self.order += 1;
        self.began[call] = Some((now, cold));
        let until = now + case.calls[call].1;
        self.instances[index] = Is::Busy {
            until,
            order: self.order,
        };
    }

    fn arrive(&mut self, case: &Case, call: usize, now: u64) {
        let idle = match case.reuse {
            Reuse::ArrayFirst => (!self.idle.is_empty()).then(|| self.idle.swap_remove(0)),
            Reuse::LeastRecent => (!self.idle.is_empty()).then(|| self.idle.remove(0)),
            _ => self.idle.pop(),
        };
        if let Some(index) = idle {
            if let Is::Idle { since } = self.instances[index] {
                self.held += now - since;
            }
            return self.run(case, call, index, now, false);
        }
        let alive = self.instances.iter().filter(|is| **is != Is::Gone).count();
        let room = case.most.is_none_or(|most| alive < most as usize);
        let spare = self
            .instances
            .iter()
            .filter(|is| matches!(is, Is::Starting { own: None, .. }))
            .count();
        let wants = case.binding != Binding::LateShared || spare <= self.queue.len();
        if !(room && wants) {
            return self.queue.push(call);
        }
        self.order += 1;
        self.starts += 1;
        let own = (case.binding == Binding::Early).then_some(call);
        if own.is_none() {
            self.queue.push(call);
        }
        self.instances.push(Is::Starting {
            until: now + case.start,
            order: self.order,
            own,
        });
    }

    fn expire(&mut self, case: &Case, now: u64) {
        let mut index = 0;
        while index < self.idle.len() {
            let instance = self.idle[index];
            match self.instances[instance] {
                Is::Idle { since } if since + case.window <= now => {
                    self.held += now - since;
                    self.instances[instance] = Is::Gone;
                    match case.reuse {
                        Reuse::ArrayFirst => self.idle.swap_remove(index),
                        _ => self.idle.remove(index),
                    };
                }
                _ => index += 1,
            }
        }
    }
}

/// When each call began and whether cold, by number.
struct Began(Vec<Option<(u64, bool)>>);

impl Sink for Began {
    fn call(&mut self, record: &Record) {
        let index = usize::try_from(record.call.number()).expect("few calls");
        let started = record.started.expect("nothing goes wrong");
        self.0[index] = Some((started.as_nanos(), record.cold));
    }
}

fn same(case: &Case) -> Result<(), TestCaseError> {
    let model = Model::play(case);
    let settings = Settings {
        binding: case.binding,
        reuse: case.reuse,
        ..Settings::DEFAULT
    };
    let mut platform = Platform::new(settings, FixedWindow(Duration::from_nanos(case.window)));
    let function = platform.add(Function {
        instances: case.most.and_then(NonZeroU32::new),
        ..Function::new(Bytes::new(1))
    });
    let arrivals = case.calls.iter().map(|&(at, runs)| Arrival {
        at: Timestamp::from_nanos(at),
        function,
        runs: Duration::from_nanos(runs),
    });
    let mut began = Began(vec![None; case.calls.len()]);
    let mut simulation = Simulation::new(FixedStart(Duration::from_nanos(case.start)));
    simulation.run(&mut platform, arrivals, &mut began);
    prop_assert_eq!(function, FunctionId::new(0));
    prop_assert_eq!(began.0, model.began);
    prop_assert_eq!(platform.totals().starts, model.starts);
    prop_assert_eq!(platform.totals().idle, u128::from(model.held));
    prop_assert_eq!((platform.instances(), platform.pending()), (0, 0));
    Ok(())
}

fn case() -> impl Strategy<Value = Case> {
    let bindings = [Binding::Early, Binding::Late, Binding::LateShared];
    (
        prop::sample::select(bindings.to_vec()),
        prop::sample::select(vec![
            Reuse::MostRecent,
            Reuse::ArrayFirst,
            Reuse::LeastRecent,
            Reuse::LeastLoaded,
        ]),
        0..6_u64,
        0..12_u64,
        prop::option::of(1..4_u32),
        prop::collection::vec((0..4_u64, 0..8_u64), 0..25),
    )
        .prop_map(|(binding, reuse, start, window, most, gaps)| {
            let mut at = 0;
            let calls = gaps.into_iter().map(|(gap, runs)| {
                at += gap;
                (at, runs)
            });
            Case {
                binding,
                reuse,
                start,
                window,
                most,
                calls: calls.collect(),
            }
        })
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            binding,
            reuse,
            start,
            window,
            most,
            calls,
        } = self;
        write!(
            f,
            "{binding:?} {reuse:?} start {start} window {window} most {most:?} {calls:?}"
        )
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]
    #[test]
    fn the_platform_does_what_the_naive_model_does(case in case()) {
        same(&case)?;
    }
}
