//! Resources and requests from JSON files, with everything that is wrong with both said at once.

use cloudlot_core::ledger::Ledger;
use cloudlot_core::{Request, Resource, ResourceId, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::path::{Path, PathBuf};

/// What stands in for a file that is not given.
const RESOURCES: &str = r#"[
    {"name": "n1", "class": "compute", "capacity": {"cpu": 16, "memory": "64Gi"},
        "labels": {"disk": "ssd"}, "topology": [{"level": "zone", "name": "a"}]},
    {"name": "n2", "class": "compute", "capacity": {"cpu": 8, "memory": "32Gi"},
        "topology": [{"level": "zone", "name": "b"}]},
    {"name": "n3", "class": "gpu", "capacity": {"cpu": 8, "memory": "32Gi", "gpu": 2},
        "taints": [{"key": "gpu", "effect": "NoSchedule"}], "topology": [{"level": "zone", "name": "b"}]}
]"#;
const REQUESTS: &str = r#"[
    {"name": "web", "owner": "shop", "parts": [{"amounts": {"cpu": "500m", "memory": "1Gi"}, "count": 4}]},
    {"name": "db", "owner": "shop", "parts": [{"amounts": {"cpu": 8, "memory": "32Gi"}}],
        "constraints": [{"label": {"key": "disk", "test": {"in": ["ssd"]}}}]},
    {"name": "train", "owner": "lab", "parts": [{"amounts": {"cpu": 4, "memory": "16Gi", "gpu": 1}}],
        "tolerations": [{"key": "gpu"}]},
    {"name": "batch", "owner": "lab", "parts": [{"amounts": {"cpu": 12, "memory": "16Gi"}}]},
    {"name": "huge", "owner": "lab", "parts": [{"amounts": {"cpu": 64}}]}
]"#;

/// The ledger with all resources, the nodes in the order of the file, and the requests.
pub(super) struct Inputs {
    pub(super) ledger: Ledger,
    pub(super) nodes: Vec<ResourceId>,
    pub(super) requests: Vec<Request>,
}

impl Inputs {
    /// From these files, or from a small example where there is none.
    ///
    /// # Errors
    /// Everything that is wrong in both, a line each.
    pub(super) fn read(
        resources: Option<&Path>,
        requests: Option<&Path>,
        now: Timestamp,
    ) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let mut ledger = Ledger::new();
        let mut nodes = Vec::new();
        let name = shown(resources);
        let read: Vec<Option<Resource>> = list(resources, RESOURCES, &mut faults);
        for (n, resource) in read.into_iter().enumerate() {
            match resource.map(|resource| ledger.add(resource, now)) {
                Some(Ok(id)) => nodes.push(id),
                Some(Err(why)) => faults.push(format!("{name}[{n}]: {why}")),
                None => {}
            }
        }
        let read: Vec<Option<Request>> = list(requests, REQUESTS, &mut faults);
        let requests = read.into_iter().flatten().collect();
        if faults.is_empty() {
            Ok(Self {
                ledger,
                nodes,
                requests,
            })
        } else {
            Err(faults)
        }
    }
}

fn shown(path: Option<&Path>) -> String {
    path.map_or_else(|| "example".to_owned(), |path| path.display().to_string())
}

/// The elements of a list; `None` stands for one that is not what it should be.
fn list<T: DeserializeOwned>(
    path: Option<&Path>,
    instead: &str,
    faults: &mut Vec<String>,
) -> Vec<Option<T>> {
    let name = shown(path);
    let text = match path.map(|path| std::fs::read_to_string(PathBuf::from(path))) {
        None => Ok(instead.to_owned()),
        Some(text) => text.map_err(|why| why.to_string()),
    };
    // Each element is read by itself, so that the first bad one does not hide the others.
    let elements = text.and_then(|text| {
        serde_json::from_str::<Vec<Box<RawValue>>>(&text).map_err(|why| why.to_string())
    });
    let elements = elements.unwrap_or_else(|why| {
        faults.push(format!("{name}: {why}"));
        Vec::new()
    });
    let read = |(n, element): (usize, Box<RawValue>)| match serde_json::from_str(element.get()) {
        Ok(value) => Some(value),
        Err(why) => {
            let why = why.to_string();
            faults.extend(why.lines().map(|line| format!("{name}[{n}]: {line}")));
            None
        }
    };
    elements.into_iter().enumerate().map(read).collect()
}
