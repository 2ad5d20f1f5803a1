//! The journal's promises: what was recorded is read back, whatever tears, and nothing that is
//! not ours is touched.

#![cfg(feature = "serde")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use cloudlot_core::Bytes;
use cloudlot_hv::journal::{FileJournal, JOURNAL_LIMIT, JournalError};
use cloudlot_hv::{CpuSet, DomainId, Journal, Original, PcpuId, merged};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use uuid::Uuid;

const PROGRAM: &str = "vcpu-scheduler";
const URI: &str = "qemu:///system";

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("host.journal")
    }

    fn open(&self) -> FileJournal {
        self.try_open().unwrap()
    }

    fn try_open(&self) -> Result<FileJournal, JournalError> {
        FileJournal::open(self.path(), PROGRAM, URI)
    }

    /// Opening fails with this message, and the file stays byte for byte.
    fn refuses(&self, contents: &[u8], message: &str) {
        fs::write(self.path(), contents).unwrap();
        let error = self.try_open().unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
        assert_eq!(fs::read(self.path()).unwrap(), contents);
    }
}

fn pin(domain: u128, run: u64, vcpu: u32, cpu: u32) -> Original {
    Original {
        domain: DomainId(Uuid::from_u128(domain)),
        name: format!("guest \"{domain}\"\n"),
        run,
        pins: BTreeMap::from([(vcpu, CpuSet::single(PcpuId::new(cpu)))]),
        target: None,
        stats_period: None,
    }
}

fn balloon(domain: u128, mib: u64) -> Original {
    Original {
        pins: BTreeMap::new(),
        target: Some(Bytes::mib(mib)),
        stats_period: Some(Duration::from_secs(1)),
        ..pin(domain, 1, 0, 0)
    }
}

#[test]
fn a_later_process_finds_the_first_word_on_every_setting() {
    let place = Place::new();
    let mut first = place.open();
    first.record(&[pin(1, 1, 0, 3), balloon(2, 512)]).unwrap();
    first.record(&[pin(1, 1, 1, 2)]).unwrap();
    drop(first);

    let mut second = place.open();
    second.record(&[pin(1, 1, 0, 0), balloon(2, 100)]).unwrap();
    drop(second);

    let both = merged([pin(1, 1, 0, 3), pin(1, 1, 1, 2), balloon(2, 512)]);
    assert_eq!(place.open().originals(), both);
}

#[test]
fn a_domain_that_started_anew_forgets_the_earlier_run() {
    let place = Place::new();
    place.open().record(&[pin(1, 1, 0, 3)]).unwrap();
    place.open().record(&[pin(1, 2, 0, 1)]).unwrap();
    assert_eq!(place.open().originals(), [pin(1, 2, 0, 1)]);
}

#[test]
fn no_file_appears_before_the_first_record_nor_stays_after_the_last_restore() {
    let place = Place::new();
    let mut journal = place.open();
    assert!(!place.path().exists());
    journal.record(&[pin(1, 1, 0, 0), pin(2, 1, 0, 0)]).unwrap();
    journal.keep_only(&[pin(2, 1, 0, 0)]).unwrap();
    assert_eq!(place.open().originals(), [pin(2, 1, 0, 0)]);
    journal.keep_only(&[]).unwrap();
    journal.keep_only(&[]).unwrap();
    assert_eq!(fs::read_dir(place.dir.path()).unwrap().count(), 0);
    journal.record(&[pin(3, 1, 0, 0)]).unwrap();
    assert_eq!(place.open().originals(), [pin(3, 1, 0, 0)]);
}

#[test]
fn a_torn_last_line_counts_as_never_written() {
    let place = Place::new();
    let mut journal = place.open();
    journal.record(&[pin(1, 1, 0, 1)]).unwrap();
    let whole = fs::read(place.path()).unwrap();
    journal.record(&[pin(2, 1, 0, 1)]).unwrap();
    let longer = fs::read(place.path()).unwrap();
    drop(journal);
    for length in whole.len()..longer.len() {
        fs::write(place.path(), &longer[..length]).unwrap();
        let mut again = place.open();
        assert_eq!(again.originals(), [pin(1, 1, 0, 1)], "{length}");
        again.record(&[pin(3, 1, 0, 1)]).unwrap();
        assert_eq!(place.open().originals().len(), 2);
    }
    fs::write(place.path(), [&whole[..], &[0; 100]].concat()).unwrap();
    assert_eq!(place.open().originals(), [pin(1, 1, 0, 1)]);
}

#[test]
fn what_is_not_this_journal_is_refused_and_left_alone() {
    let place = Place::new();
    place.refuses(b"", "not a journal");
    place.refuses(b"my notes", "not a journal");
    place.refuses(b"my notes\n", "not a journal");
    place.refuses(b"{\"a\":1}\n", "not a journal");
    place.refuses(b"\xff\xfe\n\n", "not a journal");
    let header = |format: &str, version: u32, program: &str, uri: &str| {
        format!(
            "{{\"format\":\"{format}\",\"version\":{version},\"program\":\"{program}\",\"uri\":\"{uri}\"}}\n"
        )
    };
    let ours = header("cloudlot-journal", 1, PROGRAM, URI);
    place.refuses(header("other", 1, PROGRAM, URI).as_bytes(), "not a journal");
    place.refuses(
        header("cloudlot-journal", 2, PROGRAM, URI).as_bytes(),
        "has version 2",
    );
    place.refuses(
        header("cloudlot-journal", 1, "memory-coordinator", URI).as_bytes(),
        "belongs to memory-coordinator on qemu:///system",
    );
    place.refuses(
        header("cloudlot-journal", 1, PROGRAM, "qemu+ssh://far/system").as_bytes(),
        "belongs to vcpu-scheduler on qemu+ssh://far/system",
    );
    place.refuses(format!("{ours}{{}}\n").as_bytes(), "damaged in line 2");
    place.refuses(format!("{ours}\n").as_bytes(), "damaged in line 2");
    fs::write(place.path(), &ours).unwrap();
    assert_eq!(place.open().originals(), []);
}

#[test]
fn a_file_beyond_the_limit_is_refused() {
    let place = Place::new();
    let file = fs::File::create(place.path()).unwrap();
    file.set_len(JOURNAL_LIMIT + 1).unwrap();
    assert!(matches!(
        place.try_open(),
        Err(JournalError::TooLarge { .. })
    ));
}

#[test]
fn repeated_records_do_not_grow_without_bound() {
    let place = Place::new();
    let mut journal = place.open();
    let long = |run| Original {
        name: "x".repeat(1 << 20),
        ..pin(1, run, 0, 0)
    };
    for run in 1..=40 {
        journal.record(&[long(run)]).unwrap();
        assert!(fs::metadata(place.path()).unwrap().len() <= JOURNAL_LIMIT);
    }
    assert_eq!(place.open().originals(), [long(40)]);

    let big = |domain| Original {
        name: "x".repeat(1 << 20),
        ..pin(domain, 1, 0, 0)
    };
    let fits = (0..40).take_while(|domain| journal.record(&[big(100 + domain)]).is_ok());
    assert_eq!(fits.count(), 14);
    assert_eq!(place.open().originals(), journal.originals());
}

#[test]
fn a_record_that_cannot_be_written_is_an_error_and_changes_nothing() {
    let place = Place::new();
    let path = place.dir.path().join("missing").join("host.journal");
    let mut journal = FileJournal::open(&path, PROGRAM, URI).unwrap();
    assert!(journal.record(&[pin(1, 1, 0, 0)]).is_err());
    assert!(journal.originals().is_empty());
    fs::create_dir(path.parent().unwrap()).unwrap();
    journal.record(&[pin(1, 1, 0, 0)]).unwrap();
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let mut journal = place.open();
    fs::write(
        place.path().with_extension("journal.new"),
        "left by a crash",
    )
    .unwrap();
    journal.record(&[pin(1, 1, 0, 0)]).unwrap();
    journal.record(&[pin(2, 1, 0, 0)]).unwrap();
    assert_eq!(mode(&place.path()), 0o600);

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn records_cut_anywhere_give_a_prefix_of_them(
        settings in proptest::collection::vec((0_u128..4, 0_u64..2, 0_u32..3, 0_u32..9), 1..12),
        cut: prop::sample::Index,
    ) {
        let place = Place::new();
        let records: Vec<Original> = settings.iter().map(|&(d, r, v, c)| pin(d, r, v, c)).collect();
        let mut journal = place.open();
        let mut prefixes = vec![Vec::new()];
        for (at, record) in records.iter().enumerate() {
            journal.record(std::slice::from_ref(record)).unwrap();
            prefixes.push(merged(records[..=at].iter().cloned()));
        }
        drop(journal);
        let bytes = fs::read(place.path()).unwrap();
        let header = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let length = header + cut.index(bytes.len() - header + 1);
        fs::write(place.path(), &bytes[..length]).unwrap();
        let found = place.open().originals().to_vec();
        prop_assert!(prefixes.contains(&found));
        if length == bytes.len() {
            prop_assert_eq!(&found, prefixes.last().unwrap());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let place = Place::new();
        fs::write(place.path(), &bytes).unwrap();
        let _ = place.try_open();
        prop_assert_eq!(fs::read(place.path()).unwrap(), bytes);
    }
}
