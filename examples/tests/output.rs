//! What cycles look like, as tables and as JSON.

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_examples::program::output::{End, Json, Show, Start, Style, Table};
use cloudlot_examples::program::{Extremes, Tally};
use cloudlot_hv::{
    CpuPicture, CpuSet, CycleReport, DomainId, GuestPicture, HostPlan, HostState, HostStep,
    HvError, MemoryPicture, Outcome, PcpuId, PcpuPicture, Picture, PlannedStep, RestoreReport,
    VcpuId,
};
use expect_test::{Expect, expect};
use std::time::Duration;
use uuid::Uuid;

const PLAIN: Table = Table {
    style: Style::PLAIN,
    explain: false,
};

fn id(number: u128) -> DomainId {
    DomainId(Uuid::from_u128(number))
}

fn vcpu(domain: u128, index: u32) -> VcpuId {
    VcpuId {
        domain: id(domain),
        index,
    }
}

fn pin(domain: u128, index: u32, cpu: u32) -> PlannedStep {
    PlannedStep {
        step: HostStep::Pin {
            vcpu: vcpu(domain, index),
            to: CpuSet::single(PcpuId::new(cpu)),
        },
        why: "spread 60.0 to 3.5 points".to_owned(),
    }
}

fn report(picture: Picture, steps: Vec<(PlannedStep, Outcome)>, notes: &[&str]) -> CycleReport {
    let (steps, outcomes) = steps.into_iter().unzip();
    let names = [(1, "web"), (2, "db\u{1b}[2J")];
    CycleReport {
        number: 3,
        at: Timestamp::from_nanos(10_040_000_000),
        names: names
            .map(|(number, name)| (id(number), name.to_owned()))
            .into(),
        plan: HostPlan {
            steps,
            picture,
            notes: notes.iter().map(|note| (*note).to_owned()).collect(),
        },
        outcomes,
    }
}

fn pcpu(number: u32, load: f64, load_after: f64, vcpus: &[VcpuId]) -> PcpuPicture {
    PcpuPicture {
        id: PcpuId::new(number),
        load,
        load_after,
        vcpus: vcpus.to_vec(),
    }
}

fn cpu() -> CycleReport {
    let picture = CpuPicture {
        pcpus: vec![
            pcpu(0, 1.2, 0.57, &[vcpu(1, 0), vcpu(2, 0), vcpu(2, 1)]),
            pcpu(1, 0.0, 0.63, &[]),
        ],
        spread: 60.0,
        spread_after: 3.5,
        triggered: true,
        migrations: 2,
    };
    let gone = Outcome::Failed(HvError::Vanished(id(2)));
    report(
        Picture::Cpu(picture),
        vec![
            (pin(1, 0, 1), Outcome::Done),
            (pin(2, 0, 1), gone),
            (pin(2, 1, 0), Outcome::NotAsked),
        ],
        &["db: its counters ran backwards, sample left out"],
    )
}

fn memory() -> CycleReport {
    let guest = |number: u128, name: &str, held: &str| GuestPicture {
        id: id(number),
        name: name.to_owned(),
        actual: Bytes::mib(512),
        used: (number == 1).then(|| Bytes::mib(213)),
        need: Bytes::mib(420),
        target: Bytes::mib(600),
        held: held.to_owned(),
    };
    let picture = MemoryPicture {
        available: Bytes::mib(5632),
        reserve: Bytes::mib(220),
        in_flight: Bytes::kib(1500),
        state: HostState::High,
        guests: vec![guest(1, "web", ""), guest(2, "a-long-name", "grew 4 s ago")],
    };
    let set = HostStep::SetMemory {
        domain: id(1),
        target: Bytes::mib(600),
    };
    let period = HostStep::SetStatsPeriod {
        domain: id(2),
        period: Duration::from_secs(1),
    };
    let planned = |step, why: &str| PlannedStep {
        step,
        why: why.to_owned(),
    };
    report(
        Picture::Memory(picture),
        vec![
            (planned(period, "statistics are off"), Outcome::Skipped),
            (planned(set, "needs 420 and grows 40 MiB/s"), Outcome::Done),
        ],
        &[],
    )
}

fn check(text: &str, expected: Expect) {
    expected.assert_eq(text);
}

fn start() -> Start {
    Start {
        program: "vcpu-scheduler",
        profile: "course",
        config: None,
        algorithm: "cloudlot",
        uri: "sim:cpu-1".to_owned(),
        seed: Some(7),
        interval: Duration::from_millis(500),
        mode: "act",
    }
}

#[test]
fn the_first_line_says_what_is_in_force() {
    check(
        &PLAIN.start(&start()),
        expect![[r#"
            vcpu-scheduler: profile course on sim:cpu-1 every 0.5 s, seed 7
        "#]],
    );
    let other = Start {
        seed: None,
        config: Some("my.toml".to_owned()),
        algorithm: "former",
        mode: "dry-run",
        ..start()
    };
    check(
        &PLAIN.start(&other),
        expect![[r#"
            vcpu-scheduler: profile course on sim:cpu-1 every 0.5 s, config my.toml, algorithm former, dry-run: nothing is changed
        "#]],
    );
}

#[test]
fn a_cpu_cycle_shows_loads_moves_and_reasons() {
    check(
        &PLAIN.cycle(&cpu()),
        expect![[r#"
            cycle 3  10.0 s  spread 60.0 -> 3.5 points  2 migrations
              pcpu   0   120 %
              pcpu   1     0 %
              pin web/0  0 -> 1  spread 60.0 to 3.5 points
              pin db\u{1b}[2J/0  0 -> 1 [failed: domain 00000000-0000-0000-0000-000000000002 is gone]  spread 60.0 to 3.5 points
              pin db\u{1b}[2J/1  0 -> 0 [planned only]  spread 60.0 to 3.5 points
              note: db: its counters ran backwards, sample left out
        "#]],
    );
}

#[test]
fn an_explained_cpu_cycle_shows_what_is_expected() {
    let table = Table {
        explain: true,
        ..PLAIN
    };
    check(
        &table.cycle(&cpu()),
        expect![[r#"
            cycle 3  10.0 s  spread 60.0 -> 3.5 points  2 migrations
              pcpu   0   120 % ->   57 %  web/0 db\u{1b}[2J/0 db\u{1b}[2J/1
              pcpu   1     0 % ->   63 %
              pin web/0  0 -> 1  spread 60.0 to 3.5 points
              pin db\u{1b}[2J/0  0 -> 1 [failed: domain 00000000-0000-0000-0000-000000000002 is gone]  spread 60.0 to 3.5 points
              pin db\u{1b}[2J/1  0 -> 0 [planned only]  spread 60.0 to 3.5 points
              note: db: its counters ran backwards, sample left out
        "#]],
    );
    let calm = Picture::Cpu(CpuPicture::default());
    check(
        &table.cycle(&report(calm, Vec::new(), &[])),
        expect![[r#"
            cycle 3  10.0 s  spread 0.0 points  (not out of balance)
        "#]],
    );
}

#[test]
fn a_terminal_gets_bars_and_colours() {
    let colours = Table {
        style: Style::fitting(true, None, None),
        explain: false,
    };
    let text = colours.cycle(&cpu()).replace('\u{1b}', "ESC");
    check(
        &text,
        expect![[r#"
            cycle 3  10.0 s  ESC[1mspread 60.0 -> 3.5 pointsESC[0m  2 migrations
              pcpu   0 ESC[31m████████████████████▸ESC[0m  120 %
              pcpu   1 ESC[32m···················· ESC[0m    0 %
              pin web/0  0 -> 1  spread 60.0 to 3.5 points
              pin db\u{1b}[2J/0  0 -> 1 [failed: domain 00000000-0000-0000-0000-000000000002 is gone]  spread 60.0 to 3.5 points
              pin db\u{1b}[2J/1  0 -> 0 [planned only]  spread 60.0 to 3.5 points
              note: db: its counters ran backwards, sample left out
        "#]],
    );
}

#[test]
fn many_pcpus_share_lines() {
    let picture = CpuPicture {
        pcpus: (0..18).map(|n| pcpu(n, 0.5, 0.5, &[])).collect(),
        ..CpuPicture::default()
    };
    check(
        &PLAIN.cycle(&report(Picture::Cpu(picture), Vec::new(), &[])),
        expect![[r#"
            cycle 3  10.0 s  spread 0.0 points
              pcpu   0    50 %  pcpu   1    50 %  pcpu   2    50 %  pcpu   3    50 %
              pcpu   4    50 %  pcpu   5    50 %  pcpu   6    50 %  pcpu   7    50 %
              pcpu   8    50 %  pcpu   9    50 %  pcpu  10    50 %  pcpu  11    50 %
              pcpu  12    50 %  pcpu  13    50 %  pcpu  14    50 %  pcpu  15    50 %
              pcpu  16    50 %  pcpu  17    50 %
        "#]],
    );
}

#[test]
fn a_memory_cycle_shows_a_row_a_guest() {
    check(
        &PLAIN.cycle(&memory()),
        expect![[r#"
            cycle 3  10.0 s  host 5632 MiB available, reserve 220, in flight 1: high
              MiB          actual    used    need  target  held
              web             512     213     420     600
              a-long-name     512       ?     420     600  grew 4 s ago
              statistics db\u{1b}[2J  every 1 s [skipped]  statistics are off
              memory web  512 -> 600 MiB  needs 420 and grows 40 MiB/s
        "#]],
    );
}

#[test]
fn waiting_says_what_for() {
    let mut nobody = report(Picture::Blind, Vec::new(), &[]);
    check(
        &PLAIN.cycle(&nobody),
        expect![[r#"
            cycle 3  10.0 s  watching, too little is known to act
        "#]],
    );
    nobody.names.clear();
    check(
        &PLAIN.cycle(&nobody),
        expect![[r#"
            cycle 3  10.0 s  no domains, waiting
        "#]],
    );
    let lost = HvError::Disconnected("end of file\u{7}".to_owned());
    check(
        &PLAIN.failed(4, &lost),
        expect![[r#"
                        cycle 4  not connected: end of file\u{7}
        "#]],
    );
}

fn end() -> End {
    let mut tally = Tally::default();
    tally.observe(&cpu());
    tally.observe_failure();
    tally.observe(&memory());
    End {
        tally,
        restored: RestoreReport {
            restored: 3,
            left: vec!["web: stopped".to_owned()],
            originals: Vec::new(),
        },
    }
}

#[test]
fn the_end_counts_what_was_done() {
    let spread = Extremes {
        first: 60.0,
        last: 60.0,
        least: 60.0,
        most: 60.0,
    };
    let tally = end().tally;
    assert_eq!((tally.cycles, tally.failed), (2, 1));
    assert_eq!((tally.pins, tally.memory_steps), (1, 1));
    assert_eq!(tally.migrations, 1, "no more than the pins that were done");
    assert_eq!(tally.spread, Some(spread));
    check(
        &PLAIN.end(&end()),
        expect![[r#"
            2 cycles, 1 more failed: spread at most 60.0, at the end 60.0 points, 1 pins, 1 migrations: host available at least 5632, at the end 5632 MiB, 1 balloon targets set
            restored 3 settings
            not restored: web: stopped
        "#]],
    );
}

#[test]
fn json_keeps_its_keys() {
    let json: String = [
        Json.start(&start()),
        Json.cycle(&cpu()),
        Json.cycle(&memory()),
        Json.cycle(&report(Picture::Blind, Vec::new(), &[])),
        Json.failed(4, &HvError::Denied("read only".to_owned())),
        Json.end(&end()),
    ]
    .concat();
    for line in json.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(value.get("event").is_some());
    }
    check(
        &json,
        expect![[r#"
            {"event":"start","program":"vcpu-scheduler","profile":"course","config":null,"algorithm":"cloudlot","uri":"sim:cpu-1","seed":7,"interval_s":0.5,"mode":"act"}
            {"event":"cycle","cycle":3,"at_s":10.04,"error":null,"domains":2,"cpu":{"spread":60.0,"spread_after":3.5,"triggered":true,"migrations":2,"pcpus":[{"id":0,"load":1.2,"load_after":0.57,"vcpus":[{"domain":"00000000-0000-0000-0000-000000000001","name":"web","vcpu":0},{"domain":"00000000-0000-0000-0000-000000000002","name":"db\u001b[2J","vcpu":0},{"domain":"00000000-0000-0000-0000-000000000002","name":"db\u001b[2J","vcpu":1}]},{"id":1,"load":0.0,"load_after":0.63,"vcpus":[]}]},"memory":null,"steps":[{"step":"pin","domain":"00000000-0000-0000-0000-000000000001","name":"web","vcpu":0,"from_pcpu":0,"to_cpus":"1","outcome":"done","why":"spread 60.0 to 3.5 points"},{"step":"pin","domain":"00000000-0000-0000-0000-000000000002","name":"db\u001b[2J","vcpu":0,"from_pcpu":0,"to_cpus":"1","outcome":"failed","error":"domain 00000000-0000-0000-0000-000000000002 is gone","why":"spread 60.0 to 3.5 points"},{"step":"pin","domain":"00000000-0000-0000-0000-000000000002","name":"db\u001b[2J","vcpu":1,"from_pcpu":0,"to_cpus":"0","outcome":"planned","why":"spread 60.0 to 3.5 points"}],"notes":["db: its counters ran backwards, sample left out"]}
            {"event":"cycle","cycle":3,"at_s":10.04,"error":null,"domains":2,"cpu":null,"memory":{"available_bytes":5905580032,"reserve_bytes":230686720,"in_flight_bytes":1536000,"state":"high","guests":[{"domain":"00000000-0000-0000-0000-000000000001","name":"web","actual_bytes":536870912,"used_bytes":223346688,"need_bytes":440401920,"target_bytes":629145600,"held":null},{"domain":"00000000-0000-0000-0000-000000000002","name":"a-long-name","actual_bytes":536870912,"used_bytes":null,"need_bytes":440401920,"target_bytes":629145600,"held":"grew 4 s ago"}]},"steps":[{"step":"set-stats-period","domain":"00000000-0000-0000-0000-000000000002","name":"db\u001b[2J","period_s":1,"outcome":"skipped","why":"statistics are off"},{"step":"set-memory","domain":"00000000-0000-0000-0000-000000000001","name":"web","target_bytes":629145600,"outcome":"done","why":"needs 420 and grows 40 MiB/s"}],"notes":[]}
            {"event":"cycle","cycle":3,"at_s":10.04,"error":null,"domains":2,"cpu":null,"memory":null,"steps":[],"notes":[]}
            {"event":"cycle","cycle":4,"at_s":null,"error":"permission denied: read only","domains":0,"cpu":null,"memory":null,"steps":[],"notes":[]}
            {"event":"end","cycles":2,"failed_cycles":1,"pins":1,"migrations":1,"memory_steps":1,"spread":{"first":60.0,"last":60.0,"least":60.0,"most":60.0},"available_bytes":{"first":5905580032,"last":5905580032,"least":5905580032,"most":5905580032},"restored":3,"left":["web: stopped"]}
        "#]],
    );
}
