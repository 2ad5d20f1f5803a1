//! The way back to what was, across crashes and restarts, on the simulated host.
#![cfg(feature = "serde")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use cloudlot_core::{Bytes, Clock, ManualClock, Seeds, Timestamp};
use cloudlot_hv::fake::{FakeHost, scenario};
use cloudlot_hv::journal::FileJournal;
use cloudlot_hv::{
    Controller, CpuSet, Cycle, CycleReport, HostPlan, HostSample, HostStep, Hypervisor, Mode,
    Original, PcpuId, Picture, PlannedStep, RestoreLimits, RestorePolicy, RestoreReport, VcpuId,
    restore, run,
};
use std::path::PathBuf;
use std::time::Duration;

const URI: &str = "sim:host";
const LIMITS: RestoreLimits = RestoreLimits {
    reserve: Bytes::mib(200),
    headroom: Bytes::mib(100),
};

/// Changes every setting of every domain in every cycle.
#[derive(Default)]
struct Restless(u32);

impl Controller for Restless {
    fn plan(&mut self, sample: &HostSample) -> HostPlan {
        self.0 += 1;
        let turn = self.0;
        let mut steps = Vec::new();
        for domain in &sample.domains {
            steps.extend(domain.vcpus.iter().map(|vcpu| HostStep::Pin {
                vcpu: VcpuId {
                    domain: domain.id,
                    index: vcpu.index,
                },
                to: CpuSet::single(PcpuId::new(turn % 4)),
            }));
            if domain.balloon.is_some() {
                steps.push(HostStep::SetStatsPeriod {
                    domain: domain.id,
                    period: Duration::from_secs(u64::from(turn) + 2),
                });
                steps.push(HostStep::SetMemory {
                    domain: domain.id,
                    target: Bytes::mib(400 + u64::from(turn)),
                });
            }
        }
        let planned = |step| PlannedStep {
            step,
            why: "restless".to_owned(),
        };
        HostPlan {
            steps: steps.into_iter().map(planned).collect(),
            picture: Picture::Blind,
            notes: Vec::new(),
        }
    }

    fn observe(&mut self, _: &CycleReport) {}

    fn forget_samples(&mut self) {}
}

struct World {
    clock: ManualClock,
    host: FakeHost,
    before: Vec<Original>,
    dir: tempfile::TempDir,
}

impl World {
    fn new(name: &str) -> Self {
        let clock = ManualClock::at(Timestamp::ZERO);
        let seeds = Seeds::new(5);
        let spec = scenario::named(name, seeds).unwrap();
        let mut host = FakeHost::new(spec, seeds, clock.clone()).unwrap();
        let before = settings(&mut host);
        Self {
            clock,
            host,
            before,
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("journal")
    }

    fn journal(&self) -> FileJournal {
        FileJournal::open(self.path(), "test", URI).unwrap()
    }

    /// A process that works for a few cycles and ends without a word.
    fn killed_run(mut self) -> Self {
        let journal = self.journal();
        let known = journal.originals().to_vec();
        let mut cycle = Cycle::new(self.host, Restless::default(), journal, Mode::Act, known);
        let second = Duration::from_secs(1);
        run(
            &mut cycle,
            &self.clock,
            second,
            Some(3),
            &|| false,
            &mut |turn| {
                assert!(turn.unwrap().done().count() > 0);
            },
        );
        self.host = cycle.into_parts().0;
        self.clock
            .sleep_until(self.clock.now() + Duration::from_secs(1));
        self
    }

    /// What `restore` does, or the end of a run.
    fn restore(&mut self, stop: &dyn Fn() -> bool) -> RestoreReport {
        let mut journal = self.journal();
        let originals = journal.originals().to_vec();
        let policy = RestorePolicy::Original;
        let report = restore(&mut self.host, &originals, policy, LIMITS, stop);
        journal.keep_only(&report.originals).unwrap();
        report
    }
}

fn settings(host: &mut FakeHost) -> Vec<Original> {
    let sample = host.sample().unwrap();
    let ids = sample.domains.iter().map(|domain| domain.id);
    ids.map(|id| host.originals(id).unwrap()).collect()
}

fn check(name: &str, scenario: impl Fn(World) -> World) {
    let mut world = scenario(World::new(name));
    assert_ne!(settings(&mut world.host), world.before);
    let report = world.restore(&|| false);
    assert_eq!(report.left, Vec::<String>::new());
    assert!(report.restored > 0);
    assert_eq!(settings(&mut world.host), world.before);
    assert!(!world.path().exists(), "nothing is left to restore");
}

#[test]
fn after_a_kill_everything_is_put_back() {
    check("cpu-4", World::killed_run);
    check("mem-1", World::killed_run);
}

#[test]
fn several_kills_lead_back_to_the_first_settings() {
    check("cpu-1", |world| {
        world.killed_run().killed_run().killed_run()
    });
    check("mem-1", |world| world.killed_run().killed_run());
}

#[test]
fn what_was_not_restored_stays_written_down() {
    for name in ["cpu-4", "mem-1"] {
        check(name, |world| {
            let mut world = world.killed_run();
            let changed = settings(&mut world.host);
            let report = world.restore(&|| true);
            assert_eq!(report.originals.len(), world.before.len());
            assert!(report.left.iter().all(|left| left.contains("stopped")));
            assert_eq!(settings(&mut world.host), changed);
            world
        });
    }
}

#[test]
fn a_domain_that_is_gone_needs_nothing() {
    let mut world = World::new("cpu-2").killed_run();
    let gone = world.before[0].domain;
    assert!(world.host.destroy(gone));
    let report = world.restore(&|| false);
    assert_eq!(report.left, Vec::<String>::new());
    assert_eq!(settings(&mut world.host), world.before[1..]);
    assert!(!world.path().exists());
}
