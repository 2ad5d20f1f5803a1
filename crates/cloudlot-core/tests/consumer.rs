//! A program that somebody else writes: a crate of its own, outside of the workspace, with nothing but a path dependency
//! and default features. Its code is what the README shows, so that the two cannot drift apart.
#![cfg(feature = "serde")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The libraries that any program on Linux links.
const EVERYWHERE: [&str; 5] = ["linux-vdso", "libc.", "libm.", "libgcc_s.", "ld-linux"];

/// What the README's programs print, in their order.
const PRINTED: [&str; 2] = [
    "\
name            kind  capacity   limit   held  confirmed   free    used
compute-node-1  cpu     100000  100000  50000      50000  50000  50.0 %
total           cpu     100000  100000  50000      50000  50000  50.0 %
owner task-1    cpu          -       -  50000      50000      -  50.0 %
in all 50.0 %, efficiency 100.0 %
granted 0.000/s, finished 0.000/s, contention 0.0 %
waited 0 times: mean 0.000 s, p50 0.000 s, p95 0.000 s, p99 0.000 s, max 0.000 s
task-2: resource-0.0 is short by cpu 10
",
    "cpu 0.95, in all 0.6\nKinds above 90 %: cpu at 0.95\n",
];

/// The whole programs among the README's Rust examples, in their order.
fn programs(readme: &str) -> Vec<&str> {
    let blocks = readme.split("```rust\n").skip(1);
    blocks
        .map(|rest| rest.split_once("```").unwrap().0)
        .filter(|code| code.contains("fn main()"))
        .collect()
}

/// A crate in a temporary folder, built beside the workspace so that its dependencies are built once.
struct Consumer {
    folder: tempfile::TempDir,
    target: PathBuf,
}

impl Consumer {
    /// With a program for each piece of code: `example-0`, `example-1`.
    fn of(codes: &[&str]) -> Self {
        let core = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = tempfile::tempdir().unwrap();
        let manifest = format!(
            "[package]\nname = \"consumer\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [workspace]\n\n[profile.dev]\ndebug = false\n\n\
             [dependencies]\ncloudlot-core = {{ path = {core:?} }}\n"
        );
        let binaries = folder.path().join("src/bin");
        std::fs::create_dir_all(&binaries).unwrap();
        std::fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
        std::fs::copy(
            core.join("../../Cargo.lock"),
            folder.path().join("Cargo.lock"),
        )
        .unwrap();
        for (n, code) in codes.iter().enumerate() {
            std::fs::write(binaries.join(format!("example-{n}.rs")), code).unwrap();
        }
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("consumer");
        Self { folder, target }
    }

    /// `cargo` in the crate, without network.
    fn cargo(&self, line: &str) -> Output {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Command::new(cargo)
            .args(line.split_whitespace())
            .arg("--offline")
            .current_dir(self.folder.path())
            .env("CARGO_TARGET_DIR", &self.target)
            .env_remove("CARGO_BUILD_TARGET")
            .output()
            .unwrap()
    }

    /// What a program prints.
    fn printed(&self, program: &str) -> String {
        let output = self.cargo(&format!("run --quiet --bin {program}"));
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program}: {complaint}");
        assert_eq!(complaint, "", "{program} builds without a warning");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The shared libraries that a program needs; `None` where nobody can tell.
    fn libraries(&self, program: &str) -> Option<Vec<String>> {
        let path = self.target.join("debug").join(program);
        assert!(path.exists(), "{path:?}");
        let output = Command::new("ldd").arg(path).output().ok()?;
        let text = String::from_utf8(output.stdout).unwrap();
        let names = text.lines().filter_map(|line| {
            let name = line.split_whitespace().next()?;
            Some(name.rsplit('/').next()?.to_owned())
        });
        output.status.success().then(|| names.collect())
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // Its dependencies stay for the next run; its own files carry the name of the folder, and would pile up.
        let _ = self.cargo("clean --quiet --package consumer");
    }
}

#[test]
fn the_examples_of_the_readme_run_outside_of_the_workspace_with_no_system_library() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let codes = programs(&readme);
    let first = readme.split("```rust\n").nth(1).unwrap();
    assert!(first.starts_with(codes[0]), "the first example runs");
    let consumer = Consumer::of(&codes);

    assert_eq!(codes.len(), PRINTED.len());
    for (n, printed) in PRINTED.iter().enumerate() {
        let program = format!("example-{n}");
        assert_eq!(consumer.printed(&program), *printed);
        let Some(libraries) = consumer.libraries(&program) else {
            eprintln!("!! NOT CHECKED: ldd cannot say which libraries {program} links");
            continue;
        };
        let everywhere = |name: &&String| EVERYWHERE.iter().any(|known| name.starts_with(known));
        assert!(libraries.iter().any(|name| name.starts_with("libc.")));
        let others: Vec<&String> = libraries.iter().filter(|name| !everywhere(name)).collect();
        assert!(others.is_empty(), "{program} links {others:?}");
    }
}
