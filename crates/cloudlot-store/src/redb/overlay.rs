//! A file whose changes stay in memory, so that a store can be opened, repaired and examined
//! while the file stays as it is.

use redb::StorageBackend;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const CHUNK: u64 = 4096;
const CHUNK_BYTES: usize = 4096;

/// Reads through to its base; writes, lengths and barriers end here. Locks are the base's.
#[derive(Debug)]
pub(super) struct Overlay {
    base: Arc<dyn StorageBackend>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    length: u64,
    /// The base counts up to here; what was cut off once reads as zeros.
    base_length: u64,
    /// By number.
    chunks: BTreeMap<u64, Box<[u8; CHUNK_BYTES]>>,
}

impl Overlay {
    pub(super) fn over(base: Arc<dyn StorageBackend>) -> io::Result<Self> {
        let length = base.len()?;
        let state = Mutex::new(State {
            length,
            base_length: length,
            chunks: BTreeMap::new(),
        });
        Ok(Self { base, state })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A chunk as the base has it, zeros behind its end.
    fn original(&self, number: u64, base_length: u64) -> io::Result<Box<[u8; CHUNK_BYTES]>> {
        let mut chunk = Box::new([0; CHUNK_BYTES]);
        let start = number * CHUNK;
        let there = base_length.saturating_sub(start).min(CHUNK);
        let there = usize::try_from(there).unwrap_or(CHUNK_BYTES);
        if there > 0 {
            self.base.read(start, &mut chunk[..there])?;
        }
        Ok(chunk)
    }
}

/// The parts of chunks that a range of bytes covers: number of the chunk, offset in it, length.
fn parts(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let mut at = offset;
    let mut left = length;
    std::iter::from_fn(move || {
        let inside = usize::try_from(at % CHUNK).ok()?;
        let taken = left.min(CHUNK_BYTES - inside);
        let part = (at / CHUNK, inside, taken);
        at += u64::try_from(taken).ok()?;
        left -= taken;
        (taken > 0).then_some(part)
    })
}

fn check_end(offset: u64, length: usize, limit: u64) -> io::Result<()> {
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    match offset.checked_add(length) {
        Some(end) if end <= limit => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().length)
    }

    fn read(&self, offset: u64, mut out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        check_end(offset, out.len(), state.length)?;
        for (number, inside, taken) in parts(offset, out.len()) {
            let (to, rest) = out.split_at_mut(taken);
            match state.chunks.get(&number) {
                Some(chunk) => to.copy_from_slice(&chunk[inside..inside + taken]),
                None => {
                    let chunk = self.original(number, state.base_length)?;
                    to.copy_from_slice(&chunk[inside..inside + taken]);
                }
            }
            out = rest;
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut state = self.state();
        if length < state.length {
            state.base_length = state.base_length.min(length);
            let kept = length.div_ceil(CHUNK);
            drop(state.chunks.split_off(&kept));
            if let Ok(inside) = usize::try_from(length % CHUNK)
                && inside > 0
                && let Some(last) = state.chunks.get_mut(&(length / CHUNK))
            {
                last[inside..].fill(0);
            }
        }
        state.length = length;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, mut data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        check_end(offset, data.len(), state.length)?;
        for (number, inside, taken) in parts(offset, data.len()) {
            let (from, rest) = data.split_at(taken);
            if !state.chunks.contains_key(&number) {
                let chunk = self.original(number, state.base_length)?;
                state.chunks.insert(number, chunk);
            }
            if let Some(chunk) = state.chunks.get_mut(&number) {
                chunk[inside..inside + taken].copy_from_slice(from);
            }
            data = rest;
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.base.close()
    }

    locks_of_base!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use redb::backends::InMemoryBackend;

    #[derive(Clone, Debug)]
    enum Step {
        Write(u64, Vec<u8>),
        Length(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let bytes = proptest::collection::vec(1..=u8::MAX, 1..6000);
        prop_oneof![
            (0..20_000_u64, bytes).prop_map(|(at, bytes)| Step::Write(at, bytes)),
            (0..20_000_u64).prop_map(Step::Length),
        ]
    }

    proptest! {
        #[test]
        fn it_reads_as_a_file_would_and_leaves_its_base_alone(
            start in proptest::collection::vec(1..=u8::MAX, 0..15_000),
            steps in proptest::collection::vec(step(), 0..12),
        ) {
            let base = Arc::new(InMemoryBackend::new());
            base.set_len(u64::try_from(start.len()).unwrap()).unwrap();
            base.write(0, &start).unwrap();
            let overlay = Overlay::over(Arc::clone(&base) as Arc<dyn StorageBackend>).unwrap();
            let mut model = start.clone();
            for step in steps {
                match step {
                    Step::Write(at, bytes) => {
                        let start = usize::try_from(at).unwrap();
                        let fits = start + bytes.len() <= model.len();
                        prop_assert_eq!(overlay.write(at, &bytes).is_ok(), fits);
                        if fits {
                            model[start..start + bytes.len()].copy_from_slice(&bytes);
                        }
                    }
                    Step::Length(length) => {
                        overlay.set_len(length).unwrap();
                        model.resize(usize::try_from(length).unwrap(), 0);
                    }
                }
                let mut read = vec![0; model.len()];
                overlay.read(0, &mut read).unwrap();
                prop_assert!(read == model);
                prop_assert!(overlay.read(1, &mut read).is_err() || read.is_empty());
            }
            let mut read = vec![0; start.len()];
            base.read(0, &mut read).unwrap();
            prop_assert!(read == start);
        }
    }
}
