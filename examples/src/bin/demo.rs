//! Shows both programs at work, on real guests or simulated ones.

use std::process::ExitCode;

fn main() -> ExitCode {
    cloudlot_examples::demo::run()
}
