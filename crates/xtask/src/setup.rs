//! `setup`: what the machine needs beyond Rust. Two groups of Debian packages, each of which the
//! other commands can do without: they then leave out what needs it, and say so.
//!
//! The guests' kernel is fetched into the target folder and unpacked there. It is never installed:
//! that would change the boot files of this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::run;

/// Packages that serve one purpose, and are there together or not at all.
struct Group {
    name: &'static str,
    purpose: &'static str,
    packages: &'static [&'static str],
}

const BUILD: Group = Group {
    name: "build",
    purpose: "building with libvirt",
    packages: &["gcc", "pkg-config", "libvirt-dev"],
};

const LIVE: Group = Group {
    name: "live",
    purpose: "real guests, emulated",
    packages: &[
        "qemu-system-x86",
        "libvirt-daemon",
        "libvirt-daemon-driver-qemu",
        "libvirt-clients",
        "busybox-static",
        "util-linux",
        "mount",
    ],
};

/// The package that depends on the newest guest kernel; small, without drivers for real hardware.
const KERNEL: &str = "linux-image-cloud-amd64";

/// What this machine can do; `Err` holds the reason why not, in one line.
pub(crate) struct Readiness {
    /// Build with the feature `libvirt`.
    pub(crate) build: Result<(), String>,
    /// Run real guests.
    pub(crate) live: Result<(), String>,
}

/// `setup`: installs what is missing.
pub(crate) fn install() -> ExitCode {
    report(&prepare())
}

/// `setup --check`: says what is missing.
pub(crate) fn check() -> ExitCode {
    report(&look())
}

/// Says what the machine can do as it is.
pub(crate) fn look() -> Readiness {
    let kernel = match kernel_folder().exists() {
        true => Ok(()),
        false => Err("no guest kernel fetched yet".to_owned()),
    };
    Readiness {
        build: present(&BUILD),
        live: present(&LIVE).and(kernel),
    }
}

/// Installs what is missing and says what the machine can do afterwards.
pub(crate) fn prepare() -> Readiness {
    let build = ensure(&BUILD);
    let live = ensure(&LIVE).and_then(|()| fetch_kernel());
    Readiness { build, live }
}

fn report(readiness: &Readiness) -> ExitCode {
    let groups = [(&BUILD, &readiness.build), (&LIVE, &readiness.live)];
    for (group, state) in groups {
        let state = state.as_ref().map_or_else(String::as_str, |()| "ready");
        println!("{} ({}): {state}", group.name, group.purpose);
    }
    match readiness {
        Readiness {
            build: Ok(()),
            live: Ok(()),
        } => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn ensure(group: &Group) -> Result<(), String> {
    let missing = missing(group)?;
    if missing.is_empty() {
        return Ok(());
    }
    // A stale package list may still do; whether it did is for the installation to say.
    if let Err(reason) = apt_get(&["update", "-q"]) {
        eprintln!("xtask: {reason}");
    }
    let install = ["install", "-q", "-y", "--no-install-recommends"];
    apt_get(&[&install, missing.as_slice()].concat())?;
    present(group)
}

fn present(group: &Group) -> Result<(), String> {
    match missing(group)? {
        missing if missing.is_empty() => Ok(()),
        missing => Err(format!("missing {}", missing.join(", "))),
    }
}

fn missing(group: &Group) -> Result<Vec<&'static str>, String> {
    run::output(Command::new("dpkg").arg("--version")).map_err(|_| {
        "this machine has no dpkg: only Debian and its kin are supported".to_owned()
    })?;
    let installed = |package: &&str| {
        let query = ["-W", "-f", "${db:Status-Status}", package];
        run::output(Command::new("dpkg-query").args(query)).is_ok_and(|state| state == "installed")
    };
    Ok(group
        .packages
        .iter()
        .copied()
        .filter(|package| !installed(package))
        .collect())
}

fn apt_get(arguments: &[&str]) -> Result<(), String> {
    let mut command = match is_root() {
        true => Command::new("apt-get"),
        false => Command::new("sudo"),
    };
    if !is_root() {
        // sudo drops the environment, so the setting travels as an argument.
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    }
    command.env("DEBIAN_FRONTEND", "noninteractive");
    // Another installation may be going on: wait for its lock rather than fail.
    command
        .args(["-o", "DPkg::Lock::Timeout=300"])
        .args(arguments);
    run::succeed(&mut command)
}

fn is_root() -> bool {
    run::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// Where the guests' kernel lies unpacked: `boot/vmlinuz-*` and the modules.
fn kernel_folder() -> PathBuf {
    run::target().join("lab").join("kernel")
}

fn fetch_kernel() -> Result<(), String> {
    let folder = kernel_folder();
    if folder.exists() {
        return Ok(());
    }
    // Complete or absent: unpacked elsewhere, then renamed.
    let partial = folder.with_extension("partial");
    let unpacked = unpack_kernel(&partial).or_else(|reason| {
        // Lists of packages that are absent, or older than the kernel now offered.
        eprintln!("xtask: {reason}; once more with new package lists");
        apt_get(&["update", "-q"])?;
        unpack_kernel(&partial)
    });
    let result = unpacked.and_then(|unpacked| {
        fs::rename(&unpacked, &folder).map_err(|error| format!("{}: {error}", folder.display()))
    });
    // Gone already if it could not be made; a leftover is removed by the next run.
    let _ = fs::remove_dir_all(&partial);
    result.map_err(|reason| format!("no guest kernel: {reason}"))
}

/// Downloads the kernel's package into `partial` and unpacks it there.
fn unpack_kernel(partial: &Path) -> Result<PathBuf, String> {
    let _ = fs::remove_dir_all(partial);
    fs::create_dir_all(partial).map_err(|error| format!("{}: {error}", partial.display()))?;
    let package = kernel_package()?;
    run::succeed(
        Command::new("apt-get")
            .args(["download", "-q", &package])
            .current_dir(partial),
    )?;
    let archive = fs::read_dir(partial)
        .map_err(|error| format!("{}: {error}", partial.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .ok_or_else(|| format!("apt-get left no file of {package}"))?;
    let unpacked = partial.join("unpacked");
    run::succeed(
        Command::new("dpkg-deb")
            .arg("-x")
            .args([&archive, &unpacked]),
    )?;
    Ok(unpacked)
}

/// The package that holds the files: [`KERNEL`] itself only depends on it.
fn kernel_package() -> Result<String, String> {
    let depends = ["depends", "--important", KERNEL];
    let answer = run::output(Command::new("apt-cache").args(depends))?;
    let package = answer
        .lines()
        .find_map(|line| line.trim().strip_prefix("Depends: "));
    package
        .map(str::to_owned)
        .ok_or_else(|| format!("{KERNEL} names no kernel"))
}
