//! What may happen to pools, by chance.

use crate::world::*;
use cloudlot_policy::pool::{Leaving, Lending, Sizing};
use proptest::prelude::*;

/// What somebody does. Numbers choose among what there is, round and round.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Reserve {
        pool: usize,
        cores: u64,
        obtain: bool,
    },
    ReserveAnywhere {
        cores: u64,
    },
    ReservePast {
        member: usize,
        cores: u64,
    },
    Release {
        lease: usize,
    },
    ReleaseThroughAnother {
        lease: usize,
    },
    ReleasePast {
        foreign: usize,
    },
    Tick {
        demands: [Option<(u64, u64)>; 3],
    },
    CleanUp {
        pool: usize,
    },
    Lend {
        member: usize,
        to: usize,
    },
    Return {
        member: usize,
    },
    Drain {
        member: usize,
        why: Leaving,
    },
    Reopen {
        member: usize,
    },
    Remove {
        member: usize,
    },
    Add {
        pool: usize,
    },
    Fail {
        member: usize,
    },
    Mend {
        member: usize,
    },
    Resize {
        pool: usize,
        sizing: Sizing,
    },
    Wait {
        seconds: u64,
    },
}

fn sizing() -> impl Strategy<Value = Sizing> {
    prop_oneof![
        1 => (1..4_u32).prop_map(fixed),
        3 => (0..3_u32, 1..5_u32).prop_map(|(min, more)| dynamic(min, min + more)),
        3 => (0..3_u32, 1..5_u32).prop_map(|(core, more)| elastic(core, core + more)),
    ]
}

pub(crate) fn act() -> impl Strategy<Value = Act> {
    let n = 0..40_usize;
    let why = prop_oneof![
        Just(Leaving::Surplus),
        Just(Leaving::Reclaimed),
        Just(Leaving::Retired)
    ];
    let demand =
        || prop::option::weighted(0.8, (0..48_u64, prop_oneof![3 => Just(0), 1 => 0..20_u64]));
    prop_oneof![
        8 => (0..3_usize, 1..9_u64, any::<bool>()).prop_map(|(pool, cores, obtain)| Act::Reserve { pool, cores, obtain }),
        2 => (1..9_u64).prop_map(|cores| Act::ReserveAnywhere { cores }),
        2 => (n.clone(), 1..5_u64).prop_map(|(member, cores)| Act::ReservePast { member, cores }),
        8 => n.clone().prop_map(|lease| Act::Release { lease }),
        1 => n.clone().prop_map(|lease| Act::ReleaseThroughAnother { lease }),
        2 => n.clone().prop_map(|foreign| Act::ReleasePast { foreign }),
        8 => [demand(), demand(), demand()].prop_map(|demands| Act::Tick { demands }),
        1 => (0..3_usize).prop_map(|pool| Act::CleanUp { pool }),
        4 => (n.clone(), 0..3_usize).prop_map(|(member, to)| Act::Lend { member, to }),
        2 => n.clone().prop_map(|member| Act::Return { member }),
        2 => (n.clone(), why).prop_map(|(member, why)| Act::Drain { member, why }),
        1 => n.clone().prop_map(|member| Act::Reopen { member }),
        2 => n.clone().prop_map(|member| Act::Remove { member }),
        1 => (0..3_usize).prop_map(|pool| Act::Add { pool }),
        1 => n.clone().prop_map(|member| Act::Fail { member }),
        1 => n.prop_map(|member| Act::Mend { member }),
        1 => (0..3_usize, sizing()).prop_map(|(pool, sizing)| Act::Resize { pool, sizing }),
        4 => (1..50_u64).prop_map(|seconds| Act::Wait { seconds }),
    ]
}

/// A pool's sizing, and which way it lends.
pub(crate) fn pool() -> impl Strategy<Value = (Sizing, Lending)> {
    let lending = prop_oneof![
        4 => Just(Lending::Both),
        1 => Just(Lending::Lends),
        1 => Just(Lending::Borrows),
        1 => Just(Lending::Off),
    ];
    (sizing(), lending)
}
