use super::{F, ROOMY, at, optimiser, usage};
use cloudlot_core::Bytes;
use cloudlot_serverless::FunctionId;
use cloudlot_serverless::rightsize::{Optimiser, RightsizeConfig, Size, Usage, UsageError};
use std::time::Duration;

#[test]
fn settings_out_of_range_are_all_named() {
    let mut config = RightsizeConfig::default();
    config.memory.margin = 0.9;
    config.cpu.margin = f64::NAN;
    config.cpu.step = 0;
    config.memory.floor = u64::MAX;
    config.out_of_memory.factor = f64::INFINITY;
    config.band = -0.1;
    config.confidence = 1.0;
    config.epoch = Duration::ZERO;
    config.tied = Some(Bytes::new(0));
    let faults = Optimiser::new(config).unwrap_err();
    let paths: Vec<&str> = faults.iter().map(|fault| &*fault.path).collect();
    assert_eq!(
        paths,
        [
            "memory.margin",
            "memory.floor",
            "cpu.margin",
            "cpu.step",
            "out_of_memory.factor",
            "band",
            "confidence",
            "epoch",
            "tied"
        ]
    );
}

#[test]
fn what_cannot_be_is_refused_and_not_learned() {
    let mut optimiser = optimiser(RightsizeConfig {
        samples: 1,
        functions: 3,
        ..RightsizeConfig::default()
    });
    let fine = usage(0, 100_000, 100, ROOMY);
    let refused = [
        Usage {
            function: FunctionId::new(3),
            ..fine
        },
        Usage {
            cpu: Duration::from_secs(4097),
            ..fine
        },
        Usage {
            wall: Duration::ZERO,
            ..fine
        },
        Usage {
            peak: Bytes::new((1 << 50) + 1),
            ..fine
        },
    ];
    for usage in refused {
        let answer = optimiser.learn(&usage);
        assert!(answer.is_err(), "{usage:?}");
        assert!(
            !optimiser
                .advise(usage.function, ROOMY, None, at(0))
                .changes()
        );
    }
    assert!(matches!(
        optimiser.learn(&refused[0]),
        Err(UsageError::Function { functions: 3, .. })
    ));
    let edge = Usage {
        cpu: Duration::from_secs(4096),
        peak: Bytes::new(1 << 50),
        ..fine
    };
    assert_eq!(optimiser.learn(&edge), Ok(()));
    // At the ceilings, though far more was used.
    let told = optimiser.advise(F, ROOMY, None, at(0));
    assert_eq!(
        told.size,
        Size {
            memory: Bytes::gib(10),
            millicores: 6000
        },
        "{told}"
    );
}

#[test]
fn extreme_sizes_and_times_are_borne() {
    let mut optimiser = optimiser(RightsizeConfig {
        tied: Some(Bytes::new(1)),
        ..RightsizeConfig::default()
    });
    let huge = Size {
        memory: Bytes::new(u64::MAX),
        millicores: u64::MAX,
    };
    for fate in [
        Default::default(),
        cloudlot_serverless::rightsize::Fate::OutOfMemory,
        cloudlot_serverless::rightsize::Fate::TimedOut,
    ] {
        for seconds in [0, u64::MAX / 2_000_000_000, 5] {
            optimiser
                .learn(&Usage {
                    fate,
                    ..usage(seconds, 1, 1, huge)
                })
                .unwrap();
        }
    }
    let told = optimiser.advise(F, huge, Some(huge), cloudlot_core::Timestamp::MAX);
    assert!(
        told.size.memory.get() <= RightsizeConfig::default().memory.ceiling,
        "{told}"
    );
    assert!(!told.to_string().is_empty());
}

#[test]
fn what_was_known_of_another_function_does_not_matter() {
    let mut optimiser = optimiser(RightsizeConfig::default());
    for call in 0..400 {
        optimiser
            .learn(&usage(call, 1_500_000, 1500, ROOMY))
            .unwrap();
    }
    assert!(optimiser.advise(F, ROOMY, None, at(400)).size.memory < ROOMY.memory);
    assert!(
        !optimiser
            .advise(FunctionId::new(1), ROOMY, None, at(400))
            .changes()
    );
}
