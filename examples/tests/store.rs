//! The program `cloudlot-store`, run as people run it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use cloudlot_store::{Batch, Contents, LedgerStore, Outcome, RecordKey, RedbStore, Retention};
use expect_test::expect;

fn run(arguments: &[&str], folder: &Path) -> (i32, String, String) {
    let program = env!("CARGO_BIN_EXE_cloudlot-store");
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// A store with two records in it.
fn store(folder: &Path) -> Contents {
    let mut store = RedbStore::open_or_create(folder.join("ledger"), Retention::default()).unwrap();
    let key = |name| RecordKey::new("res", name).unwrap();
    let batch = Batch::of(7.into())
        .put(key("a"), "two cores")
        .put(key("b"), [0, 255]);
    let outcome = store
        .submit(batch.build().unwrap())
        .wait(Duration::from_secs(60));
    assert!(matches!(outcome, Outcome::Committed(_)));
    store.load().unwrap()
}

/// Flips a bit in every copy of a text.
fn damage(file: &Path, text: &[u8]) {
    let mut bytes = fs::read(file).unwrap();
    let copies = bytes
        .windows(text.len())
        .enumerate()
        .filter(|(_, window)| *window == text);
    let copies: Vec<usize> = copies.map(|(at, _)| at).collect();
    assert!(!copies.is_empty());
    copies.into_iter().for_each(|at| bytes[at] ^= 1);
    fs::write(file, bytes).unwrap();
}

#[test]
fn an_export_makes_the_same_store_again() {
    let folder = tempfile::tempdir().unwrap();
    let contents = store(folder.path());
    assert_eq!(
        run(&["export", "ledger", "text"], folder.path()),
        (0, String::new(), String::new())
    );
    let (status, text, _) = run(&["export", "ledger"], folder.path());
    assert_eq!(
        (status, &text),
        (0, &fs::read_to_string(folder.path().join("text")).unwrap())
    );
    expect![[r#"
        cloudlot-store-export 1 r1 r0 e02d0492
        put v1 res/a two%20cores ef939543
        put v1 res/b %00%ff 4f20910d
        batch r1 00000000000000000000000000000007 de71336e
        end 2 1 2da96a1f
    "#]]
    .assert_eq(&text);
    let (status, told, _) = run(&["import", "again", "text"], folder.path());
    assert_eq!((status, told.as_str()), (0, "again: 2 records at r1\n"));
    let mut again = RedbStore::open(folder.path().join("again"), Retention::default()).unwrap();
    assert_eq!(again.load().unwrap(), contents);
}

#[test]
fn a_store_in_order_is_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    store(folder.path());
    let before = fs::read(folder.path().join("ledger")).unwrap();
    let (status, text, _) = run(&["doctor", "ledger"], folder.path());
    assert_eq!(status, 0);
    expect![[r#"
        file          ledger
        revision      r1
        acknowledged  r1
        records       2
        batches       1
        engine        its pages are as it wrote them
        whole: everything that was acknowledged is there
    "#]]
    .assert_eq(&text);
    let (status, text, _) = run(&["doctor", "--json", "ledger"], folder.path());
    assert_eq!(status, 0);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&json["whole"], &json["records"]),
        (&true.into(), &2.into())
    );
    assert!(fs::read(folder.path().join("ledger")).unwrap() == before);
}

#[test]
fn damage_is_named_and_what_is_whole_can_be_saved() {
    let folder = tempfile::tempdir().unwrap();
    let mut contents = store(folder.path());
    damage(&folder.path().join("ledger"), b"two cores");
    let (status, text, _) = run(&["doctor", "ledger"], folder.path());
    assert_eq!(status, 1);
    expect![[r#"
        file          ledger
        revision      r1
        acknowledged  r1
        records       1
        batches       0
        engine        DB corrupted: Primary is corrupted despite 2-phase commit
        damage        record res/a: fails its checksum
        damage        row r1 of changes: fails its checksum
        damage        the file: DB corrupted: Primary is corrupted despite 2-phase commit
        do            keep a copy of ledger; nothing here has changed it
        do            with a recent export: cloudlot-store import ledger.new EXPORT
        do            without one, what is whole can be saved (1 of the records), and the rest is lost: cloudlot-store export --salvage ledger SAVED, then cloudlot-store import ledger.new SAVED
        do            then compare with what really runs before anything is granted
    "#]]
    .assert_eq(&text);
    let (status, _, words) = run(&["export", "ledger", "text"], folder.path());
    assert_eq!(status, 1);
    assert!(words.contains("record res/a fails its checksum"), "{words}");
    assert!(!folder.path().join("text").exists());
    let (status, _, words) = run(&["export", "--salvage", "ledger", "text"], folder.path());
    assert_eq!(status, 1);
    assert!(words.contains("record res/a"), "{words}");
    assert_eq!(run(&["import", "again", "text"], folder.path()).0, 0);
    let mut again = RedbStore::open(folder.path().join("again"), Retention::default()).unwrap();
    contents.records.pop_first();
    assert_eq!(again.load().unwrap().records, contents.records);
}

#[test]
fn what_cannot_be_done_is_said_and_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let contents = store(folder.path());
    assert_eq!(run(&["export", "ledger", "text"], folder.path()).0, 0);
    let failed = |arguments: &[&str], status: i32, words: &str| {
        let (found, _, told) = run(arguments, folder.path());
        assert_eq!(found, status, "{arguments:?}: {told}");
        assert!(told.contains(words), "{arguments:?}: {told}");
    };
    failed(&["mend", "ledger"], 2, "unrecognized subcommand");
    failed(&["doctor", "nowhere"], 2, "there is no store at nowhere");
    failed(&["import", "ledger", "text"], 2, "ledger is there already");
    failed(&["import", "again", "nowhere"], 2, "nowhere: ");
    let path = folder.path().join("text");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("cores", "corns")).unwrap();
    failed(&["import", "again", "text"], 1, "line 2 is damaged");
    fs::write(&path, &text[..text.len() - 20]).unwrap();
    failed(&["import", "again", "text"], 1, "without a footer");
    assert!(!folder.path().join("again").exists());
    let open = RedbStore::open(folder.path().join("ledger"), Retention::default()).unwrap();
    failed(
        &["doctor", "ledger"],
        2,
        "ledger is open in another process",
    );
    failed(
        &["export", "ledger"],
        2,
        "ledger is open in another process",
    );
    drop(open);
    let mut store = RedbStore::open(folder.path().join("ledger"), Retention::default()).unwrap();
    assert_eq!(store.load().unwrap(), contents);
}
