//! A place of the laboratory's own on this machine: one folder, and namespaces for mounts,
//! processes and network in which everything it starts lives and with which it ends.
//!
//! libvirt's system daemon has its places built in (`/etc/libvirt`, `/var/lib/libvirt`,
//! `/run/libvirt`), so two of a kind would meet there; in a mount namespace they do not. The
//! process namespace makes clean-up certain: the kernel ends all of it when its first process
//! does, and that one leaves as soon as its owner is gone, be it by a panic, Ctrl-C or SIGKILL.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::error::LabError;

const HOLDER: &str = include_str!("holder.sh");

/// Where the folders are: short, because the path of a Unix socket has room for 107 bytes.
const PARENT: &str = "/tmp";
const PREFIX: &str = "cloudlot-lab-";

/// User that Debian's libvirtd wants to see at its start, even if told to use another.
const DAEMON_USER: &str = "libvirt-qemu:x:64055:64055::/:/bin/false\n";
const DAEMON_GROUP: &str = "libvirt-qemu:x:64055:\n";

/// The folder and the first process of the namespaces.
#[derive(Debug)]
pub(super) struct Space {
    folder: PathBuf,
    holder: Child,
    /// Taken when the space closes: that is the sign for the holder to leave.
    orders: Option<ChildStdin>,
    done: BufReader<ChildStdout>,
    /// Held for as long as the owner lives; a folder whose lock is free is a leftover.
    _lock: File,
}

impl Space {
    /// Removes the leftovers of owners that were killed, and opens a new space.
    pub(super) fn open() -> Result<Self, LabError> {
        if !is_root() {
            return Err(LabError::NeedsRoot);
        }
        sweep();
        let (folder, lock) = make_folder()?;
        let mut holder = Command::new("unshare")
            .args([
                "--mount",
                "--pid",
                "--net",
                "--fork",
                "--kill-child",
                "--mount-proc",
            ])
            .args(["bash", "-c", HOLDER, "holder"])
            .arg(&folder)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for the owner, who may have things to put right first.
            .process_group(0)
            .spawn()
            .map_err(|_| LabError::Missing {
                what: "unshare".to_owned(),
            })?;
        let orders = holder.stdin.take();
        let done = BufReader::new(holder.stdout.take().expect("standard output is piped"));
        let mut space = Self {
            folder,
            holder,
            orders,
            done,
            _lock: lock,
        };
        match space.answer()?.as_str() {
            "ready" => Ok(space),
            _ => Err(LabError::NoNamespace {
                reason: space.complaint(),
            }),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Tells the holder `verb` (see `holder.sh`) and waits until it is done.
    pub(super) fn order(&mut self, verb: &str) -> Result<(), LabError> {
        let orders = self.orders.as_mut().expect("the space is open");
        writeln!(orders, "{verb}").map_err(LabError::io("the holder of the namespaces"))?;
        self.answer().map(|_| ())
    }

    fn answer(&mut self) -> Result<String, LabError> {
        let mut line = String::new();
        let read = self.done.read_line(&mut line);
        read.map_err(LabError::io("the holder of the namespaces"))?;
        Ok(line.trim_end().to_owned())
    }

    /// What a holder that gave up has said.
    fn complaint(&mut self) -> String {
        let stderr = self.holder.stderr.take().map(BufReader::new);
        let lines = stderr
            .into_iter()
            .flat_map(|stderr| stderr.lines().map_while(Result::ok));
        lines.last().unwrap_or_else(|| "no reason given".to_owned())
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        drop(self.orders.take());
        // Neither call can fail in a way that we could do something about: the holder is our
        // child, and what it left of the folder the next start sweeps.
        let _ = self.holder.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let users = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    users.and_then(|users| users.split_whitespace().nth(1)) == Some("0")
}

/// Removes the folders of spaces whose owners are gone. Their processes went with them.
fn sweep() {
    for entry in fs::read_dir(PARENT).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let lock = ours.then(|| File::open(entry.path().join("lock")));
        if let Some(Ok(lock)) = lock
            && lock.try_lock().is_ok()
        {
            // A leftover that cannot be removed does no harm: names are not used twice.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// A new folder with what the holder expects in it, and its lock, taken.
fn make_folder() -> Result<(PathBuf, File), LabError> {
    let (folder, lock) = (0..u32::MAX)
        .map(|number| Path::new(PARENT).join(format!("{PREFIX}{number}")))
        .find_map(|folder| claim(&folder).transpose())
        .expect("there are fewer laboratories than numbers")?;
    for private in ["etc", "run", "var"] {
        let private = folder.join(private);
        fs::create_dir(&private).map_err(LabError::io(&private))?;
    }
    let passwd = fs::read_to_string("/etc/passwd").map_err(LabError::io("/etc/passwd"))?;
    let group = fs::read_to_string("/etc/group").map_err(LabError::io("/etc/group"))?;
    let files = [
        ("passwd", passwd + DAEMON_USER),
        ("group", group + DAEMON_GROUP),
        ("nothing", String::new()),
    ];
    for (name, content) in files {
        let file = folder.join(name);
        fs::write(&file, content).map_err(LabError::io(&file))?;
    }
    Ok((folder, lock))
}

/// Makes `folder` and locks it; `None` if it is there already.
fn claim(folder: &Path) -> Result<Option<(PathBuf, File)>, LabError> {
    // Nobody else on the machine may talk to the daemon.
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(None),
        Err(error) => return Err(LabError::io(folder)(error)),
    }
    let file = folder.join("lock");
    let lock = File::create_new(&file).map_err(LabError::io(&file))?;
    lock.lock().map_err(LabError::io(&file))?;
    Ok(Some((folder.to_path_buf(), lock)))
}
