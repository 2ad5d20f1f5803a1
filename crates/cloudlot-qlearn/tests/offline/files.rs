//! Logs as files: whatever comes in, it is the same log or an error that names the line.

use std::io::{self, BufReader, Read};

use cloudlot_qlearn::offline::{Fault, Header, Log, LogReader, LogWriter, ReadError, WriteError};
use cloudlot_qlearn::{ActionId, End, Mask, StateId, Transition, below, stream};
use proptest::prelude::*;

use crate::episodes::drawn;

fn text(log: &Log) -> Vec<u8> {
    let mut text = Vec::new();
    log.write(&mut text).unwrap();
    text
}

fn small() -> Log {
    let mask = Mask::all(2);
    let on = Transition {
        probability: 0.1 + 0.2,
        ..Transition::new(StateId(0), ActionId(1), -0.0, StateId(1), mask)
    };
    let over = Transition {
        end: End::Terminated,
        next_action: Some(ActionId(0)),
        ..Transition::new(StateId(1), ActionId(0), 1e-310, StateId(0), mask)
    };
    Log::new(Header::new(2, 2, 0.9).unwrap(), [on, over]).unwrap()
}

#[test]
fn a_log_is_one_value_a_line() {
    let text = String::from_utf8(text(&small())).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        lines[0],
        r#"{"head":{"version":1,"states":2,"actions":2,"discount":0.9}}"#
    );
    assert_eq!(
        lines[1],
        r#"{"step":{"state":0,"mask":3,"proposed":1,"executed":1,"probability":0.30000000000000004,"#
            .to_owned()
            + r#""reward":-0.0,"next":1,"next_mask":3,"next_action":null,"end":"running","dt":1.0}}"#
    );
    assert!(lines[3].starts_with(r#"{"close":{"steps":2,"crc32c":"#));
    assert_eq!(lines.len(), 4);
}

proptest! {
    #[test]
    fn what_is_written_is_read_to_the_bit(
        rewards in proptest::collection::vec(
            any::<f64>().prop_filter("legal", |r| r.abs() <= 1e150), 0..20,
        ),
    ) {
        let steps = rewards.iter().map(|reward| Transition {
            end: End::Truncated,
            ..Transition::new(StateId(0), ActionId(0), *reward, StateId(0), Mask::all(1))
        });
        let log = Log::new(Header::new(1, 1, 0.5).unwrap(), steps).unwrap();
        let again = Log::read(&*text(&log)).unwrap();
        let bits: Vec<_> = again.steps().iter().map(|step| step.reward.to_bits()).collect();
        prop_assert_eq!(bits, rewards.iter().map(|r| r.to_bits()).collect::<Vec<_>>());
        prop_assert_eq!(again, log);
    }

    #[test]
    fn any_log_is_read_again(seed: u64, episodes in 0u32..30) {
        let log = drawn(seed, episodes, 0.9).log;
        prop_assert_eq!(Log::read(&*text(&log)).unwrap(), log);
    }

    #[test]
    fn any_bytes_are_a_log_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Log::read(&*bytes).is_err());
    }
}

/// Flips, cuts, repeats and moves bytes.
fn damaged(text: &[u8], seed: u64) -> Vec<u8> {
    let mut rng = stream(seed, 7);
    let mut text = text.to_vec();
    let mut at = |len: usize| below(&mut rng, u32::try_from(len).unwrap()) as usize;
    for _ in 0..=at(3) {
        let (from, kind) = (at(text.len()), at(5));
        let to = from + at(text.len() - from);
        match kind {
            0 => text[from] ^= 1 << at(8),
            1 => text.truncate(from.max(1)),
            2 => drop(text.drain(from..to)),
            3 => {
                let again = text[from..to].to_vec();
                text.splice(to..to, again);
            }
            _ => text[from] = b"0123456789-.eE\"{}[],:\n nul"[at(26)],
        }
        if text.is_empty() {
            break;
        }
    }
    text
}

#[test]
fn a_damaged_log_is_refused_or_the_same() {
    let log = drawn(3, 12, 0.9).log;
    let whole = text(&log);
    let (mut refused, mut same) = (0, 0);
    for seed in 0..20_000 {
        match Log::read(&*damaged(&whole, seed)) {
            Ok(read) => {
                assert_eq!(read, log, "seed {seed}");
                same += 1;
            }
            Err(error) => {
                assert!(error.to_string().len() < 300, "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 15_000, "{refused} refused, {same} the same");
}

#[test]
fn every_cut_is_noticed() {
    let log = drawn(3, 5, 0.9).log;
    let whole = text(&log);
    // Only the end of the last line may be missing.
    for length in 0..whole.len() - 1 {
        assert!(Log::read(&whole[..length]).is_err(), "{length} bytes");
    }
    assert_eq!(Log::read(&whole[..whole.len() - 1]).unwrap(), log);
}

#[test]
fn every_flipped_bit_is_noticed() {
    let log = drawn(3, 2, 0.9).log;
    let whole = text(&log);
    for bit in 0..whole.len() * 8 {
        let mut text = whole.clone();
        text[bit / 8] ^= 1 << (bit % 8);
        if let Ok(read) = Log::read(&*text) {
            assert_eq!(read, log, "bit {bit}");
        }
    }
}

/// The small log with one piece of text replaced, and without its checksum.
fn edited(from: &str, to: &str) -> Result<Log, ReadError> {
    let text = String::from_utf8(text(&small())).unwrap();
    let checksum = text[text.find(",\"crc32c").unwrap()..]
        .trim_end()
        .trim_end_matches("}}");
    let text = text.replace(checksum, "");
    assert!(text.contains(from), "{from} in {text}");
    Log::read(text.replacen(from, to, 1).as_bytes())
}

#[test]
fn a_log_from_elsewhere_needs_no_checksum_but_all_else() {
    assert_eq!(edited("", "").unwrap(), small());
    let line = |wrong: Result<Log, ReadError>| wrong.unwrap_err().to_string();
    for (from, to, says) in [
        (
            "\"reward\":-0.0",
            "\"reward\":NaN",
            "line 2 is not understood",
        ),
        (
            "\"reward\":-0.0",
            "\"reward\":null",
            "line 2 is not understood",
        ),
        (
            "\"reward\":-0.0",
            "\"reward\":1e999",
            "line 2 is not understood",
        ),
        (
            "\"reward\":-0.0",
            "\"reward\":1e200",
            "line 2: episode 0, step 0: reward",
        ),
        (
            "\"reward\":-0.0",
            "\"reward\":1,\"reward\":2",
            "line 2 is not understood",
        ),
        (
            "\"reward\":-0.0",
            "\"rewards\":1",
            "line 2 is not understood",
        ),
        (
            "\"state\":1",
            "\"state\":0",
            "line 3: episode 0, step 1: begins in state 0",
        ),
        ("\"state\":0", "\"state\":-1", "line 2 is not understood"),
        (
            "\"actions\":2",
            "\"actions\":65",
            "line 1 is not understood: 65 actions",
        ),
        (
            "\"actions\":2",
            "\"actions\":1",
            "line 2: episode 0, step 0: mask 0b11",
        ),
        (
            "\"version\":1",
            "\"version\":2",
            "line 1 is not understood: version 2",
        ),
        (
            "\"discount\":0.9",
            "\"discount\":1.9",
            "line 1 is not understood: a discount",
        ),
        (
            "\"steps\":2",
            "\"steps\":3",
            "line 4 counts 3 steps after 2",
        ),
        (
            "\"terminated\"",
            "\"running\"",
            "line 4: episode 0, step 2: the episode has no end",
        ),
        ("{\"close\"", "\n{\"close\"", "line 4 is not understood"),
        (
            "\"steps\":2}}\n",
            "\"steps\":2}}\n\n",
            "line 5 is out of place",
        ),
        (
            "{\"head\"",
            "{\"close\":{\"steps\":0}}\n{\"head\"",
            "line 1 is out of place",
        ),
        (
            "{\"step\"",
            "{\"head\":{\"version\":1,\"states\":2,\"actions\":2,\"discount\":0.9}}\n{\"step\"",
            "line 2 is out of place",
        ),
    ] {
        let found = line(edited(from, to));
        assert!(found.starts_with(says), "{from} -> {to}: {found}");
    }
    assert!(matches!(
        Log::read(&b""[..]),
        Err(ReadError::Cut { line: 0 })
    ));
}

#[test]
fn a_wrong_checksum_is_told_as_such() {
    let text = String::from_utf8(text(&small()))
        .unwrap()
        .replace("0.9}}", "0.8}}");
    assert!(matches!(
        Log::read(text.as_bytes()),
        Err(ReadError::Checksum { line: 4 })
    ));
}

#[test]
fn a_line_without_an_end_is_not_read_to_its_end() {
    struct Endless(usize);
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 += buffer.len();
            assert!(self.0 < 100_000, "read on");
            buffer.fill(b' ');
            Ok(buffer.len())
        }
    }
    let found = Log::read(BufReader::new(Endless(0))).unwrap_err();
    assert!(matches!(found, ReadError::Long { line: 1 }), "{found}");
}

#[test]
fn a_reader_that_fails_is_told_with_its_line() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
    }
    let head = &text(&small())[..61];
    let found = Log::read(BufReader::new(head.chain(Failing))).unwrap_err();
    assert_eq!(found.to_string(), "line 2 cannot be read: gone");
}

#[test]
fn a_writer_writes_nothing_that_is_not_read_again() {
    let log = small();
    let mut writer = LogWriter::new(Vec::new(), *log.header()).unwrap();
    let wrong = Transition {
        reward: f64::NAN,
        ..log.steps()[0]
    };
    assert!(matches!(writer.step(&wrong), Err(WriteError::Fault(_))));
    writer.step(&log.steps()[0]).unwrap();
    assert!(matches!(
        writer.step(&log.steps()[0]),
        Err(WriteError::Fault(_))
    ));
    writer.step(&log.steps()[1]).unwrap();
    assert_eq!(Log::read(&*writer.close().unwrap()).unwrap(), log);

    let mut open = LogWriter::new(Vec::new(), *log.header()).unwrap();
    open.step(&log.steps()[0]).unwrap();
    match open.close().unwrap_err() {
        WriteError::Fault(error) => assert_eq!(error.fault, Fault::Unfinished),
        error => panic!("{error}"),
    }
}

#[test]
fn a_reader_gives_one_step_at_a_time_and_stays_at_the_end() {
    let log = small();
    let whole = text(&log);
    let mut reader = LogReader::new(&*whole).unwrap();
    assert_eq!(reader.header(), log.header());
    for step in log.steps() {
        assert_eq!(reader.step().unwrap(), Some(*step));
    }
    assert_eq!(reader.step().unwrap(), None);
    assert_eq!(reader.step().unwrap(), None);
}
