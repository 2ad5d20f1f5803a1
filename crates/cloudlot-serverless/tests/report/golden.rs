//! A tiny run in every form, letter by letter.

use crate::gather::{call, profile, run};
use cloudlot_serverless::Binding;
use cloudlot_serverless::report::{Panels, Price, Report, Workload};
use expect_test::{expect, expect_file};

/// Two functions of one app and a third, three minutes, two windows.
fn report() -> Report {
    let functions = [
        profile("resize", "photos", 512),
        profile("label", "photos", 256),
        profile("mail & \"more\"", "mail", 128),
    ];
    let calls = [
        call(0, 0, 2_000),
        call(500, 0, 2_000),
        call(1_000, 1, 300),
        call(30_000, 0, 1_000),
        call(61_000, 2, 10),
        call(90_000, 1, 300),
        call(150_000, 0, 2_000),
        call(170_000, 2, 10),
    ];
    let workload = Workload::new("Three functions", &functions, 8, 180.0);
    let mut report = Report::new(workload).priced(Price::new(0.5, 0.25).unwrap());
    for seconds in [60, 120] {
        let name = format!("fixed:{seconds}s");
        report.push(run(&name, &functions, &calls, Binding::Late, seconds));
    }
    report
}

#[test]
fn the_table() {
    expect![[r#"
        Three functions: 3 functions of 2 apps, 8 calls in 3 min

        policy         cold     x  of calls  app p75  starts  idle GiB h     x  peak GiB  p99 delay  p99.9   cost
        fixed:60s   +    7   1.00    87.5 %   100 %       7       0.041*  1.00     1.38        1 s    1 s   79.1*
        fixed:120s  +    4*  0.57    50.0 %  50.0 %*      4*      0.076   1.84     1.38        1 s    1 s    141 

        * least of its column; x: times the first; + on the frontier of cold starts and idle memory
    "#]].assert_eq(&report().to_string());
}

#[test]
fn the_time_lines() {
    expect![[r#"

        calls a minute, up to 120
                    █      ▄       ▄      ▄              ▄    ▄                             

        cold starts a minute, up to 120
        fixed:60s   █              ▄      ▄              ▄    ▄                             
        fixed:120s  █              ▄                                                        

        idle memory, GiB, up to 1.38
        fixed:60s   ▆███████████████▄▄▄▄▄▄▄▃▃▃▃▃▃▃▃▂▂▂▂▂▂▂▃▃▃▃▄▄▄▄▄▄▄▄▄▄▄▁▁▁▁▁              
        fixed:120s  ▆██████████████████████████████▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▅▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▁▁▁▁
        from 0 to 4.85 min
    "#]]
    .assert_eq(&report().timeline_text());
}

#[test]
fn the_csv() {
    let mut text = Vec::new();
    report().write_csv(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.lines().count() == 3 && text.ends_with("\r\n"));
    expect![[r#"
        policy,family,setting,calls,failed,starts,prewarms,failed_starts,evictions,retries,waited,cold,cold_share,function_p50,function_p75,function_p90,app_p50,app_p75,app_p90,delay_p50_s,delay_p90_s,delay_p99_s,delay_p99_9_s,delay_max_s,idle_mib_s,busy_mib_s,starting_mib_s,peak_mib,peak_instances,cost_calls,cost_busy,cost_idle
        fixed:60s,fixed,60s,8,0,7,0,0,0,0,7,7,0.875,1,1,1,0.8333333333333334,1,1,0.99609375,1,1,1,1,151808,3740.16,2304,1408,4,2,1.82625,75.25
        fixed:120s,fixed,120s,8,0,4,0,0,0,0,4,4,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0,1,1,1,1,279729.92,3740.16,1408,1408,4,2,1.82625,137.274375
    "#]].assert_eq(&text.replace("\r\n", "\n"));
}

#[test]
fn the_csv_of_time_lines() {
    let mut text = Vec::new();
    report().write_timeline_csv(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let head: Vec<&str> = text.lines().take(8).collect();
    expect![[r#"
        policy,from_s,calls,cold,idle_mib,busy_mib
        fixed:60s,0,2,2,0,0
        fixed:60s,1,1,1,0,768
        fixed:60s,2,0,0,179.2,1100.8
        fixed:60s,3,0,0,1024,256
        fixed:60s,4,0,0,1280,0
        fixed:60s,5,0,0,1280,0
        fixed:60s,6,0,0,1280,0"#]]
    .assert_eq(&head.join("\n"));
}

#[test]
fn the_json() {
    let mut report = serde_json::to_value(report()).unwrap();
    for run in report["runs"].as_array_mut().unwrap() {
        // The golden file shows the schema, not each bucket.
        for (_, column) in run["timeline"].as_object_mut().unwrap() {
            if let Some(column) = column.as_array_mut() {
                column.truncate(3);
            }
        }
    }
    let text = serde_json::to_string_pretty(&report).unwrap() + "\n";
    expect_file!["golden.json"].assert_eq(&text);
}

#[test]
fn the_drawing() {
    expect_file!["golden.svg"].assert_eq(&report().draw(Panels::Both).unwrap());
}
