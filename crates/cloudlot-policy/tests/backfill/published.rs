//! A published experiment, to the last digit, and our modes on its trace.

use crate::lublin;

use cloudlot_policy::backfill::{Head, Instant, Job, Mode, Order, Rules};

const ORDERS: [Order; 3] = [Order::Fcfs, Order::Sjf, Order::F1];

const CONSERVATIVE: Mode = Mode::Conservative { depth: usize::MAX };

/// The mean bounded slowdown of the first sequences under FCFS, SJF and F1.
fn slowdowns(trace: &[Job], sequences: usize, rules: impl Fn(Order) -> Rules) -> [f64; 3] {
    ORDERS.map(|order| {
        let chosen = lublin::sequences(trace).take(sequences);
        let all: Vec<f64> = chosen
            .map(|jobs| lublin::slowdown(jobs, &lublin::run(jobs, &rules(order))))
            .collect();
        all.iter().sum::<f64>() / all.len() as f64
    })
}

/// As in the published experiment.
fn published(order: Order, mode: Mode) -> Rules {
    Rules {
        head: Head::Kept,
        instant: Instant::OneByOne,
        behind: (mode == Mode::Shadow).then_some(Order::Fcfs),
        ..Rules::new(order, mode)
    }
}

#[test]
fn the_published_table_comes_out_to_the_last_digit() {
    let Some(trace) = lublin::trace() else { return };
    let digits = |mode| {
        let all = slowdowns(&trace, 10, |order| published(order, mode));
        all.map(|n| format!("{n:.2}"))
    };
    assert_eq!(digits(Mode::Strict), ["7273.77", "277.35", "258.37"]);
    assert_eq!(digits(Mode::Shadow), ["235.82", "73.31", "75.07"]);
}

#[test]
fn backfill_on_the_published_trace_keeps_the_order_of_the_rules() {
    let Some(trace) = lublin::trace() else { return };
    for mode in [Mode::Easy, CONSERVATIVE] {
        let [fcfs, sjf, f1] = slowdowns(&trace, 2, |order| Rules::new(order, mode));
        assert!(fcfs > sjf && sjf > f1, "{mode:?}: {fcfs} {sjf} {f1}");
        assert!(f1 < 58.6, "{mode:?}: {f1}");
    }
}
