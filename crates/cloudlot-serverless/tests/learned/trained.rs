//! Training.

use cloudlot_serverless::scale::Scaler;
use cloudlot_serverless::scale::learned::{Headroom, HeadroomConfig};

use super::loads::{LOADS, MEMORY};
use super::rules::{GIVEN, threshold};

#[test]
#[ignore = "a look"]
fn learn() {
    for load in LOADS {
        let mut learner = Headroom::new(threshold(GIVEN), HeadroomConfig::new(MEMORY), 7).unwrap();
        for seed in 100..140 {
            learner.train();
            let (bill, after) = load.scaled(seed, learner);
            learner = after;
            if seed % 5 == 0 {
                let frozen = learner.control(threshold(GIVEN)).unwrap();
                let (eval, _) = load.scaled(1, frozen);
                println!(
                    "{} {seed} train {:.1} eval {:.1} waited {:.1} late {} idle {:.0}",
                    load.name,
                    bill.total().as_secs_f64(),
                    eval.total().as_secs_f64(),
                    eval.waited().as_secs_f64(),
                    eval.late(),
                    eval.idle() as f64 / 2f64.powi(30) / 1e9
                );
            }
        }
    }
}
