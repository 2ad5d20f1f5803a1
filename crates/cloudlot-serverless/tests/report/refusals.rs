//! What is no report.

use cloudlot_core::Seeds;
use cloudlot_serverless::Totals;
use cloudlot_serverless::report::{Gather, Price, Report, Workload};
use cloudlot_serverless::synthetic::azure_day;
use proptest::prelude::*;
use serde_json::{Value, json};

fn good() -> Value {
    let day = azure_day(2, Seeds::new(1)).counts;
    let mut report = Report::new(Workload::of("a day", &day)).priced(Price::new(1.0, 1.0).unwrap());
    report.push(Gather::new(day.functions()).finish("none:1", &Totals::default()));
    serde_json::to_value(report).unwrap()
}

fn refusal(change: impl FnOnce(&mut Value)) -> String {
    let mut report = good();
    change(&mut report);
    serde_json::from_value::<Report>(report)
        .unwrap_err()
        .to_string()
}

#[test]
fn a_report_as_written_is_read() {
    assert!(serde_json::from_value::<Report>(good()).is_ok());
}

#[test]
fn another_version_is_not_guessed_at() {
    let said = refusal(|report| report["version"] = json!(2));
    assert_eq!(said, "version 2 is not known, only 1");
    assert!(
        refusal(|report| drop(report.as_object_mut().unwrap().remove("version")))
            .contains("version")
    );
}

#[test]
fn numbers_that_cannot_be_are_named() {
    for (key, value, words) in [
        (
            "cold_share",
            json!(1.5),
            "cold_share of run 1 is 1.5, not from 0 to 1",
        ),
        (
            "idle_mib_s",
            json!(-1),
            "idle_mib_s of run 1 is -1, not from 0 to",
        ),
        ("peak_mib", json!(1e300), "peak_mib of run 1 is"),
        (
            "cold_by_app",
            json!({"count": 1, "p50": 0, "p75": 2, "p90": 2}),
            "a cold share of run 1 is 2",
        ),
        (
            "delay_s",
            json!({"p50": 0, "p90": 0, "p99": 0, "p99_9": 0, "max": -3}),
            "delay_s of run 1 is -3",
        ),
        (
            "cost",
            json!({"calls": 0, "busy": -1, "idle": 0}),
            "cost of run 1 is -1",
        ),
    ] {
        let said = refusal(|report| report["runs"][0][key] = value);
        assert!(said.starts_with(words), "{said}");
    }
    assert!(
        refusal(|report| report["workload"]["span_s"] = json!(-1))
            .starts_with("span_s of run 0 is -1")
    );
    assert!(
        refusal(|report| report["price"]["call"] = json!(-1))
            .contains("a price is a number from 0")
    );
}

#[test]
fn a_time_line_that_is_not_whole_is_refused() {
    let words = "the time line of run 1 is not whole";
    let line = |line: Value| refusal(|report| report["runs"][0]["timeline"] = line);
    assert_eq!(
        line(json!({"bucket_s": 1, "calls": [1], "cold": [], "idle_mib": [0], "busy_mib": [0]})),
        words
    );
    assert_eq!(
        line(json!({"bucket_s": 0, "calls": [], "cold": [], "idle_mib": [], "busy_mib": []})),
        words
    );
    let long = vec![0; 481];
    assert_eq!(
        line(
            json!({"bucket_s": 1, "calls": long, "cold": long, "idle_mib": long, "busy_mib": long})
        ),
        words
    );
}

#[test]
fn prices_are_checked() {
    for bad in [-0.1, f64::NAN, f64::INFINITY, 2e9] {
        assert!(
            Price::new(bad, 0.0).is_err() && Price::new(0.0, bad).is_err(),
            "{bad}"
        );
    }
}

proptest! {
    #[test]
    fn damaged_text_is_refused_or_a_report_that_can_be_shown(at in 0_usize..2_000, letter: char) {
        let text = good().to_string();
        let mut letters: Vec<char> = text.chars().collect();
        let at = at % letters.len();
        letters[at] = letter;
        let text: String = letters.into_iter().collect();
        if let Ok(report) = serde_json::from_str::<Report>(&text) {
            report.draw(cloudlot_serverless::report::Panels::Both).unwrap();
            prop_assert!(!report.to_string().is_empty() && !report.timeline_text().is_empty());
        }
    }
}
