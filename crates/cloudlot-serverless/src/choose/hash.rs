//! Where a function is at home: an order of all hosts that is its own and hardly changes when hosts come and go.

use cloudlot_core::Seeds;

/// How much a function likes a host: the one it likes most is its home, the next where it goes when that is full.
///
/// A new host becomes the home of one function in n, and moves no other. Unlike on a ring, the functions that leave a
/// full host go to all the others rather than to one neighbour.
///
/// Source: Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit Rates" (1998), highest random weight.
pub(super) fn liking(function: u32, host: usize) -> u64 {
    // The mixer of the seeds is as good a hash as any, and the same on every machine.
    Seeds::new(u64::from(function))
        .part(host as u64)
        .stream("home")
}
