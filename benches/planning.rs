//! What a cycle costs on a large host, beside the least it could cost: reading its sample once.

use cloudlot_benches::{INTERVAL, read_once, series};
use cloudlot_hv::memory::{GrantHistory, MemoryConfig, MemoryWindow, plan_memory};
use cloudlot_hv::pins::{PinConfig, PinHistory, plan_pins};
use cloudlot_hv::usage::CpuWindow;
use cloudlot_hv::{CycleReport, HostSample, HostUsage, Outcome};
use criterion::{Criterion, criterion_group, criterion_main};
use std::collections::BTreeMap;
use std::hint::black_box;

/// 4,000 vCPUs on 128 pCPUs, at random: the plan that makes the most moves comes first.
fn pins(criterion: &mut Criterion) {
    let samples = series(1_000, 128, 4, 1);
    let mut group = criterion.benchmark_group("pins/4000 vcpus on 128 pcpus");
    group.sample_size(20);
    group.bench_function("read the sample once", |b| {
        b.iter(|| read_once(black_box(&samples[3])))
    });
    let (window, usage) = watch(&samples);
    group.bench_function("samples to usage", |b| {
        b.iter_batched(
            || window.clone(),
            |mut window| window.push(black_box(&samples[3])),
            criterion::BatchSize::LargeInput,
        );
    });
    for (name, config) in [
        ("production", PinConfig::production()),
        ("course", PinConfig::course()),
    ] {
        let past = triggered(&usage, &config);
        let plan = plan_pins(&usage, &past, &config);
        println!("{name}: {} steps in one plan", plan.steps.len());
        group.bench_function(format!("plan, {name}"), |b| {
            b.iter(|| plan_pins(black_box(&usage), &past, &config));
        });
    }
    group.finish();
}

/// The window before the last sample, and the usage after it.
fn watch(samples: &[HostSample]) -> (CpuWindow, HostUsage) {
    let mut window = CpuWindow::new(PinConfig::production().estimate, INTERVAL);
    let (last, earlier) = samples.split_last().expect("a series has samples");
    earlier.iter().for_each(|sample| drop(window.push(sample)));
    let before = window.clone();
    (before, window.push(last))
}

/// A history in which the imbalance has lasted long enough to be acted on.
fn triggered(usage: &HostUsage, config: &PinConfig) -> PinHistory {
    let mut past = PinHistory::default();
    for number in 1..config.trigger_cycles.into() {
        let plan = plan_pins(usage, &past, config);
        let outcomes = vec![Outcome::NotAsked; plan.steps.len()];
        past.observe(
            usage,
            &CycleReport {
                number,
                at: usage.at,
                names: BTreeMap::new(),
                plan,
                outcomes,
            },
            config,
        );
    }
    past
}

/// 1,000 guests, half of them growing.
fn memory(criterion: &mut Criterion) {
    let samples = series(1_000, 128, 8, 1);
    let mut group = criterion.benchmark_group("memory/1000 guests");
    group.sample_size(20);
    let (last, earlier) = samples.split_last().expect("a series has samples");
    group.bench_function("read the sample once", |b| {
        b.iter(|| read_once(black_box(last)))
    });
    for (name, config) in [
        ("production", MemoryConfig::production()),
        ("course", MemoryConfig::course()),
    ] {
        let config = config.every(INTERVAL);
        let mut window = MemoryWindow::new(&config);
        earlier.iter().for_each(|sample| drop(window.push(sample)));
        group.bench_function(format!("samples to usage, {name}"), |b| {
            let push = |mut window: MemoryWindow| window.push(black_box(last));
            b.iter_batched(|| window.clone(), push, criterion::BatchSize::LargeInput);
        });
        let usage = window.push(last);
        let past = GrantHistory::new();
        println!(
            "{name}: {} steps in one plan",
            plan_memory(&usage, &past, &config).steps.len()
        );
        group.bench_function(format!("plan, {name}"), |b| {
            b.iter(|| plan_memory(black_box(&usage), &past, &config));
        });
    }
    group.finish();
}

criterion_group!(benches, pins, memory);
criterion_main!(benches);
