//! The adapter's contract, on libvirt's built-in mock driver.
//!
//! Most tests open a node file of their own. Where another client has to interfere they share
//! `test:///default` with it, since libvirt gives each opener of a node file a world of its own.
//! Loads are not real there; the quality of control is tested elsewhere.
#![cfg(feature = "libvirt")]
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests stop at the first surprise, as tests do"
)]

use cloudlot_core::{Bytes, ManualClock, Timestamp};
use cloudlot_hv::libvirt::{Access, Libvirt, METADATA_NAMESPACE};
use cloudlot_hv::*;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use virt::connect::Connect;

/// A domain of a node file.
struct Guest {
    number: u128,
    vcpus: u32,
    /// Attributes of `<vcpu>`.
    vcpu: &'static str,
    cputune: &'static str,
    metadata: String,
    devices: &'static str,
    /// Elements of the test driver's own namespace.
    test: &'static str,
}

const BALLOON: &str = "<memballoon model='virtio'/>";
const MIB: u64 = 512;

/// A running guest with one vCPU, a balloon, 512 of 1024 MiB, and no rules.
fn guest(number: u128) -> Guest {
    Guest {
        number,
        vcpus: 1,
        vcpu: "",
        cputune: "",
        metadata: String::new(),
        devices: BALLOON,
        test: "",
    }
}

impl Guest {
    fn xml(&self) -> String {
        format!(
            "<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>
               <name>{name}</name><uuid>{uuid}</uuid>
               <metadata>{metadata}</metadata>
               <memory unit='MiB'>1024</memory><currentMemory unit='MiB'>{MIB}</currentMemory>
               <vcpu {vcpu}>{vcpus}</vcpu><cputune>{cputune}</cputune>
               <os><type>hvm</type></os>
               <devices>{devices}</devices>{test}
             </domain>",
            name = name(self.number),
            uuid = id(self.number),
            metadata = self.metadata,
            vcpu = self.vcpu,
            vcpus = self.vcpus,
            cputune = self.cputune,
            devices = self.devices,
            test = self.test,
        )
    }
}

fn name(number: u128) -> String {
    format!("guest-{number}")
}

fn id(number: u128) -> DomainId {
    DomainId(Uuid::from_u128(
        0xc10d_0000_0000_0000_0000_0000_0000_0000 | number,
    ))
}

fn vcpu(number: u128, index: u32) -> VcpuId {
    VcpuId {
        domain: id(number),
        index,
    }
}

fn cpus(list: &str) -> CpuSet {
    list.parse().unwrap()
}

fn rules(attributes: &str) -> String {
    format!("<cloudlot:rules xmlns:cloudlot='{METADATA_NAMESPACE}' {attributes}/>")
}

/// Writes a host with four pCPUs and these guests.
fn write_node(path: &Path, guests: &[Guest]) {
    let mut text = "<node><cpu><mhz>2000</mhz><model>x86_64</model><active>4</active>\
         <nodes>1</nodes><sockets>1</sockets><cores>2</cores><threads>2</threads></cpu>\
         <memory>8388608</memory>"
        .to_owned();
    for guest in guests {
        write!(text, "{}", guest.xml()).unwrap();
    }
    text.push_str("</node>");
    std::fs::write(path, text).unwrap();
}

/// An open node file, with the folder that it lies in and the clock that it is sampled by.
struct World {
    host: Libvirt,
    clock: ManualClock,
    _folder: tempfile::TempDir,
}

fn world(guests: &[Guest]) -> World {
    world_with(Access::ReadWrite, guests)
}

fn world_with(access: Access, guests: &[Guest]) -> World {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.xml");
    write_node(&path, guests);
    let clock = ManualClock::default();
    let uri = format!("test://{}", path.display());
    World {
        host: Libvirt::open(&uri, access, Arc::new(clock.clone())).unwrap(),
        clock,
        _folder: folder,
    }
}

impl World {
    fn domain(&mut self, number: u128) -> DomainSample {
        domain(&mut self.host, number).expect("the guest is active")
    }

    fn mask(&mut self, number: u128, index: u32) -> String {
        let vcpus = self.domain(number).vcpus;
        let vcpu = vcpus.iter().find(|vcpu| vcpu.index == index);
        vcpu.expect("the vcpu is online").mask.to_string()
    }

    fn actual(&mut self, number: u128) -> Bytes {
        self.domain(number).balloon.expect("a balloon").actual
    }

    fn pin(&mut self, vcpu: VcpuId, to: &str) -> Result<(), HvError> {
        self.host.apply(&HostStep::Pin { vcpu, to: cpus(to) })
    }

    fn set_memory(&mut self, number: u128, target: Bytes) -> Result<(), HvError> {
        self.host.apply(&HostStep::SetMemory {
            domain: id(number),
            target,
        })
    }

    fn set_period(&mut self, number: u128, period: Duration) -> Result<(), HvError> {
        self.host.apply(&HostStep::SetStatsPeriod {
            domain: id(number),
            period,
        })
    }
}

fn domain(host: &mut Libvirt, number: u128) -> Option<DomainSample> {
    let sample = host.sample().unwrap();
    sample.domains.into_iter().find(|it| it.id == id(number))
}

// --- what is sampled

#[test]
fn the_host_is_sampled_as_its_node_file_says() {
    let mut world = world(&[guest(1)]);
    world.clock.advance_to(Timestamp::from_nanos(7));
    let sample = world.host.sample().unwrap();
    assert_eq!(sample.at, Timestamp::from_nanos(7));
    let seats: Vec<_> = sample
        .pcpus
        .iter()
        .map(|cpu| (cpu.id.number(), cpu.usable, cpu.core, cpu.cache, cpu.node))
        .collect();
    assert_eq!(
        seats,
        [
            (0, true, 0, 0, 0),
            (1, true, 0, 0, 0),
            (2, true, 2, 0, 0),
            (3, true, 2, 0, 0)
        ]
    );
    assert!(sample.pcpus.iter().all(|cpu| cpu.busy.is_some()));
    assert_eq!(sample.memory, None, "a node file knows no free memory");
}

#[test]
fn host_memory_is_told_where_the_driver_knows_it() {
    let (mut host, _) = shared(&ManualClock::default());
    let memory = host.sample().unwrap().memory.unwrap();
    assert!(memory.available > Bytes::ZERO && memory.available <= memory.total);
}

#[test]
fn domains_are_sampled_by_rising_id_and_only_while_active() {
    let mut paused = guest(2);
    paused.test = "<test:runstate>3</test:runstate>";
    let mut off = guest(4);
    off.test = "<test:runstate>5</test:runstate>";
    let mut wide = guest(1);
    wide.vcpus = 3;
    let mut world = world(&[guest(3), off, paused, wide]);
    let sample = world.host.sample().unwrap();
    let shown: Vec<_> = sample
        .domains
        .iter()
        .map(|domain| (domain.name.as_str(), domain.state, domain.vcpus.len()))
        .collect();
    assert_eq!(
        shown,
        [
            ("guest-1", DomainState::Running, 3),
            ("guest-2", DomainState::Paused, 1),
            ("guest-3", DomainState::Running, 1)
        ]
    );
    let first = &sample.domains[0];
    let numbers: Vec<_> = first.vcpus.iter().map(|vcpu| vcpu.index).collect();
    assert_eq!(numbers, [0, 1, 2]);
    for vcpu in &first.vcpus {
        assert_eq!(vcpu.mask, cpus("0-3"));
        assert_eq!((vcpu.delay, &vcpu.bound), (None, &None));
    }
    let mut runs: Vec<_> = sample.domains.iter().map(|domain| domain.run).collect();
    runs.sort_unstable();
    runs.dedup();
    assert_eq!(runs.len(), 3, "runs of one daemon differ");
    assert_eq!(first.rules, DomainRules::default());
    assert!(!first.job);
}

#[test]
fn a_balloon_is_sampled_with_what_its_guest_says() {
    let balloon = world(&[guest(1)]).domain(1).balloon.unwrap();
    assert_eq!(balloon.actual, Bytes::mib(512));
    assert_eq!(balloon.max, Bytes::mib(1024));
    assert!(balloon.unused.is_some() && balloon.usable.is_some());
    assert!(balloon.swap_in.is_some() && balloon.major_faults.is_some());
    // The driver's one and only stamp, from 1989.
    assert_eq!(balloon.stamp, Some(627_319_920));
    assert!(balloon.age.unwrap() > Duration::from_secs(30 * 365 * 86_400));
    assert_eq!(balloon.period, Some(Duration::ZERO));
    assert_eq!(balloon.boots, 0);
}

#[test]
fn without_a_balloon_device_there_is_no_balloon() {
    let mut none = guest(1);
    none.devices = "<memballoon model='none'/>";
    let mut bare = guest(2);
    bare.devices = "";
    let mut world = world(&[none, bare]);
    for number in [1, 2] {
        assert_eq!(world.domain(number).balloon, None);
        let unsupported = |done| assert!(matches!(done, Err(HvError::Unsupported(_))), "{done:?}");
        unsupported(world.set_memory(number, Bytes::mib(400)));
        unsupported(world.set_period(number, Duration::from_secs(1)));
        let original = world.host.originals(id(number)).unwrap();
        assert_eq!((original.target, original.stats_period), (None, None));
        assert_eq!(original.pins.len(), 1);
    }
}

// --- what owners ask for

#[test]
fn the_persistent_definition_bounds_and_a_transient_one_does_not() {
    let pinned = |number, test| Guest {
        vcpus: 2,
        vcpu: "cpuset='0-2'",
        cputune: "<vcpupin vcpu='1' cpuset='3'/>",
        test,
        ..guest(number)
    };
    let mut world = world(&[pinned(1, ""), pinned(2, "<test:transient/>")]);
    let bounds = |world: &mut World, number| -> Vec<_> {
        let vcpus = world.domain(number).vcpus;
        vcpus.into_iter().map(|vcpu| vcpu.bound).collect()
    };
    let defined = [Some(cpus("0-2")), Some(cpus("3"))];
    assert_eq!(bounds(&mut world, 1), defined);
    assert_eq!(bounds(&mut world, 2), [None, None]);
    assert_eq!(world.mask(2, 1), "3", "its pin is where it starts from");

    // A live pin is no new bound, however often the definition is read again.
    world.pin(vcpu(1, 0), "1").unwrap();
    world.pin(vcpu(2, 0), "1").unwrap();
    world
        .clock
        .advance_to(Timestamp::ZERO + Duration::from_secs(61));
    assert_eq!(bounds(&mut world, 1), defined);
    assert_eq!(bounds(&mut world, 2), [None, None]);
}

#[test]
fn rules_come_from_metadata_and_wrong_ones_are_noted_once() {
    let mut asked = guest(1);
    asked.metadata = rules(
        "managed='no' weight='2' shares='3' memory-min='256MiB' memory-max='1GiB' cpus='0-1'",
    );
    let mut wrong = guest(2);
    wrong.metadata = rules("weight='heavy' shares='3'");
    let mut world = world(&[asked, wrong]);
    let asked = world.domain(1);
    assert_eq!(asked.vcpus[0].bound, Some(cpus("0-1")));
    assert_eq!(
        asked.rules,
        DomainRules {
            managed: false,
            pinnable: true,
            weight: 2,
            shares: 3,
            memory_min: Some(Bytes::mib(256)),
            memory_max: Some(Bytes::gib(1)),
        }
    );
    let rules = world.domain(2).rules;
    assert_eq!((rules.weight, rules.shares), (1, 3));
    let notes = world.host.notes();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0].contains("guest-2") && notes[0].contains("heavy"),
        "{notes:?}"
    );
    world
        .clock
        .advance_to(Timestamp::ZERO + Duration::from_secs(61));
    world.domain(2);
    assert_eq!(world.host.notes(), Vec::<String>::new());
}

// --- what is changed

#[test]
fn masks_read_back_as_pinned_and_others_stay() {
    let mut wide = guest(1);
    wide.vcpus = 2;
    let mut world = world(&[wide, guest(2)]);
    for list in ["3", "0,2", "0-3", "1-2"] {
        world.pin(vcpu(1, 1), list).unwrap();
        assert_eq!(world.mask(1, 1), list);
        assert_eq!(world.mask(1, 0), "0-3");
        assert_eq!(world.mask(2, 0), "0-3");
        let pins = world.host.originals(id(1)).unwrap().pins;
        assert_eq!(pins[&1], cpus(list));
    }
}

#[test]
fn pins_that_cannot_be_are_refused_and_leave_no_trace() {
    let mut world = world(&[guest(1)]);
    world.pin(vcpu(1, 0), "1-2").unwrap();
    for list in ["", "4", "0,4", "3-70", "16383"] {
        let refused = world.pin(vcpu(1, 0), list);
        assert!(
            matches!(refused, Err(HvError::Failed(_))),
            "{list}: {refused:?}"
        );
    }
    let absent = world.pin(vcpu(1, 1), "0");
    assert!(
        matches!(&absent, Err(HvError::Failed(words)) if words.contains("not online")),
        "a missing vcpu is no refusal of the pCPU: {absent:?}"
    );
    assert_eq!(world.mask(1, 0), "1-2");
}

#[test]
fn actual_follows_the_memory_target() {
    let mut world = world(&[guest(1), guest(2)]);
    for mib in [300, 1024, 512] {
        world.set_memory(1, Bytes::mib(mib)).unwrap();
        assert_eq!(world.actual(1), Bytes::mib(mib));
        assert_eq!(world.actual(2), Bytes::mib(MIB));
        let original = world.host.originals(id(1)).unwrap();
        assert_eq!(original.target, Some(Bytes::mib(mib)));
    }
}

#[test]
fn targets_that_cannot_be_are_refused_and_leave_no_trace() {
    let mut world = world(&[guest(1)]);
    for target in [Bytes::ZERO, Bytes::new(1023), Bytes::mib(1025), Bytes::MAX] {
        let refused = world.set_memory(1, target);
        assert!(
            matches!(refused, Err(HvError::Failed(_))),
            "{target}: {refused:?}"
        );
    }
    assert_eq!(world.actual(1), Bytes::mib(MIB));
}

#[test]
fn the_statistics_period_reads_back_as_set() {
    let mut world = world(&[guest(1)]);
    for seconds in [5, 0, 2] {
        let period = Some(Duration::from_secs(seconds));
        world.set_period(1, Duration::from_secs(seconds)).unwrap();
        assert_eq!(world.domain(1).balloon.unwrap().period, period);
        assert_eq!(world.host.originals(id(1)).unwrap().stats_period, period);
    }
    for period in [Duration::from_millis(1500), Duration::from_secs(u64::MAX)] {
        let refused = world.set_period(1, period);
        assert!(matches!(refused, Err(HvError::Failed(_))), "{refused:?}");
    }
}

#[test]
fn a_read_only_connection_looks_and_does_not_touch() {
    let mut world = world_with(Access::ReadOnly, &[guest(1)]);
    assert!(!world.host.capabilities().write);
    assert_eq!(world.actual(1), Bytes::mib(MIB));
    let denied = [
        world.pin(vcpu(1, 0), "0"),
        world.set_memory(1, Bytes::mib(400)),
        world.set_period(1, Duration::from_secs(1)),
    ];
    for result in denied {
        assert!(matches!(result, Err(HvError::Denied(_))), "{result:?}");
    }
    assert_eq!(world.mask(1, 0), "0-3");
    assert_eq!(world.actual(1), Bytes::mib(MIB));
}

#[test]
fn a_domain_that_is_shut_off_or_unknown_has_vanished() {
    let mut off = guest(1);
    off.test = "<test:runstate>5</test:runstate>";
    let mut world = world(&[off]);
    for number in [1, 9] {
        let vanished = HvError::Vanished(id(number));
        assert_eq!(world.pin(vcpu(number, 0), "0"), Err(vanished.clone()));
        assert_eq!(
            world.set_memory(number, Bytes::mib(400)),
            Err(vanished.clone())
        );
        assert_eq!(world.host.originals(id(number)), Err(vanished));
    }
}

#[test]
fn a_thousand_domains_fit_in_a_sample() {
    let guests: Vec<Guest> = (0..1000).map(guest).collect();
    let mut world = world(&guests);
    for _ in 0..3 {
        let sample = world.host.sample().unwrap();
        assert_eq!(sample.domains.len(), 1000);
        assert!(sample.domains.is_sorted_by(|a, b| a.id < b.id));
        assert!(sample.domains.iter().all(|it| it.balloon.is_some()));
    }
    world.pin(vcpu(999, 0), "2").unwrap();
    assert_eq!(world.mask(999, 0), "2");
}

// --- what others do meanwhile

/// Another client of the host that all openers of this URI in a process share.
const SHARED: &str = "test:///default";

fn shared(clock: &ManualClock) -> (Libvirt, Connect) {
    let host = Libvirt::open(SHARED, Access::ReadWrite, Arc::new(clock.clone())).unwrap();
    (host, Connect::open(Some(SHARED)).unwrap())
}

/// Samples until `seen` holds; events come from another thread, in their own time.
fn eventually(host: &mut Libvirt, mut seen: impl FnMut(&HostSample) -> bool) -> bool {
    (0..20_000).any(|_| seen(&host.sample().unwrap()))
}

#[test]
fn a_domain_destroyed_between_sample_and_step_has_vanished() {
    let (mut host, other) = shared(&ManualClock::default());
    let transient = other.create_domain_xml(&guest(101).xml(), 0).unwrap();
    let persistent = other.define_domain_xml(&guest(102).xml()).unwrap();
    persistent.create().unwrap();
    assert!(domain(&mut host, 101).is_some() && domain(&mut host, 102).is_some());

    transient.destroy().unwrap();
    persistent.destroy().unwrap();
    for number in [101, 102] {
        let vanished = Err(HvError::Vanished(id(number)));
        let steps = [
            HostStep::Pin {
                vcpu: vcpu(number, 0),
                to: cpus("0"),
            },
            HostStep::SetMemory {
                domain: id(number),
                target: Bytes::mib(400),
            },
            HostStep::SetStatsPeriod {
                domain: id(number),
                period: Duration::from_secs(1),
            },
        ];
        for step in steps {
            assert_eq!(host.apply(&step), vanished, "{step}");
        }
        assert_eq!(domain(&mut host, number), None);
    }
    persistent.undefine().unwrap();
    assert_eq!(host.notes(), Vec::<String>::new());
}

#[test]
fn a_domain_that_was_started_anew_is_in_another_run() {
    let (mut host, other) = shared(&ManualClock::default());
    let handle = other.define_domain_xml(&guest(111).xml()).unwrap();
    handle.create().unwrap();
    let before = domain(&mut host, 111).unwrap();
    let step = HostStep::Pin {
        vcpu: vcpu(111, 0),
        to: cpus("0"),
    };
    host.apply(&step).unwrap();

    handle.destroy().unwrap();
    handle.create().unwrap();
    let after = domain(&mut host, 111).unwrap();
    assert_ne!(before.run, after.run);
    assert_eq!(after.vcpus[0].mask, before.vcpus[0].mask);
    handle.destroy().unwrap();
    handle.undefine().unwrap();
}

#[test]
fn a_change_of_metadata_is_seen_through_its_event() {
    let clock = ManualClock::default();
    let (mut host, other) = shared(&clock);
    let handle = other.create_domain_xml(&guest(121).xml(), 0).unwrap();
    assert!(domain(&mut host, 121).unwrap().rules.managed);

    let (element, key, live) = (2, "cloudlot", 1);
    handle
        .set_metadata(
            element,
            Some(&format!(
                "<rules xmlns='{METADATA_NAMESPACE}' managed='no'/>"
            )),
            Some(key),
            Some(METADATA_NAMESPACE),
            live,
        )
        .unwrap();
    // The clock stands still: nothing falls due by age.
    let unmanaged = |sample: &HostSample| {
        let ours = |it: &&DomainSample| it.id == id(121);
        sample
            .domains
            .iter()
            .find(ours)
            .is_some_and(|it| !it.rules.managed)
    };
    assert!(eventually(&mut host, unmanaged));
    handle.destroy().unwrap();
}

// --- whole turns

/// Asks for the same steps in every turn.
struct Fixed(Vec<HostStep>);

impl Controller for Fixed {
    fn plan(&mut self, _: &HostSample) -> HostPlan {
        let planned = |step: &HostStep| PlannedStep {
            step: step.clone(),
            why: "the test asks for it".to_owned(),
        };
        HostPlan {
            steps: self.0.iter().map(planned).collect(),
            picture: Picture::Blind,
            notes: Vec::new(),
        }
    }

    fn observe(&mut self, _: &CycleReport) {}

    fn forget_samples(&mut self) {}
}

/// Counts the calls that change something.
struct Counted<H> {
    host: H,
    changes: usize,
}

impl<H: Hypervisor> Hypervisor for Counted<H> {
    fn capabilities(&self) -> Capabilities {
        self.host.capabilities()
    }

    fn sample(&mut self) -> Result<HostSample, HvError> {
        self.host.sample()
    }

    fn originals(&mut self, domain: DomainId) -> Result<Original, HvError> {
        self.host.originals(domain)
    }

    fn apply(&mut self, step: &HostStep) -> Result<(), HvError> {
        self.changes += 1;
        self.host.apply(step)
    }
}

fn steps() -> Vec<HostStep> {
    vec![
        HostStep::SetStatsPeriod {
            domain: id(1),
            period: Duration::from_secs(2),
        },
        HostStep::Pin {
            vcpu: vcpu(1, 0),
            to: cpus("2"),
        },
        HostStep::Pin {
            vcpu: vcpu(9, 0),
            to: cpus("2"),
        },
        HostStep::Pin {
            vcpu: vcpu(2, 0),
            to: cpus("0-1"),
        },
        HostStep::SetMemory {
            domain: id(2),
            target: Bytes::mib(640),
        },
    ]
}

/// All that steps could have changed.
fn settings<H: Hypervisor>(host: &mut H) -> Vec<Original> {
    [1, 2]
        .map(|number| host.originals(id(number)).unwrap())
        .into()
}

#[test]
fn a_cycle_changes_what_was_planned_and_restoring_undoes_it() {
    let mut pinned = guest(2);
    pinned.vcpu = "cpuset='1-3'";
    let mut world = world(&[guest(1), pinned]);
    let before = settings(&mut world.host);
    let mut cycle = Cycle::new(
        world.host,
        Fixed(steps()),
        Vec::<Original>::new(),
        Mode::Act,
        Vec::new(),
    );
    for _ in 0..3 {
        let report = cycle.turn().unwrap();
        let gone = Outcome::Failed(HvError::Vanished(id(9)));
        let done = Outcome::Done;
        assert_eq!(
            report.outcomes,
            [done.clone(), done.clone(), gone, done.clone(), done]
        );
    }
    let changed = settings(cycle.host());
    assert_eq!(changed[0].pins[&0], cpus("2"));
    assert_eq!(changed[0].stats_period, Some(Duration::from_secs(2)));
    assert_eq!(changed[1].pins[&0], cpus("0-1"));
    assert_eq!(changed[1].target, Some(Bytes::mib(640)));

    let (mut host, _, journal) = cycle.into_parts();
    let limits = RestoreLimits {
        reserve: Bytes::ZERO,
        headroom: Bytes::ZERO,
    };
    let report = restore(
        &mut host,
        &merged(journal),
        RestorePolicy::Original,
        limits,
        &|| false,
    );
    assert_eq!(report.left, Vec::<String>::new());
    assert_eq!(settings(&mut host), before);
}

#[test]
fn a_dry_run_changes_nothing() {
    let mut world = world(&[guest(1), guest(2)]);
    let before = settings(&mut world.host);
    let counted = Counted {
        host: world.host,
        changes: 0,
    };
    let journal = Vec::<Original>::new();
    let mut cycle = Cycle::new(counted, Fixed(steps()), journal, Mode::DryRun, Vec::new());
    for _ in 0..3 {
        let report = cycle.turn().unwrap();
        assert_eq!(report.outcomes, vec![Outcome::NotAsked; 5]);
    }
    assert_eq!(settings(cycle.host()), before);
    assert_eq!(cycle.host().changes, 0);
}

// --- connections

#[test]
fn what_cannot_be_opened_is_an_error() {
    let open = |uri: &str| {
        let opened = Libvirt::open(
            uri,
            Access::ReadWriteElseReadOnly,
            Arc::new(ManualClock::default()),
        );
        opened.map(drop).unwrap_err()
    };
    for uri in [
        "",
        "test:///\0default",
        "nonsense:///system",
        "test:///no/such/file",
    ] {
        let error = open(uri);
        assert!(
            matches!(error, HvError::Failed(_) | HvError::Disconnected(_)),
            "{uri:?}: {error:?}"
        );
    }
    let nobody = open("qemu:///system?socket=/no/such/socket");
    assert!(matches!(nobody, HvError::Disconnected(_)), "{nobody:?}");
}

#[test]
fn whether_a_host_is_local_is_in_its_uri() {
    assert!(world(&[]).host.is_local());
}
