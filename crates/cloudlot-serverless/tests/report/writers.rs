//! Whatever a report says, each form of it is whole.

use crate::arbitrary::report;
use cloudlot_serverless::report::{Measure, Panels, Report};
use proptest::prelude::*;

/// The rows of a table by RFC 4180.
fn csv_rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut letters = text.chars().peekable();
    let mut quoted = false;
    while let Some(letter) = letters.next() {
        match (letter, quoted) {
            ('"', true) if letters.next_if_eq(&'"').is_some() => field.push('"'),
            ('"', _) => quoted = !quoted,
            (',', false) => row.push(std::mem::take(&mut field)),
            ('\r', false) => {
                assert_eq!(letters.next(), Some('\n'), "a row ends with both");
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            (letter, _) => field.push(letter),
        }
    }
    assert!(
        row.is_empty() && field.is_empty() && !quoted,
        "the last row ends, too"
    );
    rows
}

fn csv(report: &Report) -> Vec<Vec<String>> {
    let mut text = Vec::new();
    report.write_csv(&mut text).unwrap();
    csv_rows(&String::from_utf8(text).unwrap())
}

/// The lines of the table of runs.
fn table(report: &Report) -> Vec<String> {
    let text = report.to_string();
    let table = text.split("\n\n").nth(1).unwrap();
    table.lines().map(str::to_owned).collect()
}

proptest! {
    #[test]
    fn columns_stand_below_each_other(report in report(1..6)) {
        let lines = table(&report);
        prop_assert_eq!(lines.len(), report.runs().len() + 1);
        let length = |line: &String| line.chars().count();
        prop_assert!(lines.iter().all(|line| length(line) == length(&lines[0])), "{report}");
        // A column of numbers ends where its name does: a number or its mark stands there in every line, and a gap behind.
        for name in ["app p75", "starts", "idle GiB h", "peak GiB", "p99 delay", "p99.9"] {
            let before = lines[0][..lines[0].rfind(name).unwrap()].chars().count();
            let end = before + name.chars().count();
            for line in &lines {
                let at = |place: usize| line.chars().nth(place).unwrap_or(' ');
                prop_assert!((at(end - 1), at(end - 2)) != (' ', ' '), "{name}\n{report}");
                prop_assert_eq!((at(end), at(end + 1)), (' ', ' '), "{}\n{}", name, report);
            }
        }
    }

    #[test]
    fn the_table_says_nothing_twice_and_no_line_more(report in report(0..4)) {
        prop_assert!(!report.to_string().contains('\t'));
        let lines = report.to_string().lines().count();
        let runs = report.runs().len();
        prop_assert!(lines <= runs + 5, "{report}");
        prop_assert!(report.to_string().chars().all(|letter| letter == '\n' || !letter.is_control()));
    }

    #[test]
    fn csv_parses_back(report in report(0..6)) {
        let rows = csv(&report);
        prop_assert_eq!(rows.len(), report.runs().len() + 1);
        prop_assert!(rows.iter().all(|row| row.len() == rows[0].len()));
        let column = |name: &str| rows[0].iter().position(|column| column == name).unwrap();
        for (run, row) in report.runs().iter().zip(&rows[1..]) {
            prop_assert_eq!(&row[column("policy")], &run.name);
            prop_assert_eq!(&row[column("family")], &run.family);
            prop_assert_eq!(&row[column("setting")], &run.setting);
            prop_assert_eq!(row[column("cold")].parse::<u64>().unwrap(), run.cold);
            prop_assert_eq!(row[column("peak_instances")].parse::<u64>().unwrap(), run.peak_instances);
            prop_assert_eq!(row[column("idle_mib_s")].parse::<f64>().unwrap(), run.idle_mib_s);
            prop_assert_eq!(row[column("app_p75")].parse::<f64>().ok(), run.cold_by_app.map(|it| it.p75));
            prop_assert_eq!(row[column("delay_max_s")].parse::<f64>().ok(), run.delay_s.map(|it| it.max));
            prop_assert_eq!(row[column("cost_idle")].parse::<f64>().ok(), run.cost.map(|it| it.idle));
        }
    }

    #[test]
    fn csv_of_time_lines_parses_back(report in report(0..4)) {
        let mut text = Vec::new();
        report.write_timeline_csv(&mut text).unwrap();
        let rows = csv_rows(&String::from_utf8(text).unwrap());
        let buckets: usize = report.runs().iter().map(|run| run.timeline.len()).sum();
        prop_assert_eq!(rows.len(), buckets + 1);
        let idle = rows[1..].iter().map(|row| row[4].parse::<f64>().unwrap());
        let expected = report.runs().iter().flat_map(|run| run.timeline.idle_mib.iter().copied());
        prop_assert!(idle.eq(expected));
    }

    #[test]
    fn json_comes_back_as_it_was(report in report(0..6)) {
        let text = serde_json::to_string(&report).unwrap();
        prop_assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }

    #[test]
    fn a_drawing_is_xml_and_always_the_same(report in report(0..12), panels in prop_oneof![Just(Panels::Frontier), Just(Panels::Timeline), Just(Panels::Both)]) {
        let text = report.draw(panels).unwrap();
        let document = roxmltree::Document::parse(&text).unwrap();
        prop_assert_eq!(document.root_element().tag_name().name(), "svg");
        prop_assert_eq!(report.draw(panels).unwrap(), text.clone());
        let fonts = document.descendants().filter_map(|it| it.attribute("font-family"));
        prop_assert!(fonts.into_iter().all(|font| font == "sans-serif"));
        prop_assert!(!text.contains("href") && !text.contains("NaN") && !text.contains("inf "));
    }

    #[test]
    fn time_lines_in_letters_are_all_as_wide(report in report(0..6)) {
        let text = report.timeline_text();
        let rows = text.split("\n\n").flat_map(|block| block.trim_start().lines().skip(1));
        let rows: Vec<&str> = rows.filter(|row| !row.starts_with("from 0 to ")).collect();
        prop_assert!(rows.iter().all(|row| row.chars().count() == rows[0].chars().count()), "{text}");
    }

    #[test]
    fn the_best_has_the_least_and_ratios_are_to_the_first(report in report(0..6)) {
        for measure in [Measure::Cold, Measure::Idle, Measure::Delay, Measure::Cost, Measure::ColdByApp] {
            let cells = report.compare(measure);
            prop_assert_eq!(cells.len(), report.runs().len());
            let values = || cells.iter().filter_map(|cell| cell.value);
            for (cell, run) in cells.iter().zip(report.runs()) {
                prop_assert_eq!(cell.value, measure.of(run));
                let least = cell.value.is_some_and(|value| values().all(|other| value <= other));
                let some_more = cell.value.is_some_and(|value| values().any(|other| value < other));
                prop_assert_eq!(cell.best, least && some_more);
                let first = cells[0].value.filter(|first| *first > 0.0);
                let ratio = cell.value.zip(first).map(|(value, first)| value / first);
                prop_assert_eq!(cell.ratio, ratio);
            }
        }
    }

    #[test]
    fn nobody_beats_the_frontier_and_somebody_beats_the_others(report in report(0..8)) {
        let frontier = report.frontier();
        let key = |run: usize| (report.runs()[run].cold, report.runs()[run].idle_mib_s);
        for (run, free) in frontier.iter().enumerate() {
            let (cold, idle) = key(run);
            let beaten = (0..frontier.len()).map(key).any(|other| other != (cold, idle) && other.0 <= cold && other.1 <= idle);
            prop_assert_eq!(*free, !beaten);
        }
    }
}
