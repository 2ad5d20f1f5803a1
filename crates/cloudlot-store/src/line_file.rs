//! Contents as text, to move and to rebuild a store: one record a line, every line sealed.
//!
//! ```text
//! cloudlot-store-export 1 r7 r0 1f0e93a2
//! put v7 node/n1 generation%205 9d1c6b40
//! batch r7 0000000000000000000000000000002a 5e0b77c1
//! end 1 1 6c2f9a13
//! ```
//!
//! The header carries the format's version, the revision, and the revision up to which batches are
//! forgotten; the footer the counts of records and batches. The checksum that ends a line covers
//! the line and all lines before it, so a line that is flipped, lost or out of place is refused
//! where it stands, and a file without its footer is refused as cut. Bytes of values other than
//! visible ASCII are written `%` and two digits, and so is `%`.
//!
//! Changes are left out: a store that is made from an export tells those after it.

use crate::{
    BatchKey, Contents, ContentsError, LedgerStore, MAX_KEY_BYTES, MAX_VALUE_BYTES, Record,
    RecordKey, Revision, StoreError, Version,
};
use std::io::{self, BufRead, Read, Write};

const HEAD: &str = "cloudlot-store-export 1";

/// No line is longer: the longest key and value with every byte escaped, and some room.
const MAX_LINE_BYTES: usize = 3 * (MAX_KEY_BYTES + MAX_VALUE_BYTES) + 128;

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The text could not be written.
    #[error("the export cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// Why a text is no export. Lines are counted from 1.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The text could not be read.
    #[error("the export cannot be read at line {line}: {source}")]
    Read {
        /// The line.
        line: u64,
        /// The reader's words.
        source: io::Error,
    },
    /// It is no export, or one of a version that is not known.
    #[error("line 1 is not the head of an export of version 1")]
    Head,
    /// A line does not match its checksum, or does not belong behind the one before it.
    #[error("line {line} is damaged, or lines before it are missing or out of order")]
    Checksum {
        /// The line.
        line: u64,
    },
    /// A line's checksum is right and its words are none of ours.
    #[error("line {line} is {problem}")]
    Line {
        /// The line.
        line: u64,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// There is no footer.
    #[error("the export is cut: it ends at line {line} without a footer")]
    Cut {
        /// The last line, or a part of one.
        line: u64,
    },
    /// The lines are whole and contradict each other.
    #[error(transparent)]
    Contents(#[from] ContentsError),
}

/// Writes all of a store; gives what was written.
///
/// ```
/// use cloudlot_store::{Batch, LedgerStore, MemoryStore, RecordKey, export, import};
/// use std::time::Duration;
///
/// let mut store = MemoryStore::default();
/// let batch = Batch::of(1.into()).put(RecordKey::new("res", "7f3a")?, "2 cores").build()?;
/// store.submit(batch).wait(Duration::ZERO);
/// let mut text = Vec::new();
/// export(&mut store, &mut text)?;
/// assert_eq!(import(text.as_slice())?, store.load()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the store cannot be read, or the text not be written. What was written then has no
/// footer.
pub fn export(store: &mut impl LedgerStore, out: impl Write) -> Result<Contents, ExportError> {
    let contents = store.load()?;
    write_lines(&contents, out)?;
    Ok(contents)
}

/// Writes contents.
///
/// # Errors
/// When that fails; what was written then has no footer.
pub fn write_lines(contents: &Contents, out: impl Write) -> io::Result<()> {
    let mut lines = Lines { out, sum: 0 };
    let Contents {
        revision,
        forgotten,
        ..
    } = contents;
    lines.write(&format!("{HEAD} {revision} {forgotten}"))?;
    for (key, Record { version, value }) in &contents.records {
        let (key, value) = (escape(key.as_str().as_bytes()), escape(value));
        lines.write(&format!("put {version} {key} {value}"))?;
    }
    for (key, revision) in &contents.batches {
        lines.write(&format!("batch {revision} {key}"))?;
    }
    let (records, batches) = (contents.records.len(), contents.batches.len());
    lines.write(&format!("end {records} {batches}"))?;
    lines.out.flush()
}

/// Reads an export back. A store is made from it with `create`, which wants a new file.
///
/// # Errors
/// When anything in it is not as it was written; nothing of it is given then.
pub fn import(text: impl BufRead) -> Result<Contents, ImportError> {
    let mut reader = Reader {
        text,
        line: 0,
        sum: 0,
    };
    let mut contents = head(&reader.next()?.ok_or(ImportError::Cut { line: 0 })?)?;
    loop {
        let words = reader
            .next()?
            .ok_or(ImportError::Cut { line: reader.line })?;
        let line = reader.line;
        let bad = |problem| ImportError::Line { line, problem };
        match words.split(' ').collect::<Vec<_>>().as_slice() {
            ["put", version, key, value] => {
                let (key, record) = record(version, key, value).ok_or(bad("no record"))?;
                let last = contents.records.last_key_value();
                if last.is_some_and(|(last, _)| *last >= key) {
                    return Err(bad("a record out of order"));
                }
                contents.records.insert(key, record);
            }
            ["batch", revision, key] => {
                let (key, revision) = batch(revision, key).ok_or(bad("no batch"))?;
                let last = contents.batches.last_key_value();
                if last.is_some_and(|(last, _)| *last >= key) {
                    return Err(bad("a batch out of order"));
                }
                contents.batches.insert(key, revision);
            }
            ["end", records, batches] => {
                let counted = [contents.records.len(), contents.batches.len()];
                if [records.parse(), batches.parse()] != counted.map(Ok) {
                    return Err(bad("a footer with other counts"));
                }
                break;
            }
            _ => return Err(bad("neither a record nor a batch nor a footer")),
        }
    }
    if reader.next()?.is_some() {
        let (line, problem) = (reader.line, "behind the footer");
        return Err(ImportError::Line { line, problem });
    }
    contents.check()?;
    Ok(contents)
}

fn head(words: &str) -> Result<Contents, ImportError> {
    let numbers = words
        .strip_prefix(HEAD)
        .and_then(|rest| rest.strip_prefix(' '));
    let (revision, forgotten) = numbers
        .and_then(|numbers| numbers.split_once(' '))
        .and_then(|(revision, forgotten)| Some((number(revision, 'r')?, number(forgotten, 'r')?)))
        .ok_or(ImportError::Head)?;
    Ok(Contents {
        revision: Revision::new(revision),
        forgotten: Revision::new(forgotten),
        ..Contents::default()
    })
}

fn record(version: &str, key: &str, value: &str) -> Option<(RecordKey, Record)> {
    let version = Version::new(number(version, 'v')?);
    let key = String::from_utf8(unescape(key)?).ok()?;
    let value = unescape(value)?;
    let fits = value.len() <= MAX_VALUE_BYTES;
    let record = Record { version, value };
    fits.then_some((RecordKey::parse(&key).ok()?, record))
}

fn batch(revision: &str, key: &str) -> Option<(BatchKey, Revision)> {
    let revision = Revision::new(number(revision, 'r')?);
    Some((u128::from_str_radix(key, 16).ok()?.into(), revision))
}

fn number(text: &str, prefix: char) -> Option<u64> {
    text.strip_prefix(prefix)?.parse().ok()
}

struct Lines<W> {
    out: W,
    sum: u32,
}

impl<W: Write> Lines<W> {
    fn write(&mut self, words: &str) -> io::Result<()> {
        self.sum = chained(self.sum, words.as_bytes());
        writeln!(self.out, "{words} {:08x}", self.sum)
    }
}

fn chained(sum: u32, words: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(sum, words), b"\n")
}

struct Reader<R> {
    text: R,
    line: u64,
    sum: u32,
}

impl<R: BufRead> Reader<R> {
    /// The words of the next line, without its checksum; `None` behind the last.
    fn next(&mut self) -> Result<Option<String>, ImportError> {
        let mut bytes = Vec::new();
        let most = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX);
        let line = self.line + 1;
        let mut limited = (&mut self.text).take(most);
        limited
            .read_until(b'\n', &mut bytes)
            .map_err(|source| ImportError::Read { line, source })?;
        if bytes.is_empty() {
            return Ok(None);
        }
        self.line = line;
        if bytes.pop_if(|last| *last == b'\n').is_none() {
            return Err(match bytes.len() < MAX_LINE_BYTES {
                true => ImportError::Cut { line },
                false => ImportError::Checksum { line },
            });
        }
        let checked = self.check(&bytes);
        match checked {
            Some(words) => Ok(Some(words)),
            None if line == 1 && !bytes.starts_with(HEAD.as_bytes()) => Err(ImportError::Head),
            None => Err(ImportError::Checksum { line }),
        }
    }

    fn check(&mut self, bytes: &[u8]) -> Option<String> {
        let (words, sum) = bytes.split_at_checked(bytes.len().checked_sub(9)?)?;
        self.sum = chained(self.sum, words);
        let right = format!(" {:08x}", self.sum);
        (sum == right.as_bytes()).then_some(())?;
        String::from_utf8(words.to_vec()).ok()
    }
}

fn escape(bytes: &[u8]) -> String {
    let digit = |number: u8| char::from_digit(number.into(), 16).unwrap_or('0');
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_graphic() && byte != b'%' {
            text.push(char::from(byte));
        } else {
            text.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    text
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut rest = text.as_bytes();
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some((&first, left)) = rest.split_first() {
        rest = left;
        if first == b'%' {
            let (digits, left) = rest.split_first_chunk::<2>()?;
            rest = left;
            bytes.push(u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?);
        } else {
            bytes.push(first);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn contents() -> impl Strategy<Value = Contents> {
        let value = prop::collection::vec(any::<u8>(), 0..30);
        let records = prop::collection::btree_map("[ -~é]{1,6}", (0..50_u64, value), 0..8);
        let batches = prop::collection::btree_map(11..50_u64, any::<u128>(), 0..8);
        (records, batches).prop_map(|(records, batches)| {
            let record = |(name, (version, value)): (String, (u64, Vec<u8>))| {
                let version = Version::new(version);
                (
                    RecordKey::new("res", &name).unwrap(),
                    Record { version, value },
                )
            };
            let named: BTreeMap<u128, u64> =
                batches.into_iter().map(|(at, key)| (key, at)).collect();
            let batch = |(key, at): (u128, u64)| (key.into(), Revision::new(at));
            Contents {
                revision: Revision::new(50),
                records: records.into_iter().map(record).collect(),
                batches: named.into_iter().map(batch).collect(),
                forgotten: Revision::new(10),
            }
        })
    }

    fn written(contents: &Contents) -> Vec<u8> {
        let mut text = Vec::new();
        write_lines(contents, &mut text).unwrap();
        text
    }

    proptest! {
        #[test]
        fn what_was_exported_is_imported(contents in contents()) {
            let text = written(&contents);
            prop_assert!(text.is_ascii());
            prop_assert_eq!(import(text.as_slice()).unwrap(), contents);
        }

        #[test]
        fn a_flipped_bit_is_refused_in_its_line(contents in contents(), bit in any::<prop::sample::Index>()) {
            let mut text = written(&contents);
            let bit = bit.index(text.len() * 8);
            let line = 1 + text[..bit / 8].iter().filter(|byte| **byte == b'\n').count();
            let last = bit / 8 + 1 == text.len();
            text[bit / 8] ^= 1 << (bit % 8);
            match import(text.as_slice()) {
                Err(ImportError::Head) => prop_assert_eq!(line, 1),
                Err(ImportError::Checksum { line: named } | ImportError::Cut { line: named }) => {
                    prop_assert_eq!(usize::try_from(named).unwrap(), line);
                }
                other => prop_assert!(false, "{:?} (last: {})", other, last),
            }
        }

        #[test]
        fn a_cut_export_is_refused(contents in contents(), end in any::<prop::sample::Index>()) {
            let text = written(&contents);
            let text = &text[..end.index(text.len())];
            let lines = text.split_inclusive(|byte| *byte == b'\n').count();
            match import(text) {
                Err(ImportError::Cut { line }) => prop_assert_eq!(usize::try_from(line).unwrap(), lines),
                other => prop_assert!(false, "{:?}", other),
            }
        }

        #[test]
        fn lines_that_changed_places_went_or_came_twice_are_refused(contents in contents(), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
            let text = written(&contents);
            let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
            let (a, b) = (a.index(lines.len()), b.index(lines.len()));
            let refused = |lines: &[&[u8]]| import(lines.concat().as_slice()).is_err();
            let mut swapped = lines.clone();
            swapped.swap(a, b);
            prop_assert_eq!(refused(&swapped), a != b);
            let mut shorter = lines.clone();
            shorter.remove(a);
            prop_assert!(refused(&shorter));
            let mut longer = lines.clone();
            longer.insert(b, lines[a]);
            prop_assert!(refused(&longer));
        }

        #[test]
        fn no_text_makes_it_panic(text in "(cloudlot-store-export 1 )?[ -~\n]{0,200}") {
            prop_assert!(import(text.as_bytes()).is_err());
        }
    }

    /// The lines with right checksums.
    fn sealed(lines: &[&str]) -> Vec<u8> {
        let mut out = Lines {
            out: Vec::new(),
            sum: 0,
        };
        lines.iter().for_each(|line| out.write(line).unwrap());
        out.out
    }

    #[test]
    fn lines_that_are_whole_and_wrong_are_refused() {
        let head = "cloudlot-store-export 1 r9 r0";
        let problem = |lines: &[&str]| import(sealed(lines).as_slice()).unwrap_err().to_string();
        for (lines, expected) in [
            (
                &["cloudlot-store-export 2 r9 r0"][..],
                "line 1 is not the head of an export of version 1",
            ),
            (
                &[head, "put v1 res/a x", "put v1 res/a y"],
                "line 3 is a record out of order",
            ),
            (&[head, "put v1 res x"], "line 2 is no record"),
            (&[head, "put v1 res/a %2"], "line 2 is no record"),
            (&[head, "batch 4 01"], "line 2 is no batch"),
            (&[head, "end 1 0"], "line 2 is a footer with other counts"),
            (&[head, "end 0 0", "end 0 0"], "line 3 is behind the footer"),
            (
                &[head, "take v1 res/a"],
                "line 2 is neither a record nor a batch nor a footer",
            ),
            (
                &[head, "put v10 res/a x", "end 1 0"],
                "record res/a has v10 in a store at r9",
            ),
        ] {
            assert_eq!(problem(lines), expected);
        }
    }
}
