//! A libvirtd of our own, as the system daemon (`qemu:///system`) but in a [`Space`], and `virsh`
//! to talk to it.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use cloudlot_core::{Clock, SystemClock};

use super::error::LabError;
use super::space::Space;

/// How long a daemon may take to come up; here it takes less than a second.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// QEMU runs as we do, unconfined, without control groups, and writes its own log files: all of
/// that saves a part of a system that would have to be there too.
const QEMU_CONF: &str = r#"
user = "root"
group = "root"
swtpm_user = "root"
swtpm_group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
"#;

/// Sends commands to one libvirtd. Clones talk to the same one.
#[derive(Debug, Clone)]
pub struct Virsh {
    uri: String,
}

impl Virsh {
    /// Commands for the daemon at `uri`.
    #[must_use]
    pub fn at(uri: impl Into<String>) -> Self {
        Self { uri: uri.into() }
    }

    /// The URI, for other programs.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// What `virsh ARGUMENTS` prints.
    ///
    /// # Errors
    /// [`LabError::Virsh`] with what it prints on standard error when it fails, and
    /// [`LabError::Missing`] when there is no `virsh`.
    pub fn run(&self, arguments: &[&str]) -> Result<String, LabError> {
        let mut command = Command::new("virsh");
        command
            .args(["--quiet", "--connect", &self.uri])
            .args(arguments);
        let output = command.output().map_err(|_| LabError::Missing {
            what: "virsh".to_owned(),
        })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let message = String::from_utf8_lossy(&output.stderr);
        Err(LabError::Virsh {
            command: arguments.join(" "),
            message: message
                .trim()
                .trim_start_matches("error: ")
                .replace('\n', "; "),
        })
    }
}

/// A private libvirtd. It ends with its [`Space`].
#[derive(Debug)]
pub(super) struct Daemon {
    space: Space,
    virsh: Virsh,
    clock: SystemClock,
}

impl Daemon {
    pub(super) fn start(space: Space) -> Result<Self, LabError> {
        for program in [
            "/usr/sbin/libvirtd",
            "/usr/bin/virsh",
            "/usr/bin/qemu-system-x86_64",
        ] {
            if !Path::new(program).exists() {
                return Err(LabError::Missing {
                    what: program.to_owned(),
                });
            }
        }
        configure(space.folder())?;
        let socket = socket(space.folder());
        let virsh = Virsh::at(format!("qemu:///system?socket={}", socket.display()));
        let mut daemon = Self {
            space,
            virsh,
            clock: SystemClock::start(),
        };
        daemon.resume()?;
        Ok(daemon)
    }

    pub(super) fn folder(&self) -> &Path {
        self.space.folder()
    }

    pub(super) fn virsh(&self) -> &Virsh {
        &self.virsh
    }

    /// Starts the daemon after [`Daemon::stop`] or [`Daemon::crash`], and waits until it answers.
    pub(super) fn resume(&mut self) -> Result<(), LabError> {
        self.space.order("start")?;
        let socket = socket(self.space.folder());
        self.wait("start", || UnixStream::connect(&socket).is_ok())?;
        // The first connection waits for the daemon to find out what QEMU can do.
        self.virsh.run(&["version"]).map(|_| ())
    }

    /// Ends the daemon as a service manager would. Guests go on.
    pub(super) fn stop(&mut self) -> Result<(), LabError> {
        self.space.order("stop")
    }

    /// Ends the daemon with SIGKILL. Guests go on.
    pub(super) fn crash(&mut self) -> Result<(), LabError> {
        self.space.order("crash")
    }

    fn wait(&self, wish: &'static str, come_true: impl Fn() -> bool) -> Result<(), LabError> {
        let deadline = self.clock.now() + PATIENCE;
        while !come_true() {
            if self.clock.now() >= deadline {
                let log = fs::read_to_string(log(self.space.folder())).unwrap_or_default();
                let reason = log.lines().last().unwrap_or("its log is empty").to_owned();
                return Err(LabError::Daemon {
                    wish,
                    waited: PATIENCE,
                    reason,
                });
            }
            self.clock.sleep_until(self.clock.now() + POLL);
        }
        Ok(())
    }
}

fn configure(folder: &Path) -> Result<(), LabError> {
    let libvirtd = format!(
        "unix_sock_dir = \"{}\"\n\
         unix_sock_rw_perms = \"0700\"\n\
         auth_unix_ro = \"none\"\n\
         auth_unix_rw = \"none\"\n\
         log_outputs = \"3:file:{}\"\n",
        folder.display(),
        log(folder).display(),
    );
    for (name, content) in [
        ("libvirtd.conf", libvirtd.as_str()),
        ("qemu.conf", QEMU_CONF),
    ] {
        let file = folder.join("etc").join(name);
        fs::write(&file, content).map_err(LabError::io(&file))?;
    }
    Ok(())
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("libvirt-sock")
}

fn log(folder: &Path) -> PathBuf {
    folder.join("libvirtd.log")
}
