//! Chance: a portable generator, one stream for each agent.
//!
//! Draws are made from the generator's words here, so that no result depends on how another
//! library turns words into numbers.

use rand::Rng;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

/// The generator of all examples and agents: the same words on every machine and in every version.
///
/// Source: Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators" (2021).
pub type Stream = Xoshiro256PlusPlus;

/// The stream of one agent: same root and number, same stream; others are unrelated.
///
/// ```
/// # use cloudlot_qlearn::stream;
/// assert_eq!(stream(7, 0), stream(7, 0));
/// assert_ne!(stream(7, 0), stream(7, 1));
/// ```
#[must_use]
pub fn stream(root: u64, agent: u64) -> Stream {
    Stream::seed_from_u64(mix(mix(root) ^ agent))
}

/// A number in [0, 1), in steps of 2⁻⁵³.
#[inline]
pub fn unit<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    let steps = unit_steps(rng) as f64;
    steps * (1.0 / UNIT_STEPS)
}

/// The numbers that [`unit`] draws among: 2⁵³.
pub(crate) const UNIT_STEPS: f64 = 9_007_199_254_740_992.0;

/// What [`unit`] draws, counted in its steps.
#[inline]
pub(crate) fn unit_steps<R: Rng + ?Sized>(rng: &mut R) -> u64 {
    rng.next_u64() >> 11
}

/// A whole number in [0, `count`); zero for an empty range. No number is preferred by more than 2⁻³².
#[inline]
pub fn below<R: Rng + ?Sized>(rng: &mut R, count: u32) -> u32 {
    let wide = (rng.next_u64() >> 32) * u64::from(count);
    u32::try_from(wide >> 32).unwrap_or(u32::MAX)
}

/// The finisher of SplitMix64. Source: Steele, Lea, Flood (2014).
pub(crate) fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
