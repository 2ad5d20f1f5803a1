//! The stage of all scenarios: one laboratory and five guests, put in order before each.
//!
//! Booting is what costs time, so the guests are shared; [`Stage`] is taken by one test at a time,
//! and even one that panicked leaves nothing that the next would notice.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use cloudlot_core::{Bytes, Clock, SystemClock};
use cloudlot_examples::lab::{Guest, GuestSpec, Lab, Virsh};

use crate::host::{self, Settings};

/// Four guests with one vCPU and one with two. The first has room to eat.
fn specs() -> [GuestSpec; 5] {
    let guest = |name: &str| GuestSpec {
        memory_max: Bytes::mib(512),
        memory: Bytes::mib(512),
        ..GuestSpec::new(name)
    };
    let eater = GuestSpec {
        memory_max: Bytes::mib(768),
        memory: Bytes::mib(256),
        ..GuestSpec::new("a")
    };
    let wide = GuestSpec {
        vcpus: 2,
        ..guest("e")
    };
    [eater, guest("b"), guest("c"), guest("d"), wide]
}

/// A laboratory with its guests.
pub(crate) struct Stage {
    pub(crate) lab: Lab,
    pub(crate) guests: Vec<Guest>,
}

/// The stage, in order: guests up and idle, vCPUs floating, balloons as described, no statistics.
pub(crate) fn take() -> MutexGuard<'static, Stage> {
    static STAGE: OnceLock<Mutex<Stage>> = OnceLock::new();
    let stage = STAGE.get_or_init(|| Mutex::new(Stage::open()));
    let mut stage = stage.lock().unwrap_or_else(PoisonError::into_inner);
    stage.put_in_order();
    stage
}

impl Stage {
    fn open() -> Self {
        let lab = Lab::start().expect("a laboratory (cargo xtask setup installs what it needs)");
        let guests = lab.boot(specs()).unwrap();
        Self { lab, guests }
    }

    fn put_in_order(&mut self) {
        if self.virsh().run(&["version"]).is_err() {
            self.lab.resume_daemon().unwrap();
        }
        for guest in &self.guests {
            if host::is_shut_off(self.virsh(), &guest.domain()) {
                guest.start().unwrap();
            }
        }
        for guest in &self.guests {
            guest.wait_until_up().unwrap();
            guest.burn(0).unwrap();
            guest.free().unwrap();
        }
        let everywhere = format!("0-{}", host::online_pcpus(self.virsh()).len() - 1);
        for guest in &self.guests {
            self.pin(guest, &everywhere);
            let (domain, memory) = (guest.domain(), guest.spec().memory.whole_kib().to_string());
            self.do_to(&["setmem", &domain, &memory, "--live"]);
            self.do_to(&["dommemstat", &domain, "--period", "0", "--live"]);
        }
        let target = |guest: &Guest| guest.spec().memory.whole_kib();
        wait_for("the balloons to be as described", || {
            let settings = self.settings();
            let pairs = self.guests.iter().zip(settings);
            pairs
                .map(|(guest, now)| (target(guest), now.target_kib))
                .all(|(wanted, is)| wanted == is)
        });
    }

    pub(crate) fn virsh(&self) -> &Virsh {
        self.lab.virsh()
    }

    fn do_to(&self, arguments: &[&str]) {
        self.virsh().run(arguments).unwrap();
    }

    /// What the programs change, of every guest in order, as `virsh` tells it.
    pub(crate) fn settings(&self) -> Vec<Settings> {
        let read = |guest: &Guest| Settings::read(self.virsh(), &guest.domain());
        self.guests.iter().map(read).collect()
    }

    /// Lets all vCPUs of a running guest run on `cpus` only.
    pub(crate) fn pin(&self, guest: &Guest, cpus: &str) {
        for vcpu in 0..guest.spec().vcpus {
            let (domain, vcpu) = (guest.domain(), vcpu.to_string());
            self.do_to(&["vcpupin", &domain, &vcpu, cpus, "--live"]);
        }
    }

    /// Puts all vCPUs on pCPU 0 and keeps all of them busy.
    pub(crate) fn pile_up(&self) {
        for guest in &self.guests {
            self.pin(guest, "0");
        }
        for guest in &self.guests {
            guest.burn(guest.spec().vcpus).unwrap();
        }
    }

    /// Lets all guests be idle; the one with nothing to say is not there.
    pub(crate) fn calm(&self) {
        for guest in &self.guests {
            if !host::is_shut_off(self.virsh(), &guest.domain()) {
                guest.burn(0).unwrap();
            }
        }
    }

    /// Waits until everything is as it was.
    pub(crate) fn wait_until_back(&self, before: &[Settings], after: &str) {
        let clock = SystemClock::start();
        let deadline = clock.now() + PATIENCE;
        while self.settings() != before && clock.now() < deadline {
            clock.sleep_until(clock.now() + POLL);
        }
        assert_eq!(
            self.settings(),
            before,
            "{after}, masks, targets and periods (left) are not as they were (right)"
        );
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(200);

/// Waits up to a minute for a condition.
pub(crate) fn wait_for(what: &str, mut come_true: impl FnMut() -> bool) {
    let clock = SystemClock::start();
    let deadline = clock.now() + PATIENCE;
    while !come_true() {
        assert!(clock.now() < deadline, "waited {PATIENCE:?} for {what}");
        clock.sleep_until(clock.now() + POLL);
    }
}

/// Waits, where the time itself is the point.
pub(crate) fn pause(length: Duration) {
    let clock = SystemClock::start();
    clock.sleep_until(clock.now() + length);
}
