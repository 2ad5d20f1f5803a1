//! The state of a generator, as words.

use rand_xoshiro::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

use super::CheckpointError;
use super::hex::Packed;
use crate::Stream;

/// The four words of a generator.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Words(Packed<u64>);

/// How the generator shows its words: through serde alone.
#[derive(Deserialize)]
struct Inner {
    s: [u64; 4],
}

impl Words {
    pub(crate) fn of(stream: &Stream) -> Self {
        let inner: Inner = serde_json::to_value(stream)
            .and_then(serde_json::from_value)
            .expect("the generator serialises as its four words");
        Self(Packed(inner.s.to_vec()))
    }

    /// The generator in this state; `number` is for the refusal.
    pub(crate) fn stream(&self, number: usize) -> Result<Stream, CheckpointError> {
        let words = &self.0.0;
        if words.len() != 4 {
            return Err(CheckpointError::Length {
                what: "words of a generator",
                found: words.len(),
                expected: 4,
            });
        }
        // All words zero is the one state that never changes; the generator itself would quietly
        // take another one.
        if words.iter().all(|&word| word == 0) {
            return Err(CheckpointError::Stream(number));
        }
        let mut seed = <Stream as SeedableRng>::Seed::default();
        for (place, word) in seed.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        Ok(Stream::from_seed(seed))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::Rng;

    use super::*;

    proptest! {
        #[test]
        fn a_generator_goes_on_where_it_was(root in any::<u64>(), drawn in 0_u32..50) {
            let mut stream = crate::stream(root, 3);
            for _ in 0..drawn {
                stream.next_u64();
            }
            let mut back = Words::of(&stream).stream(0)?;
            prop_assert_eq!(&back, &stream);
            prop_assert_eq!(back.next_u64(), stream.next_u64());
        }
    }

    #[test]
    fn a_generator_that_stands_still_is_refused() {
        let still = Words(Packed(vec![0; 4]));
        assert!(matches!(still.stream(5), Err(CheckpointError::Stream(5))));
        let short = Words(Packed(vec![1; 3]));
        assert!(matches!(
            short.stream(0),
            Err(CheckpointError::Length { found: 3, .. })
        ));
    }
}
