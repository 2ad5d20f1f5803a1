//! A back end with classes of runtimes and faults, out of a seed.
//!
//! What may go wrong is in `faults`, chance in `luck`, who is there in `crew`, when instances are lost in `losses`
//! and hosts in `outages`.

mod crew;
mod faults;
mod losses;
mod luck;
mod outages;

pub use faults::{CrashLoop, FaultError, Faults, HostLoss, SlowSpell};

use std::time::Duration;

use cloudlot_core::{Seeds, Timestamp, id_type};

use super::backend::Backend;
use super::reports::{Report, Reports};
use crate::start::{Parts, StartCosts, StartModel};
use crate::{AttemptId, Effect, Exit, FunctionId, InstanceId, Temperature};
use crew::Crew;
use losses::Losses;
use luck::Luck;
use outages::Outages;

id_type! {
    /// A class of runtimes in a [`World`].
    pub struct ClassId(u32, "class-");
}

/// A simulated back end: what a start costs depends on the function's class, and [`Faults`] strike.
///
/// The n-th start of a function takes the same time in every run with the same seed, whatever the platform does and whatever else goes
/// wrong. An instance that is gone reports nothing more, unless a fault says otherwise.
/// ```
/// use cloudlot_core::{Bytes, Seeds, Timestamp};
/// use cloudlot_serverless::sim::{Faults, Simulation, World};
/// use cloudlot_serverless::start::{Part, RuntimeClass};
/// use cloudlot_serverless::{Arrival, FixedWindow, Function, Platform, Settings};
/// use std::time::Duration;
///
/// let mut world = World::new(Seeds::new(7), RuntimeClass::Oci.model())
///     .with_faults(Faults { failed_starts: 0.1, ..Faults::NONE })?;
/// let mut platform = Platform::new(Settings::DEFAULT, FixedWindow(Duration::from_secs(10)));
/// let hello = platform.add(Function::new(Bytes::mib(128)));
/// let calls = (0..1_000).map(|minute| Arrival {
///     at: Timestamp::ZERO + Duration::from_secs(60 * minute),
///     function: hello,
///     runs: Duration::from_millis(200),
/// });
/// Simulation::new(&mut world).run(&mut platform, calls, &mut ());
/// let costs = world.costs(world.class_of(hello));
/// assert_eq!(costs.starts(), platform.totals().starts);
/// assert_eq!(costs.failed(), platform.totals().failed_starts);
/// // The first start alone finds no code.
/// let (code, whole) = (costs.part(Part::Code).unwrap(), costs.whole().unwrap());
/// assert!(code.p99.is_zero() && code.mean < whole.mean && whole.mean < whole.p99);
/// # Ok::<(), cloudlot_serverless::sim::FaultError>(())
/// ```
#[derive(Clone, Debug)]
pub struct World {
    classes: Vec<Class>,
    functions: Vec<Row>,
    faults: Faults,
    crew: Crew,
    losses: Losses,
    outages: Outages,
    struck: Struck,
    reports: u64,
    starts: Luck,
    preparations: Luck,
    failing_preparations: Luck,
    failing_starts: Luck,
    slow_starts: Luck,
    failing_runs: Luck,
    ghosts: Luck,
    stops: Luck,
    stuck: Luck,
    kills: Luck,
    checks: Luck,
    repeats: Luck,
}

#[derive(Clone, Debug)]
struct Class {
    model: StartModel,
    costs: StartCosts,
}

/// What is known of a function: its class, and how many of each there were.
#[derive(Clone, Copy, Default, Debug)]
struct Row {
    class: u32,
    starts: u64,
    preparations: u64,
    runs: u64,
    stops: u64,
    kills: u64,
    checks: u64,
}

/// How often each fault has struck.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Struck {
    /// Starts that failed, those in crash loops included; some were stopped or lost before.
    pub failed_starts: u64,
    /// Preparations of code that came to nothing.
    pub failed_preparations: u64,
    /// Starts that were slow.
    pub slow_starts: u64,
    /// Attempts that were to end with an error.
    pub failed_runs: u64,
    /// Instances that were lost, those with their host included.
    pub lost: u64,
    /// Losses of hosts, while they were lost already included.
    pub host_losses: u64,
    /// Stops that never end by themselves.
    pub stuck_stops: u64,
    /// Kills that did nothing.
    pub failed_kills: u64,
    /// Checks that got no answer, or a bad one.
    pub bad_checks: u64,
    /// Attempts whose end is reported whatever happens.
    pub ghosts: u64,
    /// Reports that come twice.
    pub repeated: u64,
}

impl World {
    /// A world in which nothing goes wrong. Functions are of this class unless they are [assigned](Self::assign) another.
    #[must_use]
    pub fn new(seeds: Seeds, model: StartModel) -> Self {
        let luck = |purpose| Luck::new(seeds, purpose);
        Self {
            classes: vec![Class::new(model)],
            functions: Vec::new(),
            faults: Faults::NONE,
            crew: Crew::default(),
            losses: Losses::new(seeds),
            outages: Outages::none(luck("outages")),
            struck: Struck::default(),
            reports: 0,
            starts: luck("starts"),
            preparations: luck("preparations"),
            failing_preparations: luck("failing preparations"),
            failing_starts: luck("failing starts"),
            slow_starts: luck("slow starts"),
            failing_runs: luck("failing runs"),
            ghosts: luck("ghosts"),
            stops: luck("stops"),
            stuck: luck("stuck stops"),
            kills: luck("kills"),
            checks: luck("checks"),
            repeats: luck("repeats"),
        }
    }

    /// In which this goes wrong.
    ///
    /// # Errors
    /// If the faults are not legal.
    pub fn with_faults(mut self, faults: Faults) -> Result<Self, FaultError> {
        faults.check()?;
        self.outages = Outages::of(self.outages.luck(), &faults);
        self.faults = faults;
        Ok(self)
    }

    /// One more class.
    ///
    /// # Panics
    /// If there are 2^32 already.
    pub fn add_class(&mut self, model: StartModel) -> ClassId {
        let class = u32::try_from(self.classes.len()).expect("fewer than 2^32 classes");
        self.classes.push(Class::new(model));
        ClassId::new(class)
    }

    /// This function is of that class from now on.
    ///
    /// # Panics
    /// If there is no such class.
    pub fn assign(&mut self, function: FunctionId, class: ClassId) {
        assert!(
            (class.number() as usize) < self.classes.len(),
            "{class} was never added"
        );
        self.row(function).class = class.number();
    }

    /// The class of a function.
    #[must_use]
    pub fn class_of(&self, function: FunctionId) -> ClassId {
        let row = self.functions.get(function.number() as usize);
        ClassId::new(row.map_or(0, |row| row.class))
    }

    /// The classes, with the model and the costs of each.
    pub fn classes(&self) -> impl Iterator<Item = (ClassId, &StartModel, &StartCosts)> {
        let numbered = (0..).zip(&self.classes);
        numbered.map(|(number, class)| (ClassId::new(number), &class.model, &class.costs))
    }

    /// What the starts of a class cost so far.
    ///
    /// # Panics
    /// If there is no such class.
    #[must_use]
    pub fn costs(&self, class: ClassId) -> &StartCosts {
        &self.classes[class.number() as usize].costs
    }

    /// What went wrong so far.
    #[must_use]
    pub const fn struck(&self) -> &Struck {
        &self.struck
    }

    /// How many instances there are: those that were started and of whose end was not reported.
    #[must_use]
    pub const fn instances(&self) -> usize {
        self.crew.len()
    }

    fn row(&mut self, function: FunctionId) -> &mut Row {
        let place = function.number() as usize;
        if self.functions.len() <= place {
            self.functions.resize(place + 1, Row::default());
        }
        &mut self.functions[place]
    }

    /// The next start of a function: its parts, and whether it fails.
    fn next_start(
        &mut self,
        function: FunctionId,
        from: Temperature,
        now: Timestamp,
    ) -> (Parts, bool) {
        let row = self.row(function);
        let (class, nth) = (row.class as usize, row.starts);
        row.starts += 1;
        let model = &self.classes[class].model;
        let mut parts = model.start(from, &mut self.starts.of(function, nth));
        let faults = &self.faults;
        let slow = self.slow_starts.strikes(faults.slow_starts, function, nth);
        let factor = faults.spell(now) * if slow { faults.slow_factor } else { 1.0 };
        if factor > 1.0 {
            self.struck.slow_starts += 1;
            parts = parts.scaled(factor);
        }
        let crashes = faults.crashes(function, now);
        let fails = crashes
            || self
                .failing_starts
                .strikes(faults.failed_starts, function, nth);
        self.struck.failed_starts += u64::from(fails);
        self.classes[class].costs.record(&parts, fails);
        (parts, fails)
    }

    /// The next run of a function: how it ends, and whether that is reported whatever happens.
    fn next_run(&mut self, function: FunctionId) -> (Exit, bool) {
        let row = self.row(function);
        let nth = row.runs;
        row.runs += 1;
        let fails = self
            .failing_runs
            .strikes(self.faults.failed_runs, function, nth);
        let ghost = self.ghosts.strikes(self.faults.ghosts, function, nth);
        self.struck.failed_runs += u64::from(fails);
        self.struck.ghosts += u64::from(ghost);
        (if fails { Exit::Failure } else { Exit::Success }, ghost)
    }

    /// The next stop of an instance of a function; nothing if it never ends.
    fn next_stop(&mut self, function: FunctionId) -> Option<Duration> {
        let row = self.row(function);
        let nth = row.stops;
        row.stops += 1;
        if self.stuck.strikes(self.faults.stuck_stops, function, nth) {
            self.struck.stuck_stops += 1;
            return None;
        }
        Some(self.faults.stops.draw(&mut self.stops.of(function, nth)))
    }

    fn count_heads(&mut self, now: Timestamp) {
        let life = self.faults.instance_life;
        self.losses.follow(self.crew.len(), life, now);
    }

    fn lose_instance(&mut self, now: Timestamp, reports: &mut Reports) {
        let place = self.losses.strike(self.faults.instance_life, now);
        if let Some(instance) = self.crew.nth(place) {
            self.crew.leave(instance);
            self.struck.lost += 1;
            self.count_heads(now);
            reports.put(now, Report::Lost(instance));
        }
    }

    /// Who is on the host is lost when that is reported: until then the platform may send there.
    fn lose_host(&mut self, now: Timestamp, reports: &mut Reports) {
        if let Some((host, lasts)) = self.outages.strike(&self.faults) {
            self.struck.host_losses += 1;
            reports.put_if(now, Report::HostLost(host));
            if let Some(lasts) = lasts {
                reports.put_if(now + lasts, Report::HostBack(host));
            }
        }
    }

    fn begin(
        &mut self,
        instance: InstanceId,
        function: FunctionId,
        from: Temperature,
        now: Timestamp,
        reports: &mut Reports,
    ) {
        self.count_heads(now);
        let (parts, fails) = self.next_start(function, from, now);
        let report = if fails {
            Report::Lost(instance)
        } else {
            Report::Ready(instance)
        };
        self.tell(now + parts.total(), report, reports);
    }

    /// Whoever asks for code that does not come hears nothing.
    fn prepare_code(&mut self, function: FunctionId, now: Timestamp, reports: &mut Reports) {
        let row = self.row(function);
        let (class, nth) = (row.class as usize, row.preparations);
        row.preparations += 1;
        let fails = self.faults.failed_preparations;
        if self.failing_preparations.strikes(fails, function, nth) {
            self.struck.failed_preparations += 1;
            return;
        }
        let mut chance = self.preparations.of(function, nth);
        let takes = self.classes[class].model.preparation(&mut chance).total();
        reports.put(now + takes, Report::Prepared(function));
    }

    fn run_one(
        &mut self,
        instance: InstanceId,
        attempt: AttemptId,
        function: FunctionId,
        ends: Timestamp,
        reports: &mut Reports,
    ) {
        self.crew.run(attempt, instance);
        let (exit, ghost) = self.next_run(function);
        let report = Report::Done(attempt, exit);
        if ghost {
            reports.put(ends, report);
        } else {
            self.tell(ends, report, reports);
        }
    }

    fn end(&mut self, instance: InstanceId, now: Timestamp, reports: &mut Reports) {
        // Whoever is lost in this moment has been reported so.
        let Some(function) = self.crew.function(instance) else {
            return;
        };
        if let Some(takes) = self.next_stop(function) {
            self.tell(now + takes, Report::Stopped(instance), reports);
        }
    }

    fn kill(&mut self, instance: InstanceId, now: Timestamp, reports: &mut Reports) {
        let Some(function) = self.crew.function(instance) else {
            return;
        };
        let row = self.row(function);
        let nth = row.kills;
        row.kills += 1;
        if self.kills.strikes(self.faults.failed_kills, function, nth) {
            self.struck.failed_kills += 1;
        } else {
            self.tell(now, Report::Stopped(instance), reports);
        }
    }

    /// Whoever is gone says nothing.
    fn check(&mut self, instance: InstanceId, now: Timestamp, reports: &mut Reports) {
        let Some(function) = self.crew.function(instance) else {
            return;
        };
        let row = self.row(function);
        let nth = row.checks;
        row.checks += 1;
        let (silent, unwell) = (self.faults.silent_checks, self.faults.unwell);
        let luck = if silent + unwell > 0.0 {
            self.checks.of(function, nth).unit()
        } else {
            1.0
        };
        self.struck.bad_checks += u64::from(luck < silent + unwell);
        let report = match luck {
            _ if luck < silent => return,
            _ if luck < silent + unwell => Report::Unhealthy(instance),
            _ => Report::Healthy(instance),
        };
        self.tell(now, report, reports);
    }

    /// Reports if the instance is still there then; and, by chance, again.
    fn tell(&mut self, at: Timestamp, report: Report, reports: &mut Reports) {
        reports.put_if(at, report);
        if self.faults.repeated > 0.0 {
            let mut chance = self.repeats.of(FunctionId::new(0), self.reports);
            self.reports += 1;
            if chance.unit() < self.faults.repeated {
                self.struck.repeated += 1;
                let after = self.faults.repeated_after.draw(&mut chance);
                reports.put(at + after, report);
            }
        }
    }
}

impl Class {
    const fn new(model: StartModel) -> Self {
        Self {
            model,
            costs: StartCosts::new(),
        }
    }
}

impl Backend for World {
    fn carry_out(&mut self, effect: &Effect, now: Timestamp, reports: &mut Reports) {
        match *effect {
            Effect::Start {
                instance,
                function,
                host,
                from,
                ..
            } => {
                self.crew.join(instance, function, host);
                self.begin(instance, function, from, now, reports);
            }
            Effect::Prepare(function) => self.prepare_code(function, now, reports),
            Effect::Run {
                instance,
                attempt,
                function,
                payload,
                ..
            } => {
                let ends = now + Duration::from_nanos(payload);
                self.run_one(instance, attempt, function, ends, reports);
            }
            Effect::Stop { instance, .. } => self.end(instance, now, reports),
            Effect::Kill { instance } => self.kill(instance, now, reports),
            Effect::Check { instance } => self.check(instance, now, reports),
            Effect::Reply { .. }
            | Effect::DeadLetter { .. }
            | Effect::WakeAt(_)
            | Effect::Discard(_) => {}
        }
    }

    fn happens(&mut self, report: Report, now: Timestamp) -> bool {
        match report {
            Report::Lost(instance) | Report::Stopped(instance) => {
                let was = self.crew.leave(instance);
                self.count_heads(now);
                was
            }
            Report::Ready(instance) | Report::Healthy(instance) | Report::Unhealthy(instance) => {
                self.crew.has(instance)
            }
            Report::Done(attempt, _) => self.crew.runs(attempt),
            Report::HostLost(host) => {
                self.struck.lost += self.crew.leave_with(host);
                self.count_heads(now);
                true
            }
            Report::HostBack(host) => {
                let back = self.outages.end(host);
                self.outages.next_by_chance(host, &self.faults, now);
                back
            }
            Report::Prepared(_) => true,
        }
    }

    fn next_at(&self) -> Option<Timestamp> {
        let both = [self.losses.next(), self.outages.next()];
        both.into_iter().flatten().min()
    }

    fn occur(&mut self, now: Timestamp, reports: &mut Reports) {
        if self.outages.next().is_some_and(|at| at <= now) {
            self.lose_host(now, reports);
        } else {
            self.lose_instance(now, reports);
        }
    }
}
