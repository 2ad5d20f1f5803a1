//! Reserves requests on resources, both from files, and says who got what and why others did not.

use std::process::ExitCode;

fn main() -> ExitCode {
    cloudlot_examples::reserve::run()
}
