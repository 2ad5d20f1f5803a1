//! The experiment behind table V of "RLScheduler" (Zhang, Dai, He, Bao and Xie, SC20), on its trace Lublin-256: shared by a test and a bench.
//!
//! The facts, from the paper's public simulator: 256 processors; jobs with a run time of 0 are left out; a job has the larger of the two
//! processor fields; the requested time is missing in this trace, so the run time stands in for it, and estimates are exact; ten sequences
//! of 1,024 jobs, each on an empty machine, drawn with seed 1; bounded slowdown with 10 s, mean over the jobs, then over the sequences. The head is
//! chosen when the one before has started, and stays the head until it starts. The queue is looked at after every event, arrivals first.
//! With backfill, others start in order of arrival, if they end before the head's start.

use cloudlot_core::ledger::Ledger;
use cloudlot_core::{Request, Resource, ResourceId, Timestamp, cores};
use cloudlot_policy::backfill::{FirstFit, Job, Replayed, Rules, replay, swf};
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

/// Processors of the machine.
pub(crate) const PROCESSORS: u64 = 256;
/// Jobs of a sequence.
pub(crate) const LENGTH: usize = 1_024;
/// The first job of each sequence: what the simulator draws with seed 1.
pub(crate) const STARTS: [usize; 10] = [
    1_981, 2_756, 4_299, 8_850, 3_316, 2_714, 5_228, 7_762, 4_022, 7_085,
];
/// Jobs shorter than this count as that long.
pub(crate) const LEAST: Duration = Duration::from_secs(10);

/// The jobs of the trace; `None`, said loudly, if the data are not there.
#[must_use]
pub(crate) fn trace() -> Option<Vec<Job>> {
    let root = std::env::var_os("CLOUDLOT_DATA").map_or_else(default_data, PathBuf::from);
    let path = root.join("sched/swf/lublin_256.swf.gz");
    let Ok(file) = std::fs::File::open(&path) else {
        eprintln!(
            "SKIPPED: no Lublin-256 at {}; set CLOUDLOT_DATA to the folder that has sched/",
            path.display()
        );
        return None;
    };
    let mut text = String::new();
    let read = flate2::read::GzDecoder::new(file).read_to_string(&mut text);
    read.expect("the trace unpacks");
    let jobs = swf::parse(&text).expect("the trace is in the standard format");
    let ran = |job: &swf::SwfJob| job.ran.filter(|ran| *ran > 0);
    Some(
        jobs.iter()
            .filter_map(|job| Some(make(job, ran(job)?)))
            .collect(),
    )
}

/// Beside the workspace.
fn default_data() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let is_root = |folder: &&std::path::Path| folder.join("Cargo.lock").is_file();
    let root = here.ancestors().find(is_root).unwrap_or(&here);
    root.join("../shared/data")
}

fn make(job: &swf::SwfJob, ran: u64) -> Job {
    let processors = job.processors.max(job.requested_processors);
    let request = Request::new(format!("job-{}", job.number))
        .part([cores(processors.unwrap_or(1))])
        .expected(Duration::from_secs(job.requested.unwrap_or(ran)));
    Job {
        request: request.build().expect("a job of the trace is legal"),
        arrives: Timestamp::ZERO + Duration::from_secs(job.submitted),
        runs: Duration::from_secs(ran),
    }
}

/// An empty machine.
#[must_use]
pub(crate) fn machine() -> (Ledger, ResourceId) {
    let mut ledger = Ledger::new();
    let machine = Resource::node("machine").capacity([cores(PROCESSORS)]);
    let machine = machine.build().expect("the machine is legal");
    let id = ledger.add(machine, Timestamp::ZERO);
    (ledger, id.expect("its name is free"))
}

/// The sequences of the experiment.
pub(crate) fn sequences(trace: &[Job]) -> impl Iterator<Item = &[Job]> {
    STARTS.iter().map(|start| &trace[*start..start + LENGTH])
}

/// Replays one sequence.
#[must_use]
pub(crate) fn run(jobs: &[Job], rules: &Rules) -> Replayed {
    let replayed = replay(machine().0, jobs, rules, &mut FirstFit);
    replayed.expect("what is planned is granted")
}

/// The mean bounded slowdown of a sequence.
#[must_use]
pub(crate) fn slowdown(jobs: &[Job], replayed: &Replayed) -> f64 {
    replayed.mean_bounded_slowdown(jobs, LEAST)
}
