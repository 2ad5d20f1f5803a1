//! A hash of a request that stays the same from version to version.

use super::Body;

/// The hash of everything but the key.
pub(super) fn digest(body: &Body) -> u64 {
    u64::from(body.priority.0.unsigned_abs())
}
