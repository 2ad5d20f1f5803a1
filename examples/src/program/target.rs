//! Which host is meant by `--connect`, decided before anything is touched.

use super::{Fault, Program};
use cloudlot_hv::fake::scenario::SCENARIOS;

/// A host to work on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Target {
    /// A named simulation.
    Simulation(String),
    /// A real host, by the URI that locks and journals know it by.
    Host(String),
}

/// Schemes that libvirt has drivers for; `+transport` may follow.
const SCHEMES: [&str; 15] = [
    "bhyve",
    "ch",
    "esx",
    "gsx",
    "hyperv",
    "lxc",
    "openvz",
    "qemu",
    "test",
    "vbox",
    "vmwarefusion",
    "vmwareplayer",
    "vmwarews",
    "vpx",
    "xen",
];

impl Target {
    /// Reads a URI.
    pub(super) fn parse(program: Program, uri: &str) -> Result<Self, Fault> {
        let uri = uri.trim();
        if let Some(name) = uri.strip_prefix("sim:") {
            return simulation(program, name);
        }
        let unknown = || {
            Fault::Usage(format!(
                "`{uri}` is neither sim:NAME nor a libvirt URI such as qemu:///system or \
                 qemu+ssh://host/system"
            ))
        };
        let (scheme, rest) = uri.split_once("://").ok_or_else(unknown)?;
        let scheme = scheme.to_ascii_lowercase();
        let driver = scheme.split('+').next().unwrap_or_default();
        if !SCHEMES.contains(&driver) {
            return Err(unknown());
        }
        Ok(Self::Host(canonical(&scheme, rest)))
    }
}

/// One spelling for one host: host names and schemes in small letters, the default transport of
/// a local connection left out, no slash at the end.
fn canonical(scheme: &str, rest: &str) -> String {
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let scheme = match scheme.strip_suffix("+unix") {
        Some(driver) if authority.is_empty() => driver,
        _ => scheme,
    };
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (format!("{user}@"), host),
        None => (String::new(), authority),
    };
    let path = match path.trim_end_matches('/') {
        "" if !path.is_empty() => "/",
        trimmed => trimmed,
    };
    format!("{scheme}://{user}{}{path}", host.to_ascii_lowercase())
}

fn simulation(program: Program, name: &str) -> Result<Target, Fault> {
    let own: Vec<&str> = SCENARIOS
        .iter()
        .map(|(known, _)| *known)
        .filter(|known| known.starts_with(program.scenarios()))
        .collect();
    if own.contains(&name) {
        return Ok(Target::Simulation(name.to_owned()));
    }
    let known = own.join(", ");
    Err(Fault::Usage(format!(
        "no simulation `{name}` for {}; known are {known}",
        program.name()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(uri: &str) -> Result<Target, Fault> {
        Target::parse(Program::VcpuScheduler, uri)
    }

    #[test]
    fn one_host_has_one_name() {
        let name = |uri: &str| match parse(uri) {
            Ok(Target::Host(name)) => name,
            other => panic!("{other:?}"),
        };
        assert_eq!(name("qemu+unix:///system"), "qemu:///system");
        assert_eq!(name(" QEMU:///system/ "), "qemu:///system");
        assert_eq!(name("qemu+ssh://Me@Far/system"), "qemu+ssh://Me@far/system");
        assert_eq!(name("test:///"), "test:///");
        assert_eq!(
            name("qemu:///system?socket=/Run/A"),
            "qemu:///system?socket=/Run/A"
        );
    }

    #[test]
    fn what_names_no_host_is_refused() {
        for uri in [
            "",
            "qemu",
            "/etc/passwd",
            "http://host/",
            "sim",
            "qemu:/system",
        ] {
            assert!(matches!(parse(uri), Err(Fault::Usage(_))), "{uri}");
        }
    }

    #[test]
    fn a_simulation_of_the_other_program_is_refused_with_the_known_names() {
        assert_eq!(
            parse("sim:cpu-3"),
            Ok(Target::Simulation("cpu-3".to_owned()))
        );
        for name in ["mem-1", "cpu-8", "cpu-", ""] {
            let complaint = parse(&format!("sim:{name}")).unwrap_err().to_string();
            assert!(
                complaint.contains("cpu-1, cpu-2, cpu-3, cpu-4, cpu-5, cpu-6, cpu-7"),
                "{complaint}"
            );
        }
    }
}
