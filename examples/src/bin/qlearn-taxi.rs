//! Trains a taxi driver and says how good it is, exactly.

use std::process::ExitCode;

fn main() -> ExitCode {
    cloudlot_examples::taxi::run()
}
