//! What can be saved, and how all of it is saved alike.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Checkpoint, CheckpointError, file};

/// What leaves a checkpoint, and goes on from it as if nothing had happened.
///
/// ```
/// # use cloudlot_qlearn::*;
/// let learner = Learner::new(Dense::new(2, 2, 0.0)?, Config::default())?;
/// let agent = Agent::new(learner, 7, 0);
/// let mut text = Vec::new();
/// agent.save(&mut text)?;
/// assert_eq!(Agent::load(&text[..], 10_000)?, agent);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Save: Sized {
    /// The plain data of the body.
    type Form: Serialize + DeserializeOwned;

    /// Everything that its future depends on.
    fn form(&self) -> Self::Form;

    /// What gave the form, to the bit.
    ///
    /// # Errors
    /// If nothing could have given it.
    fn from_form(form: Self::Form) -> Result<Self, CheckpointError>;

    /// A checkpoint for any serde format.
    fn checkpoint(&self) -> Checkpoint<Self::Form> {
        Checkpoint::of(self.form())
    }

    /// What left the checkpoint.
    ///
    /// # Errors
    /// If the checksum does not fit, or nothing could have left it.
    fn restore(checkpoint: Checkpoint<Self::Form>) -> Result<Self, CheckpointError> {
        Self::from_form(checkpoint.open()?)
    }

    /// Writes a checkpoint as JSON.
    ///
    /// # Errors
    /// If the writer fails.
    fn save(&self, to: &mut impl Write) -> Result<(), CheckpointError> {
        self.checkpoint().write(to)
    }

    /// Reads a checkpoint of at most `bytes_max` bytes, which ends where the reader does.
    ///
    /// Never takes more memory than some times the bytes that are there.
    ///
    /// # Errors
    /// If the reader fails, or the text is not what was saved.
    fn load(from: impl Read, bytes_max: u64) -> Result<Self, CheckpointError> {
        Self::restore(Checkpoint::read(from, bytes_max)?)
    }

    /// Writes a checkpoint into a file, which is replaced at once or not at all.
    ///
    /// A file beside it with a dot before its name and `.new` after it is used meanwhile: only one
    /// may save to a path at a time. A link at `path` is replaced, not followed.
    ///
    /// # Errors
    /// If the file system fails.
    fn save_to(&self, path: &Path) -> Result<(), CheckpointError> {
        let checkpoint = self.checkpoint();
        file::replace(path, |to| checkpoint.write(to))
    }

    /// Reads a checkpoint from a file of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// As [`Save::load`].
    fn load_from(path: &Path, bytes_max: u64) -> Result<Self, CheckpointError> {
        Self::load(File::open(path)?, bytes_max)
    }
}
