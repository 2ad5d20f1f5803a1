//! What the README shows of the controller is the controller.

#[test]
fn the_readme_shows_the_controller_as_it_is() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let readme = std::fs::read_to_string(format!("{root}/README.md")).unwrap();
    let program = include_str!("../src/bin/controller.rs");
    // The README leaves the indentation of a function's body out.
    let flat = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    let program = flat(program);
    let blocks: Vec<&str> = readme.split("```rust,ignore\n").skip(1).collect();
    assert!(blocks.len() >= 2);
    for block in blocks {
        let block = flat(block.split("\n```").next().unwrap());
        assert!(program.contains(&block), "{block}");
    }
}
