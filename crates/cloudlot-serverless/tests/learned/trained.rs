//! Training.

use cloudlot_serverless::scale::learned::{Headroom, HeadroomConfig};

use super::loads::{LOADS, MEMORY};
use super::rules::threshold;

#[test]
#[ignore = "a look"]
fn learn() {
    for load in LOADS {
        for (explore, discount) in [(0.05_f64, 0.95_f64)] {
            let given = super::rules::calibrated(&load).0;
            let config = HeadroomConfig {
                explore,
                discount,
                ..HeadroomConfig::new(MEMORY)
            };
            let mut learner = Headroom::new(threshold(given), config, 7).unwrap();
            let (base, _) = load.scaled(1, threshold(given));
            println!("base {:.1}", base.total().as_secs_f64());
            for seed in 100..220 {
                learner.train(threshold(given));
                let (bill, after) = load.scaled(seed, learner);
                learner = after;
                if seed % 30 == 9 {
                    let frozen = learner.control(threshold(given)).unwrap();
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
}
