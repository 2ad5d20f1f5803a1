//! What the window makes of a guest's words: used memory, growth, pressure, silence, and lies.

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_hv::memory::{
    Barred, GuestUsage, MemoryConfig, MemoryUsage, MemoryWindow, Pressure, Reading,
};
use cloudlot_hv::{BalloonSample, DomainId, DomainRules, DomainSample, DomainState, HostSample};
use std::time::Duration;
use uuid::Uuid;

const MIB: fn(u64) -> Bytes = Bytes::mib;

fn at(seconds: u64) -> Timestamp {
    Timestamp::ZERO + Duration::from_secs(seconds)
}

/// Has 1,000 MiB of 2,000 and leaves so much unused; the stamp is the second.
fn balloon(second: u64, unused: u64) -> BalloonSample {
    BalloonSample {
        actual: MIB(1000),
        max: MIB(2000),
        unused: Some(MIB(unused)),
        stamp: Some(second),
        age: Some(Duration::ZERO),
        ..BalloonSample::default()
    }
}

fn domain(balloon: BalloonSample) -> DomainSample {
    DomainSample {
        id: DomainId(Uuid::from_u64_pair(0, 1)),
        name: "db".to_owned(),
        run: 1,
        state: DomainState::Running,
        job: false,
        rules: DomainRules::default(),
        vcpus: Vec::new(),
        balloon: Some(balloon),
    }
}

fn sample(second: u64, domain: DomainSample) -> HostSample {
    HostSample {
        at: at(second),
        pcpus: Vec::new(),
        memory: None,
        domains: vec![domain],
    }
}

/// A window with rules of `course`, turned every 2 s.
struct Watched(MemoryWindow);

impl Watched {
    fn course() -> Self {
        Self(MemoryWindow::new(&MemoryConfig::course()))
    }

    fn production() -> Self {
        Self(MemoryWindow::new(&MemoryConfig::production()))
    }

    fn usage(&mut self, second: u64, balloon: BalloonSample) -> MemoryUsage {
        self.0.push(&sample(second, domain(balloon)))
    }

    fn guest(&mut self, second: u64, balloon: BalloonSample) -> GuestUsage {
        self.usage(second, balloon).guests.remove(0)
    }

    fn used(&mut self, second: u64, balloon: BalloonSample) -> Option<u64> {
        Some(self.guest(second, balloon).reading?.used.whole_mib())
    }
}

#[test]
fn used_is_what_is_not_spare_and_growth_its_slope() {
    let mut window = Watched::course();
    let first = window.guest(0, balloon(0, 700));
    assert_eq!(
        (first.reading.unwrap().used, first.growth),
        (MIB(300), MIB(0))
    );
    let second = window.guest(2, balloon(2, 660));
    assert_eq!(
        (second.reading.unwrap().used, second.growth),
        (MIB(340), MIB(20))
    );
    let third = window.guest(4, balloon(4, 900));
    assert_eq!(
        (third.reading.unwrap().used, third.growth),
        (MIB(100), MIB(0))
    );
    assert_eq!(third.booted, None);
}

#[test]
fn growth_counts_from_when_the_guest_spoke() {
    let mut window = Watched::course();
    let old = |second, unused, age| BalloonSample {
        age: Some(Duration::from_secs(age)),
        ..balloon(second, unused)
    };
    window.guest(10, old(1, 700, 0));
    // 40 MiB more after one second, not after two.
    assert_eq!(window.guest(12, old(2, 660, 1)).growth, MIB(40));
}

#[test]
fn a_guest_that_shrinks_may_use_what_its_balloon_took_since_it_spoke() {
    let mut window = Watched::course();
    window.guest(0, balloon(0, 700));
    let half_way = BalloonSample {
        actual: MIB(900),
        age: Some(Duration::from_secs(1)),
        ..balloon(1, 600)
    };
    let reading = window.guest(2, half_way).reading.unwrap();
    assert_eq!((reading.used, reading.doubt), (MIB(300), MIB(50)));
}

#[test]
fn page_cache_is_spare_in_production() {
    let mut window = Watched::production();
    let cached = |second, usable| BalloonSample {
        usable,
        caches: Some(MIB(400)),
        ..balloon(second, 100)
    };
    assert_eq!(window.used(0, cached(0, Some(MIB(450)))), Some(550));
    // Half of it, for a guest that does not tell.
    assert_eq!(window.used(5, cached(1, None)), Some(700));
    let nothing_known = BalloonSample {
        unused: None,
        ..cached(2, None)
    };
    assert_eq!(window.used(10, nothing_known.clone()), Some(700));
    assert_eq!(window.used(15, nothing_known.clone()), Some(700));
    assert_eq!(window.used(20, nothing_known), None);
}

#[test]
fn statistics_that_stand_still_are_silence_after_three_turns() {
    let mut window = Watched::course();
    let still = || BalloonSample {
        age: None,
        ..balloon(7, 700)
    };
    let other = || BalloonSample {
        stamp: Some(8),
        ..still()
    };
    // Without an age, nobody knows how old the first word is.
    assert_eq!(window.used(0, still()), None);
    assert_eq!(window.used(2, other()), Some(300));
    assert_eq!(window.used(4, other()), Some(300));
    assert_eq!(window.used(6, other()), Some(300));
    let silent = window.usage(8, other());
    assert_eq!(silent.guests[0].reading, None);
    assert_eq!(
        silent.notes,
        ["db: it does not tell what it uses, and will not shrink"]
    );
    assert!(
        window.usage(10, other()).notes.is_empty(),
        "it was said once"
    );
    assert_eq!(
        window.usage(12, still()).notes,
        ["db: it tells what it uses"]
    );
}

#[test]
fn old_statistics_are_silence_at_once() {
    let mut window = Watched::course();
    let old = BalloonSample {
        age: Some(Duration::from_secs(16)),
        ..balloon(7, 700)
    };
    assert_eq!(window.used(100, old.clone()), None);
    // Asked for every 10 s, they may be 30 s old.
    let slow = BalloonSample {
        period: Some(Duration::from_secs(10)),
        ..old
    };
    assert_eq!(Watched::course().used(100, slow), Some(300));
}

#[test]
fn a_lie_gives_a_note_and_changes_nothing() {
    let mut window = Watched::course();
    window.guest(0, balloon(0, 700));
    let lie = window.usage(2, balloon(1, 1001));
    assert_eq!(
        lie.notes,
        ["db: it says that 1001 MiB of 1000 MiB are to spare"]
    );
    let word = lie.guests[0].reading;
    let expected = Reading {
        used: MIB(300),
        doubt: Bytes::ZERO,
        unused: Some(MIB(700)),
        age: Duration::from_secs(2),
    };
    assert_eq!(word, Some(expected));

    let too_large = BalloonSample {
        actual: MIB(2001),
        ..balloon(2, 700)
    };
    assert_eq!(window.guest(4, too_large).barred, Some(Barred::Nonsense));
}

#[test]
fn swapping_and_faulting_are_pressure_by_rate() {
    let mut window = Watched::production();
    let counted = |second, swapped, faults| BalloonSample {
        usable: Some(MIB(700)),
        swap_in: Some(MIB(swapped)),
        major_faults: Some(faults),
        ..balloon(second, 700)
    };
    let mut pressure = |second, swapped, faults| {
        window
            .guest(second, counted(second, swapped, faults))
            .pressure
    };
    assert_eq!(pressure(0, 50, 90_000), None);
    assert_eq!(pressure(5, 50, 90_500), None);
    assert_eq!(pressure(10, 50, 91_001), Some(Pressure::Faults));
    assert_eq!(pressure(15, 51, 91_001), Some(Pressure::Swaps));
    assert_eq!(pressure(20, 51, 91_001), None);
    let short = BalloonSample {
        usable: Some(MIB(99)),
        ..counted(25, 51, 91_001)
    };
    assert_eq!(window.guest(25, short).pressure, Some(Pressure::Short));
}

#[test]
fn a_boot_before_our_eyes_is_seen() {
    let faults = |second, faults| BalloonSample {
        major_faults: Some(faults),
        ..balloon(second, 700)
    };
    let mut window = Watched::course();
    assert_eq!(window.guest(0, faults(0, 500)).booted, None);
    let again = window.usage(2, faults(1, 3));
    assert_eq!(again.guests[0].booted, Some(at(2)));
    assert_eq!(again.notes, ["db: its counters began anew, it has booted"]);

    let seen = BalloonSample {
        boots: 1,
        ..faults(2, 9)
    };
    assert_eq!(window.usage(3, seen).guests[0].booted, Some(at(3)));

    let next_run = DomainSample {
        run: 2,
        ..domain(balloon(2, 700))
    };
    let usage = window.0.push(&sample(4, next_run));
    assert_eq!(usage.guests[0].booted, Some(at(4)));
}

#[test]
fn who_must_be_left_alone_is_said() {
    let barred = |change: fn(&mut DomainSample)| {
        let mut domain = domain(balloon(0, 700));
        change(&mut domain);
        Watched::course()
            .0
            .push(&sample(0, domain))
            .guests
            .remove(0)
            .barred
    };
    assert_eq!(barred(|_| ()), None);
    assert_eq!(
        barred(|it| it.rules.managed = false),
        Some(Barred::Unmanaged)
    );
    assert_eq!(barred(|it| it.job = true), Some(Barred::Job));
    assert_eq!(
        barred(|it| it.state = DomainState::Paused),
        Some(Barred::NotRunning)
    );
}

#[test]
fn a_domain_that_is_listed_twice_counts_once() {
    let mut twice = sample(0, domain(balloon(0, 700)));
    twice.domains.push(domain(balloon(0, 100)));
    let usage = Watched::course().0.push(&twice);
    assert_eq!(usage.guests.len(), 1);
    assert_eq!(usage.guests[0].reading.unwrap().used, MIB(300));
    assert_eq!(
        usage.notes,
        ["the sample lists a domain twice: the first counts"]
    );
}
