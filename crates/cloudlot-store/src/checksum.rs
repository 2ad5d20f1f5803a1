//! CRC-32C over what is stored: it tells damage, not malice.
//!
//! The checksum of a record covers where it stands, so that two records that changed places are
//! noticed as much as a flipped bit. Any single flipped bit, and any burst of up to 32 bits,
//! changes it.

/// The checksum of `body` stored under `key` in `space`.
pub(crate) fn checksum(space: &str, key: &[u8], body: &[u8]) -> u32 {
    // The length keeps the end of a key from passing for the start of a body.
    let length = u64::try_from(key.len()).unwrap_or(u64::MAX).to_le_bytes();
    [&length, key, body]
        .into_iter()
        .fold(crc32c::crc32c(space.as_bytes()), crc32c::crc32c_append)
}

/// `body` with its checksum before it, as it is stored.
pub(crate) fn seal(space: &str, key: &[u8], body: &[u8]) -> Vec<u8> {
    let sum = checksum(space, key, body).to_le_bytes();
    [&sum[..], body].concat()
}

/// The body and its checksum, if they belong together and to this place.
pub(crate) fn unseal<'a>(space: &str, key: &[u8], stored: &'a [u8]) -> Option<(&'a [u8], u32)> {
    let (sum, body) = stored.split_first_chunk::<4>()?;
    let sum = u32::from_le_bytes(*sum);
    (sum == checksum(space, key, body)).then_some((body, sum))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_flipped_bit_or_another_place_is_noticed(
            key in proptest::collection::vec(any::<u8>(), 0..20),
            body in proptest::collection::vec(any::<u8>(), 0..200),
            bit in any::<prop::sample::Index>(),
        ) {
            let mut stored = seal("rec", &key, &body);
            prop_assert_eq!(unseal("rec", &key, &stored).map(|(body, _)| body), Some(&*body));
            prop_assert_eq!(unseal("key", &key, &stored), None);
            let other = [&key[..], b"x"].concat();
            prop_assert_eq!(unseal("rec", &other, &stored), None);
            prop_assert_eq!(unseal("rec", &key, &stored[..stored.len() - 1]), None);
            let bit = bit.index(stored.len() * 8);
            stored[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(unseal("rec", &key, &stored), None);
        }
    }

    #[test]
    fn the_checksum_is_the_one_of_the_standards() {
        // RFC 3720, section B.4: 32 bytes of zeros.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
    }
}
