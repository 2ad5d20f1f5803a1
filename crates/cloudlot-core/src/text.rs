//! The forms of names: one check for each, used by every part of the model.

use crate::{Faults, Rule};
use std::fmt::Display;

/// Kubernetes allows 63 bytes for a value and for the name in a key; cloud tags are longer, so both may have 255.
pub(crate) const NAME_BYTES: usize = 255;
/// A prefix is a DNS name.
const PREFIX_BYTES: usize = 253;
const METADATA_BYTES: usize = 4_096;

const WORD: &str = "letters, digits, `-`, `_` and `.`, with a letter or digit at both ends";
const PREFIX: &str = "a DNS name before the `/`";
const NAME: &str = "letters, digits, `-`, `_`, `.` and `:`, with a letter or digit at both ends";

fn has_form(text: &str, inner: &[u8]) -> bool {
    let ends = |c: Option<&u8>| c.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    ends(bytes.first())
        && ends(bytes.last())
        && bytes
            .iter()
            .all(|c| c.is_ascii_alphanumeric() || inner.contains(c))
}

fn sized(faults: &mut Faults, path: impl Display, text: &str, most: usize) -> bool {
    if text.is_empty() {
        faults.add(path, "", Rule::Empty);
        return false;
    }
    if text.len() > most {
        faults.add(path, text, Rule::TooLong(most));
        return false;
    }
    true
}

/// The name of a request, a resource, a class or a strategy.
pub(crate) fn name(faults: &mut Faults, path: impl Display, text: &str) {
    if sized(faults, &path, text, NAME_BYTES) && !has_form(text, b"-_.:") {
        faults.add(path, text, Rule::Form(NAME));
    }
}

/// One word: a label's value, a tag, a level of the topology, a name on an owner's path.
pub(crate) fn word(faults: &mut Faults, path: impl Display, text: &str) {
    if sized(faults, &path, text, NAME_BYTES) && !has_form(text, b"-_.") {
        faults.add(path, text, Rule::Form(WORD));
    }
}

/// A word, or nothing.
pub(crate) fn word_or_empty(faults: &mut Faults, path: impl Display, text: &str) {
    if !text.is_empty() {
        word(faults, path, text);
    }
}

/// The key of a label, a taint, a capability or a metadata entry: a word, with a DNS name and `/` before it or not.
pub(crate) fn key(faults: &mut Faults, path: impl Display, text: &str) {
    let Some((prefix, rest)) = text.split_once('/') else {
        return word(faults, path, text);
    };
    if prefix.len() > PREFIX_BYTES {
        faults.add(&path, text, Rule::TooLong(PREFIX_BYTES));
    } else if !prefix.split('.').all(|part| has_form(part, b"-")) {
        faults.add(&path, text, Rule::Form(PREFIX));
    }
    word(faults, path, rest);
}

/// Free text of metadata.
pub(crate) fn free(faults: &mut Faults, path: impl Display, text: &str) {
    if text.len() > METADATA_BYTES {
        faults.add(path, text, Rule::TooLong(METADATA_BYTES));
    }
}

/// Whether the list is short enough to be looked at; says so if not.
pub(crate) fn at_most(faults: &mut Faults, path: impl Display, len: usize, most: usize) -> bool {
    if len > most {
        faults.add(path, len, Rule::TooMany(most));
    }
    len <= most
}
