//! The parameters in force: a profile's, with those of a file in their place.

use super::Fault;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::fs;
use std::path::Path;

/// A profile's parameters, with those of the file in their place.
pub(super) fn overridden<T: Serialize + DeserializeOwned>(
    profile: T,
    config: Option<&Path>,
) -> Result<T, Fault> {
    let Some(path) = config else {
        return Ok(profile);
    };
    let text = fs::read_to_string(path).map_err(|error| wrong(config, &error.to_string()))?;
    merge_text(&profile, &text).map_err(|reason| wrong(config, &reason))
}

/// By way of JSON values: unlike TOML, they can say that an optional parameter is absent.
fn merge_text<T: Serialize + DeserializeOwned>(profile: &T, text: &str) -> Result<T, String> {
    let file: Value = toml::from_str(text).map_err(|error| reason(&error))?;
    let mut all = serde_json::to_value(profile).map_err(|error| error.to_string())?;
    overlay(&mut all, file);
    serde_json::from_value(all).map_err(|error| error.to_string())
}

/// Puts `over` in the place of `value`, table by table. A table of another kind replaces the whole
/// one: its parameters mean something else.
fn overlay(value: &mut Value, over: Value) {
    match (value, over) {
        (Value::Object(table), Value::Object(over)) if same_kind(table, &over) => {
            for (key, over) in over {
                overlay(table.entry(key).or_insert(Value::Null), over);
            }
        }
        (value, over) => *value = over,
    }
}

fn same_kind(table: &Map<String, Value>, over: &Map<String, Value>) -> bool {
    over.get("kind")
        .is_none_or(|kind| table.get("kind") == Some(kind))
}

/// The message alone: it names the key; the picture of its place would take more lines.
fn reason(error: &toml::de::Error) -> String {
    error.message().to_owned()
}

pub(super) fn wrong(config: Option<&Path>, reason: &str) -> Fault {
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
    use cloudlot_core::Bytes;
    use cloudlot_hv::memory::MemoryConfig;
    use cloudlot_hv::pins::PinConfig;

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

    #[test]
    fn every_profile_survives_a_file_that_says_nothing() {
        for profile in [PinConfig::course(), PinConfig::production()] {
            assert_eq!(merge_text(&profile, ""), Ok(profile));
        }
        for profile in [MemoryConfig::course(), MemoryConfig::production()] {
            assert_eq!(merge_text(&profile, ""), Ok(profile));
        }
    }

    #[test]
    fn amounts_are_written_with_their_unit() {
        let changed = merge_text(&MemoryConfig::course(), "reserve_min = '1GiB'").unwrap();
        assert_eq!(changed.reserve_min, Bytes::gib(1));
        let complaint = merge_text(&MemoryConfig::course(), "reserv_min = '1GiB'").unwrap_err();
        assert!(complaint.contains("`reserv_min`"), "{complaint}");
    }

    #[test]
    fn the_readme_s_file_is_understood() {
        let readme = include_str!("../../README.md");
        let block = readme.split("```toml").nth(1);
        let text = block.and_then(|rest| rest.split("```").next()).unwrap();
        let changed = merge_text(&PinConfig::production(), text).unwrap();
        assert_eq!(changed.trigger_cycles, 3);
        assert_ne!(changed.goal, PinConfig::production().goal);
    }
}
