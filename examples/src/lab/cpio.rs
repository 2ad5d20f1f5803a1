//! A writer for the cpio archive that Linux unpacks as its first file system.
//!
//! Source: the kernel's `Documentation/driver-api/early-userspace/buffer-format.rst` (format
//! "newc"): a header of 8-digit hexadecimal fields, the name and the content of each entry, the
//! latter two padded to four bytes; an entry named `TRAILER!!!` ends the archive.

/// An archive in the making. Folders come before what lies in them.
#[derive(Debug, Default)]
pub(super) struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const LINK: u32 = 0o120_777;
const CHARACTER_DEVICE: u32 = 0o020_600;

impl Archive {
    /// Adds an empty folder; `path` has no leading slash, here as in the other calls.
    pub(super) fn folder(&mut self, path: &str) {
        self.entry(path, FOLDER, (0, 0), &[]);
    }

    /// Adds a file that may be run.
    ///
    /// # Panics
    /// When `content` has 4 GiB or more.
    pub(super) fn file(&mut self, path: &str, content: &[u8]) {
        self.entry(path, PROGRAM, (0, 0), content);
    }

    /// Adds a symbolic link to `target`.
    pub(super) fn link(&mut self, path: &str, target: &str) {
        self.entry(path, LINK, (0, 0), target.as_bytes());
    }

    /// Adds a character device.
    pub(super) fn device(&mut self, path: &str, major: u32, minor: u32) {
        self.entry(path, CHARACTER_DEVICE, (major, minor), &[]);
    }

    /// The finished archive.
    #[must_use]
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, (0, 0), &[]);
        self.bytes
    }

    fn entry(&mut self, path: &str, mode: u32, device: (u32, u32), content: &[u8]) {
        self.entries += 1;
        let size = |bytes: &[u8]| u32::try_from(bytes.len()).expect("an entry is below 4 GiB");
        let name = [path.as_bytes(), &[0]].concat();
        let (owner, group, links, modified) = (0, 0, 1, 0);
        let (container_major, container_minor, checksum) = (0, 0, 0);
        let header = [
            self.entries,
            mode,
            owner,
            group,
            links,
            modified,
            size(content),
            container_major,
            container_minor,
            device.0,
            device.1,
            size(&name),
            checksum,
        ];
        self.bytes.extend_from_slice(b"070701");
        for field in header {
            self.bytes
                .extend_from_slice(format!("{field:08x}").as_bytes());
        }
        for part in [name.as_slice(), content] {
            self.bytes.extend_from_slice(part);
            self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, mode, device and content.
    type Entry = (String, u32, (u32, u32), Vec<u8>);

    /// Each entry but the trailer.
    fn read(archive: &[u8]) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut at = 0;
        loop {
            assert_eq!(&archive[at..at + 6], b"070701");
            let field = |index: usize| {
                let start = at + 6 + 8 * index;
                let digits = std::str::from_utf8(&archive[start..start + 8]).unwrap();
                u32::from_str_radix(digits, 16).unwrap()
            };
            let (size, name_size) = (field(6) as usize, field(11) as usize);
            let name = &archive[at + 110..at + 110 + name_size - 1];
            let start = (at + 110 + name_size).next_multiple_of(4);
            let name = String::from_utf8(name.to_vec()).unwrap();
            if name == "TRAILER!!!" {
                return entries;
            }
            let content = archive[start..start + size].to_vec();
            entries.push((name, field(1), (field(9), field(10)), content));
            at = (start + size).next_multiple_of(4);
        }
    }

    #[test]
    fn what_is_put_in_comes_out_in_order() {
        let mut archive = Archive::default();
        archive.folder("dev");
        archive.device("dev/console", 5, 1);
        for length in 0..5 {
            archive.file(&"f".repeat(length + 1), &vec![7; length]);
        }
        archive.link("bin", "usr/bin");
        let entries = read(&archive.finish());
        assert_eq!(entries[0], ("dev".into(), FOLDER, (0, 0), vec![]));
        assert_eq!(
            entries[1],
            ("dev/console".into(), CHARACTER_DEVICE, (5, 1), vec![])
        );
        for length in 0..5 {
            let name = "f".repeat(length + 1);
            assert_eq!(
                entries[2 + length],
                (name, PROGRAM, (0, 0), vec![7; length])
            );
        }
        assert_eq!(
            entries[7],
            ("bin".into(), LINK, (0, 0), b"usr/bin".to_vec())
        );
        assert_eq!(entries.len(), 8);
    }

    #[test]
    fn an_archive_is_a_whole_number_of_words() {
        let mut archive = Archive::default();
        archive.file("odd", b"12345");
        assert_eq!(archive.finish().len() % 4, 0);
    }
}
