//! What a ledger does, counted rather than timed: allocations of each operation, and what bringing a view up to date
//! touches. Counts are the same on every machine.

use cloudlot_benches::cluster::World;
use cloudlot_core::ledger::{LedgerConfig, View};

fn main() {
    allocations();
    views();
}

/// Allocations of 10,000 cycles once everything has grown to its size.
fn allocations() {
    println!(
        "allocations in 10,000 cycles of reserve, confirm and release, 100,000 reservations live"
    );
    println!(
        "{:>10} {:>14} {:>14}",
        "resources", "without keys", "with keys"
    );
    for nodes in [10, 1_000, 100_000] {
        let counts = [false, true].map(|keys| {
            let mut world = World::open_ended(nodes, 100_000, keys);
            // The journal and the ring of ended keys fill up first.
            for _ in 0..200_000 {
                world.cycle();
            }
            allocation_counter::measure(|| (0..10_000).for_each(|_| world.cycle())).count_total
        });
        println!("{nodes:>10} {:>14} {:>14}", counts[0], counts[1]);
    }
    let mut timed = World::timed(100);
    (0..10_000).for_each(|_| timed.cycle());
    let count = allocation_counter::measure(|| (0..10_000).for_each(|_| timed.cycle())).count_total;
    println!("{:>10} {count:>14} {:>14}", "timed", "-");
}

/// What a view of 100,000 resources reads after so many changes.
fn views() {
    println!();
    println!("bringing a view of 100,000 resources up to date");
    println!(
        "{:>10} {:>10} {:>10} {:>12} {:>16}",
        "changes", "entries", "rows", "bytes", "bytes a change"
    );
    let config = LedgerConfig {
        journal: 1 << 18,
        ..LedgerConfig::default()
    };
    let mut world = World::with(config, 100_000, 0);
    let mut view = View::of(&world.ledger);
    for changes in [0, 1, 1_000, 100_000] {
        world.change(changes);
        let synced = view.sync(&world.ledger);
        assert!(!synced.recopied, "the journal is long enough");
        assert!(
            view.state() == world.ledger.state(),
            "the view shows the truth"
        );
        let each = synced.bytes.checked_div(changes as u64).unwrap_or(0);
        println!(
            "{changes:>10} {:>10} {:>10} {:>12} {each:>16}",
            synced.entries, synced.rows, synced.bytes
        );
    }
}
