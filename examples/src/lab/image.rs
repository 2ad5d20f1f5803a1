//! What the guests boot: a kernel as Debian ships it, and an initial file system of busybox, the
//! virtio drivers and one script of ours, `init.sh`. There is no disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::cpio::Archive;
use super::error::LabError;
use crate::target;

const INIT: &str = include_str!("init.sh");
const BUSYBOX: &str = "/bin/busybox";

/// The drivers a guest needs, in this order; what they depend on is found out.
const DRIVERS: &[&str] = &["virtio_pci", "virtio_balloon", "virtio_console"];

/// The programs that `init.sh` calls; busybox is all of them.
const APPLETS: &[&str] = &[
    "dd", "insmod", "mkfifo", "mount", "rm", "sh", "taskset", "usleep",
];

/// A kernel and its first file system, as files.
#[derive(Debug, Clone)]
pub(super) struct Image {
    pub(super) kernel: PathBuf,
    pub(super) initramfs: PathBuf,
}

impl Image {
    /// Builds the image in `folder`, from the kernel that `cargo xtask setup` has unpacked.
    pub(super) fn build(folder: &Path) -> Result<Self, LabError> {
        let source = kernel_folder()?;
        let image = Self {
            kernel: folder.join("vmlinuz"),
            initramfs: folder.join("initramfs"),
        };
        // A copy, because the guests do not see every folder of the host.
        let vmlinuz = find(&source.join("boot"), |name| name.starts_with("vmlinuz"))?;
        fs::copy(&vmlinuz, &image.kernel).map_err(LabError::io(&vmlinuz))?;
        let archive = initramfs(&busybox()?, &load_order(&source)?);
        fs::write(&image.initramfs, archive).map_err(LabError::io(&image.initramfs))?;
        Ok(image)
    }
}

/// The kernel unpacked by `cargo xtask setup`.
fn kernel_folder() -> Result<PathBuf, LabError> {
    let kernel = target::folder().map(|target| target.join("lab").join("kernel"));
    kernel
        .filter(|folder| folder.exists())
        .ok_or_else(|| LabError::Missing {
            what: "a kernel for the guests".to_owned(),
        })
}

fn busybox() -> Result<Vec<u8>, LabError> {
    let missing = |_| LabError::Missing {
        what: "busybox".to_owned(),
    };
    let busybox = fs::read(BUSYBOX).map_err(missing)?;
    // A program that names a dynamic loader needs libraries, which the guests do not have.
    match find_bytes(&busybox, b"/ld-linux") {
        None => Ok(busybox),
        Some(_) => Err(LabError::Missing {
            what: "a statically linked busybox".to_owned(),
        }),
    }
}

fn initramfs(busybox: &[u8], drivers: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = Archive::default();
    for folder in ["bin", "dev", "hold", "modules", "proc", "sys"] {
        archive.folder(folder);
    }
    archive.device("dev/console", 5, 1);
    archive.device("dev/null", 1, 3);
    archive.file("bin/busybox", busybox);
    for applet in APPLETS {
        archive.link(&format!("bin/{applet}"), "busybox");
    }
    for (index, (name, code)) in drivers.iter().enumerate() {
        // The script loads them in the order of their names.
        archive.file(&format!("modules/{index:02}-{name}"), code);
    }
    archive.file("init", INIT.as_bytes());
    archive.finish()
}

/// The modules of [`DRIVERS`], each after those it depends on. Drivers built into the kernel need
/// no module.
fn load_order(kernel: &Path) -> Result<Vec<(String, Vec<u8>)>, LabError> {
    // Either place, depending on the release.
    let versions = [kernel.join("usr/lib/modules"), kernel.join("lib/modules")];
    let versions = versions
        .iter()
        .find(|folder| folder.exists())
        .unwrap_or(&versions[0]);
    let modules = find(versions, |_| true)?;
    let mut files = BTreeMap::new();
    list_modules(&modules, &mut files)?;
    let builtin = modules.join("modules.builtin");
    let builtin = fs::read_to_string(&builtin).map_err(LabError::io(&builtin))?;
    let builtin: Vec<String> = builtin
        .lines()
        .filter_map(|line| module_name(Path::new(line)))
        .collect();

    let mut order = Vec::new();
    for driver in DRIVERS {
        load_after_dependencies(driver, &files, &builtin, &mut order)?;
    }
    Ok(order)
}

fn load_after_dependencies(
    name: &str,
    files: &BTreeMap<String, PathBuf>,
    builtin: &[String],
    order: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), LabError> {
    if order.iter().any(|(loaded, _)| loaded == name) || builtin.iter().any(|built| built == name) {
        return Ok(());
    }
    let file = files.get(name).ok_or_else(|| LabError::Missing {
        what: format!("the driver {name} of the guests' kernel"),
    })?;
    let code = read_module(file)?;
    for dependency in dependencies(&code) {
        load_after_dependencies(&dependency, files, builtin, order)?;
    }
    order.push((name.to_owned(), code));
    Ok(())
}

/// Adds all modules below `folder`, by name.
fn list_modules(folder: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<(), LabError> {
    for entry in fs::read_dir(folder).map_err(LabError::io(folder))? {
        let entry = entry.map_err(LabError::io(folder))?;
        if entry.file_type().map_err(LabError::io(folder))?.is_dir() {
            list_modules(&entry.path(), files)?;
        } else if let Some(name) = module_name(&entry.path()) {
            files.insert(name, entry.path());
        }
    }
    Ok(())
}

/// The name of the module in file `path`, as the kernel spells it.
fn module_name(path: &Path) -> Option<String> {
    let file = path.file_name()?.to_str()?;
    let (name, ending) = file.split_once(".ko")?;
    matches!(ending, "" | ".xz").then(|| name.replace('-', "_"))
}

fn read_module(file: &Path) -> Result<Vec<u8>, LabError> {
    if file.extension().is_some_and(|extension| extension == "ko") {
        return fs::read(file).map_err(LabError::io(file));
    }
    let unpacked = Command::new(BUSYBOX)
        .args(["unxz", "-c"])
        .arg(file)
        .output();
    let unpacked = unpacked.map_err(LabError::io(BUSYBOX))?;
    match unpacked.status.success() {
        true => Ok(unpacked.stdout),
        false => Err(LabError::Missing {
            what: format!("an intact {}", file.display()),
        }),
    }
}

/// The modules that must be loaded before the one with this code: it names them itself. (The
/// index `modules.dep` is made on installation, and this kernel is not installed.)
fn dependencies(code: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(start) = find_bytes(code, KEY) else {
        return Vec::new();
    };
    let value = code[start + KEY.len()..]
        .split(|byte| *byte == 0)
        .next()
        .unwrap_or_default();
    let names = String::from_utf8_lossy(value);
    names
        .split(',')
        .filter(|name| !name.is_empty())
        .map(|name| name.replace('-', "_"))
        .collect()
}

fn find_bytes(text: &[u8], pattern: &[u8]) -> Option<usize> {
    text.windows(pattern.len())
        .position(|window| window == pattern)
}

/// The last entry of `folder`, by name, that `fits`.
fn find(folder: &Path, fits: impl Fn(&str) -> bool) -> Result<PathBuf, LabError> {
    let entries = fs::read_dir(folder).map_err(LabError::io(folder))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let name = names.filter(|name| fits(name)).max();
    let name = name.ok_or_else(|| LabError::Missing {
        what: format!("a file in {}", folder.display()),
    })?;
    Ok(folder.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_names_what_it_depends_on() {
        let names = |code: &[u8]| dependencies(code).join(" ");
        assert_eq!(
            names(b"ELF\0license=GPL\0depends=virtio,virtio-ring\0name=x\0"),
            "virtio virtio_ring"
        );
        assert_eq!(names(b"ELF\0license=GPL\0depends=\0name=x\0"), "");
        assert_eq!(names(b"ELF\0license=GPL\0softdepends=never\0"), "");
        assert_eq!(names(b"ELF\0depends=cut"), "cut");
    }

    #[test]
    fn modules_are_known_by_the_name_the_kernel_uses() {
        let name = |path: &str| module_name(Path::new(path));
        assert_eq!(
            name("kernel/drivers/virtio/virtio-rng.ko"),
            Some("virtio_rng".to_owned())
        );
        assert_eq!(
            name("kernel/virtio_pci.ko.xz"),
            Some("virtio_pci".to_owned())
        );
        assert_eq!(name("kernel/virtio_pci.ko.lzo"), None);
        assert_eq!(name("modules.order"), None);
    }

    #[test]
    fn a_module_is_loaded_once_and_after_its_dependencies() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = BTreeMap::new();
        for (name, depends) in [("balloon", "ring,bus"), ("bus", ""), ("ring", "bus,core")] {
            let file = folder.path().join(format!("{name}.ko"));
            fs::write(&file, format!("\0depends={depends}\0")).unwrap();
            files.insert(name.to_owned(), file);
        }
        let mut order = Vec::new();
        let builtin = ["core".to_owned()];
        for driver in ["balloon", "ring"] {
            load_after_dependencies(driver, &files, &builtin, &mut order).unwrap();
        }
        let names: Vec<&str> = order.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["bus", "ring", "balloon"]);

        let error = load_after_dependencies("absent", &files, &builtin, &mut order).unwrap_err();
        assert!(error.is_absence(), "{error}");
    }
}
