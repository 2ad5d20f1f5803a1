//! The ledger's hot path: reserve, confirm, release, with a million reservations live.
//!
//! Each cycle reserves one part of two kinds on a random node, confirms it, and releases a reservation drawn at random
//! from all live ones, so that their number stays. Beside it stands what memory alone costs: one touch of a reservation
//! drawn at random from as many.

use cloudlot_benches::cluster::World;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

const LIVE: usize = 1_000_000;

fn cycles(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ledger");
    group.throughput(Throughput::Elements(1));
    group.measurement_time(Duration::from_secs(3));
    group.sample_size(20);
    for nodes in [10, 1_000, 100_000] {
        for keys in [false, true] {
            let name = if keys { "cycle-with-key" } else { "cycle" };
            let mut world = World::open_ended(nodes, LIVE, keys);
            group.bench_function(BenchmarkId::new(name, nodes), |bench| {
                bench.iter_custom(|cycles| world.time(cycles));
            });
        }
    }
    let mut timed = World::timed(100);
    group.bench_function("cycle-on-100-timed-claims", |bench| {
        bench.iter_custom(|cycles| timed.time(cycles))
    });
    // What a cycle cannot do without: bringing one reservation from memory, in two cache lines.
    let mut touched = vec![[0_u64; 16]; LIVE];
    let mut at = 1_usize;
    group.bench_function("bound-one-cold-reservation", |bench| {
        bench.iter(|| {
            at = at
                .wrapping_mul(0x5851_f42d_4c95_7f2d)
                .wrapping_add(0x1405_7b7e_f767_814f);
            let place = (at >> 20) % LIVE;
            touched[place][0] = touched[place][0].wrapping_add(black_box(1));
            touched[place][15] = touched[place][0];
        });
    });
    group.finish();
}

criterion_group!(benches, cycles);
criterion_main!(benches);
