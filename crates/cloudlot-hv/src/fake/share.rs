//! Weighted max-min division of a pCPU (progressive filling).

/// One claim on what is divided.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) weight: u64,
    pub(super) most: u64,
}

/// Each claim's share; nobody gets more than it wants, and the rest goes to the others by weight.
/// Rounded down, so that the shares never exceed `total`.
pub(super) fn max_min(total: u64, claims: &[Claim]) -> Vec<u64> {
    let mut shares = vec![0; claims.len()];
    let mut open: Vec<usize> = (0..claims.len()).collect();
    open.sort_by(|&a, &b| {
        let (a, b) = (claims[a], claims[b]);
        (u128::from(a.most) * u128::from(b.weight))
            .cmp(&(u128::from(b.most) * u128::from(a.weight)))
    });
    let mut left = total;
    let mut weights: u64 = claims.iter().map(|claim| claim.weight).sum();
    for at in open {
        let claim = claims[at];
        let fair = u128::from(left) * u128::from(claim.weight) / u128::from(weights.max(1));
        shares[at] = claim.most.min(u64::try_from(fair).unwrap_or(u64::MAX));
        left -= shares[at];
        weights -= claim.weight;
    }
    shares
}
