//! Replays calls of functions under policies and says what each costs.

use std::process::ExitCode;

fn main() -> ExitCode {
    cloudlot_examples::replay::run()
}
