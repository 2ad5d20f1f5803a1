//! The resource optimiser against exact percentiles, under steady and changing use, and beside the reference system's rule.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod advice;
mod baseline;
mod rules;

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::FunctionId;
use cloudlot_serverless::rightsize::{Fate, Optimiser, RightsizeConfig, Size, Usage};
use std::time::Duration;

pub(crate) const F: FunctionId = FunctionId::new(0);
pub(crate) const ROOMY: Size = Size {
    memory: Bytes::mib(2048),
    millicores: 2000,
};

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::ZERO + Duration::from_secs(seconds)
}

/// A call of a second.
pub(crate) fn usage(seconds: u64, kib: u64, millicores: u64, size: Size) -> Usage {
    Usage {
        function: F,
        at: at(seconds),
        peak: Bytes::kib(kib),
        cpu: Duration::from_millis(millicores),
        wall: Duration::from_secs(1),
        fate: Fate::Finished,
        size,
    }
}

pub(crate) fn optimiser(config: RightsizeConfig) -> Optimiser {
    Optimiser::new(config).unwrap()
}

/// Numbers from 0 up to `below`, out of a seed.
pub(crate) fn draw(state: &mut u64, below: u64) -> u64 {
    // SplitMix64.
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) % below
}
