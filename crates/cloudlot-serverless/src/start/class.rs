//! Classes of runtimes with figures that were measured or published. Each figure has its origin beside it.
//!
//! "Measured" is on one two-core machine, quiet, start to exit, 30 to 60 runs, as minimum, median and 90th percentile; a 99th is the
//! log-normal continuation of median and 90th. What is "ours" is a guess that keeps the published whole.

use std::time::Duration;

use super::delay::Delay;
use super::model::StartModel;
use super::part::Part;

/// A kind of runtime whose starts are known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RuntimeClass {
    /// A WebAssembly module in a process that runs: microseconds once it is compiled.
    Wasm,
    /// A native program in namespaces of its own.
    Process,
    /// A container from an image, with an interpreter in it.
    Oci,
    /// A small virtual machine with an interpreter in it.
    MicroVm,
    /// As a large platform's region 1: dependencies and scheduling, up to 7 s.
    HuaweiRegion1,
    /// As its region 2: allocation, up to 3 s.
    HuaweiRegion2,
}

impl RuntimeClass {
    /// Every class.
    pub const ALL: [Self; 6] = [
        Self::Wasm,
        Self::Process,
        Self::Oci,
        Self::MicroVm,
        Self::HuaweiRegion1,
        Self::HuaweiRegion2,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wasm => "wasm",
            Self::Process => "process",
            Self::Oci => "oci",
            Self::MicroVm => "microvm",
            Self::HuaweiRegion1 => "huawei-1",
            Self::HuaweiRegion2 => "huawei-2",
        }
    }

    /// Its starts. What can be prepared is code and what it depends on; each instance is allocated anew. Of a small machine that is
    /// a snapshot after its boot.
    /// ```
    /// # use cloudlot_serverless::Temperature;
    /// # use cloudlot_serverless::start::RuntimeClass;
    /// # use std::time::Duration;
    /// let prepared = RuntimeClass::Wasm.model().mean(Temperature::Prepared);
    /// assert!(prepared < Duration::from_micros(10));
    /// ```
    ///
    /// Source: wasmtime 48 with a pool and copy on write, bwrap, crun 1.8.1 and python 3.11, measured; Harter et al., "Slacker" (FAST
    /// 2016); Firecracker's `SPECIFICATION.md`; Joosen et al., "Serverless Cold Starts and Where to Find Them" (EuroSys 2025).
    #[must_use]
    pub fn model(self) -> StartModel {
        let parts: &[(Part, Delay)] = &match self {
            Self::Wasm => vec![
                // Reading a compiled module: 0.10 ms if tiny, 8.3 ms with 1 MiB of data, measured; that these are
                // the median and the 99th is ours.
                (Part::Code, spread(100, 8_300)),
                // Instance and first call: 1.33 + 1.96 us, measured; the 99th as that of the whole, 10.7 over 5.44 us.
                (
                    Part::Init,
                    Delay::LogNormal {
                        median: Duration::from_nanos(3_290),
                        p99: Duration::from_nanos(6_470),
                    },
                ),
            ],
            Self::Process => vec![
                // All namespaces: 3.6, 4.5, 5.0 ms, measured.
                (Part::Allocation, spread(4_500, 5_450)),
                // A static binary: 0.36, 0.50, 0.72 ms, measured.
                (Part::Init, spread(500, 970)),
            ],
            Self::Oci => vec![
                // crun run: 7.6, 10.6, 16.7 ms, measured.
                (Part::Allocation, spread(10_600, 24_200)),
                // Pulling is 76 % of a start (Slacker): 0.76 / 0.24 of the other two medians. The spread is ours.
                (Part::Code, spread(100_000, 1_000_000)),
                (Part::Init, interpreter()),
            ],
            Self::MicroVm => vec![
                // The monitor answers after 6 to 60 ms, typically 12 (Firecracker).
                (Part::Allocation, monitor()),
                // To the guest's init within 125 ms (Firecracker): the most that is promised.
                (Part::Dependencies, Delay::Fixed(Duration::from_millis(125))),
                (Part::Init, interpreter()),
            ],
            Self::HuaweiRegion1 => vec![
                // The whole takes up to 7 s, most of it dependencies and scheduling; how it is divided is ours.
                (Part::Allocation, spread(50_000, 300_000)),
                (Part::Code, spread(50_000, 300_000)),
                (Part::Dependencies, spread(600_000, 4_000_000)),
                (Part::Scheduling, spread(600_000, 4_000_000)),
            ],
            Self::HuaweiRegion2 => vec![
                // The whole takes up to 3 s, most of it allocation; how it is divided is ours.
                (Part::Allocation, spread(500_000, 2_700_000)),
                (Part::Code, spread(30_000, 150_000)),
                (Part::Dependencies, spread(30_000, 150_000)),
                (Part::Scheduling, spread(30_000, 150_000)),
            ],
        };
        let model = parts
            .iter()
            .fold(StartModel::new(self.name()), |model, (part, delay)| {
                model
                    .with(*part, delay.clone())
                    .expect("the figures above are in order")
            });
        model.preparing(&[Part::Code, Part::Dependencies])
    }
}

/// Median and 99th percentile, in microseconds.
const fn spread(median: u64, p99: u64) -> Delay {
    Delay::LogNormal {
        median: Duration::from_micros(median),
        p99: Duration::from_micros(p99),
    }
}

/// An interpreter that does nothing: 17, 21, 24 ms, measured.
const fn interpreter() -> Delay {
    spread(21_000, 26_800)
}

fn monitor() -> Delay {
    use cloudlot_core::metrics::Percentile;
    Delay::Empirical(vec![
        (Percentile::MIN, Duration::from_millis(6)),
        (Percentile::P50, Duration::from_millis(12)),
        (Percentile::MAX, Duration::from_millis(60)),
    ])
}
