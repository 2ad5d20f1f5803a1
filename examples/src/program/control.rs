//! Which controller decides, and with which parameters.

use super::args::{Algorithm, Args, Profile};
use super::config::{overridden, wrong};
use super::{Fault, Program};
use cloudlot_core::Bytes;
use cloudlot_hv::former::{FormerCpu, FormerMemory};
use cloudlot_hv::memory::{MemoryConfig, MemoryController};
use cloudlot_hv::pins::{PinConfig, PinController};
use cloudlot_hv::{Controller, RestoreLimits};
use std::path::Path;

/// A controller chosen at run time, and what holds on the way back from its doing.
pub(super) struct Control {
    pub(super) controller: Box<dyn Controller>,
    pub(super) limits: RestoreLimits,
}

/// What host and guest keep whoever restores.
pub(super) const LIMITS: RestoreLimits = RestoreLimits {
    reserve: Bytes::mib(200),
    headroom: Bytes::mib(100),
};

/// The controller that the command line asks for.
pub(super) fn control(program: Program, args: &Args, profile: Profile) -> Result<Control, Fault> {
    let config = args.config.as_deref();
    if args.algorithm == Algorithm::Former && config.is_some() {
        let complaint = "the former algorithm takes no parameters, so no --config";
        return Err(Fault::Usage(complaint.to_owned()));
    }
    match program {
        Program::VcpuScheduler => pins(args, profile, config),
        Program::MemoryCoordinator => memory(args, profile, config),
    }
}

fn pins(args: &Args, profile: Profile, config: Option<&Path>) -> Result<Control, Fault> {
    let parameters = match profile {
        Profile::Production => PinConfig::production(),
        Profile::Course => PinConfig::course(),
    };
    let parameters = overridden(parameters, config)?;
    let controller: Box<dyn Controller> = match args.algorithm {
        Algorithm::Former => Box::new(FormerCpu::default()),
        Algorithm::Cloudlot => {
            let controller = PinController::new(parameters, args.interval);
            Box::new(controller.map_err(|error| wrong(config, &error.to_string()))?)
        }
    };
    Ok(Control {
        controller,
        limits: LIMITS,
    })
}

fn memory(args: &Args, profile: Profile, config: Option<&Path>) -> Result<Control, Fault> {
    let parameters = match profile {
        Profile::Production => MemoryConfig::production(),
        Profile::Course => MemoryConfig::course(),
    };
    let parameters = parameters.every(args.interval);
    let parameters = overridden(parameters, config)?;
    if parameters.interval != args.interval {
        let complaint = "`interval` is the program's argument, not a parameter";
        return Err(wrong(config, complaint));
    }
    let limits = RestoreLimits {
        reserve: parameters.reserve_min,
        headroom: parameters.spare_min,
    };
    if args.algorithm == Algorithm::Former {
        return Ok(Control {
            controller: Box::new(FormerMemory::new()),
            limits: LIMITS,
        });
    }
    let controller = MemoryController::new(parameters);
    let controller = controller.map_err(|error| wrong(config, &error.to_string()))?;
    Ok(Control {
        controller: Box::new(controller),
        limits,
    })
}
