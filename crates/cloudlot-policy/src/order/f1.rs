//! Small, short and early jobs first: a rule that was found by simulation.

use super::{Order, Precedence, Rank};
use cloudlot_core::{Kind, Need, Quantities, Request, Timestamp};

/// The least `log10(r) × n + 870 × log10(s)` first, with the estimate r and the arrival s in seconds, and n processors: small and short
/// before large and long, and early before late, so that nobody waits for ever. One without an estimate comes last.
///
/// Times below a second count a tenth of one, as in the simulator behind "RLScheduler" (SC20), and processors are whole cores, rounded up.
///
/// Source: Carastan-Santos and de Camargo, "Obtaining dynamic scheduling policies with simulation and machine learning", SC17,
/// table 3.
/// ```
/// # use cloudlot_core::{Request, Timestamp, cores};
/// # use cloudlot_policy::order::{F1, Order, Rank};
/// # use std::time::Duration;
/// let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
/// let job = Request::new("job").part([cores(16)]).expected(Duration::from_secs(100)).build()?;
/// // 2 × 16 + 870 × 3, in parts of 2^32.
/// assert_eq!(F1.rank(&job, at(1_000)), Rank(2_642 << 32));
/// # Ok::<(), cloudlot_core::Faults>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct F1;

/// How finely ranks tell jobs apart.
const ONE: f64 = 4_294_967_296.0;

impl Order for F1 {
    fn name(&self) -> &str {
        "f1"
    }

    fn rank(&self, request: &Request, since: Timestamp) -> Rank {
        let Some(length) = request.expected() else {
            return Rank(i128::MAX);
        };
        let size = log(length.as_secs_f64()) * processors(request);
        let value = (size + 870.0 * log(since.as_secs_f64())) * ONE;
        Rank(whole(value))
    }

    fn precedence(&self) -> Precedence {
        Precedence::Rank
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "at most 2^64 processors times 20 decimals times 2^32: far below 2^127; a cast saturates besides"
)]
fn whole(value: f64) -> i128 {
    value.round() as i128
}

fn log(seconds: f64) -> f64 {
    if seconds < 1.0 { -1.0 } else { seconds.log10() }
}

/// Whole cores that the request asks for in all.
fn processors(request: &Request) -> f64 {
    let cpu = |quantities: &Quantities| {
        let cpu = quantities
            .iter()
            .find(|quantity| quantity.kind().well_known() == Some(Kind::CPU));
        cpu.map_or(0, |quantity| quantity.amount().div_ceil(1_000))
    };
    let total: u64 = match request.need() {
        Need::Parts(parts) => parts
            .iter()
            .map(|part| cpu(&part.amounts).saturating_mul(part.count.into()))
            .fold(0, u64::saturating_add),
        Need::Elastic { most, .. } => cpu(most),
    };
    total as f64
}
