//! Which controller decides, and with which parameters.

use super::args::{Algorithm, Args, Profile};
use super::{Fault, Program};
use cloudlot_core::Bytes;
use cloudlot_hv::former::FormerCpu;
use cloudlot_hv::pins::{PinConfig, PinController};
use cloudlot_hv::{Controller, CycleReport, HostPlan, HostSample, RestoreLimits};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::path::Path;
use toml::{Table, Value};

/// A controller chosen at run time, and what holds on the way back from its doing.
pub(super) struct Control {
    pub(super) controller: Chosen,
    pub(super) limits: RestoreLimits,
}

/// What host and guest keep whoever restores.
pub(super) const LIMITS: RestoreLimits = RestoreLimits {
    reserve: Bytes::mib(200),
    headroom: Bytes::mib(100),
};

/// Some controller.
pub(super) struct Chosen(Box<dyn Controller>);

impl Controller for Chosen {
    fn plan(&mut self, sample: &HostSample) -> HostPlan {
        self.0.plan(sample)
    }

    fn observe(&mut self, report: &CycleReport) {
        self.0.observe(report);
    }

    fn forget_samples(&mut self) {
        self.0.forget_samples();
    }
}

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
        controller: Chosen(controller),
        limits: LIMITS,
    })
}

/// Not there yet.
fn memory(_: &Args, _: Profile, _: Option<&Path>) -> Result<Control, Fault> {
    Err(Fault::Failed(
        "the memory planner is not there yet".to_owned(),
    ))
}

/// A profile's parameters, with those of the file in their place.
fn overridden<T: Serialize + DeserializeOwned>(
    profile: T,
    config: Option<&Path>,
) -> Result<T, Fault> {
    let Some(path) = config else {
        return Ok(profile);
    };
    let text = fs::read_to_string(path).map_err(|error| wrong(config, &error.to_string()))?;
    merge_text(&profile, &text).map_err(|reason| wrong(config, &reason))
}

fn merge_text<T: Serialize + DeserializeOwned>(profile: &T, text: &str) -> Result<T, String> {
    let file: Table = toml::from_str(text).map_err(|error| reason(&error))?;
    let mut all = Table::try_from(profile).map_err(|error| error.to_string())?;
    overlay(&mut all, file);
    // By text, since only that error tells where.
    let text = toml::to_string(&all).map_err(|error| error.to_string())?;
    toml::from_str(&text).map_err(|error| reason(&error))
}

/// Puts `over` into `table`, table by table. One of another kind replaces the whole table: its
/// parameters mean something else.
fn overlay(table: &mut Table, over: Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(value)) if same_kind(below, &value) => {
                overlay(below, value);
            }
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

fn same_kind(below: &Table, over: &Table) -> bool {
    over.get("kind")
        .is_none_or(|kind| below.get("kind") == Some(kind))
}

/// The message alone: it names the key; the picture of its place would take more lines.
fn reason(error: &toml::de::Error) -> String {
    error.message().to_owned()
}

fn wrong(config: Option<&Path>, reason: &str) -> Fault {
    let words: Vec<&str> = reason.split_whitespace().collect();
    let reason = words.join(" ");
    Fault::Usage(match config {
        Some(path) => format!("config {}: {reason}", path.display()),
        None => reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<PinConfig, String> {
        merge_text(&PinConfig::course(), text)
    }

    #[test]
    fn a_file_changes_only_what_it_names() {
        assert_eq!(check(""), Ok(PinConfig::course()));
        let changed = check("idle_load = 0.2\ntrigger_cycles = 3").unwrap();
        let expected = PinConfig {
            idle_load: 0.2,
            trigger_cycles: 3,
            ..PinConfig::course()
        };
        assert_eq!(changed, expected);
    }

    #[test]
    fn a_goal_of_another_kind_replaces_the_profile_s() {
        let goal = toml::to_string(&PinConfig::production().goal).unwrap();
        let changed = check(&format!("[goal]\n{goal}")).unwrap();
        assert_eq!(changed.goal, PinConfig::production().goal);
        assert_eq!(
            check("[goal]\npoints = 4.0").unwrap().idle_load,
            PinConfig::course().idle_load
        );
    }

    #[test]
    fn an_unknown_key_is_named() {
        for (text, key) in [
            ("idle_lod = 0.2", "idle_lod"),
            ("[goal]\npionts = 4.0", "pionts"),
            ("[gaol]\npoints = 4.0", "gaol"),
            ("[estimate]\nnew = true", "new"),
        ] {
            let complaint = check(text).unwrap_err();
            assert!(complaint.contains(&format!("`{key}`")), "{complaint}");
        }
        assert!(check("idle_load = 'high'").is_err());
        assert!(check("idle_load = ").is_err());
    }
}
