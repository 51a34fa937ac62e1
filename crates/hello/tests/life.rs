//! The bench measures the floor: one short life of it, with everything seen that a life shows. No time is judged.

use fargate_runners_bench::{Before, Plan, Results, Subject, Summary, World, live};
use std::collections::BTreeMap;
use std::path::PathBuf;

fn subject(command: &str) -> Subject {
    Subject {
        name: "hello".to_owned(),
        command: vec![command.to_owned()],
        event: "{}".to_owned(),
        before: Before::Running,
        zipped_bytes: None,
        answers: BTreeMap::new(),
    }
}

fn plan(log: &str) -> Plan {
    Plan { calls: 3, log: PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(log), instrument: Vec::new() }
}

#[tokio::test]
async fn a_life_has_a_start_a_first_answer_and_warm_calls() {
    let world = World::open(Before::Running, 0, "", BTreeMap::new()).await.unwrap();
    let subject = subject(env!("CARGO_BIN_EXE_hello"));
    let life = live(&subject, &world, &plan("life.log")).await.unwrap();
    assert_eq!((life.warm.len(), life.first.answer.as_str()), (3, r#"{"hello":"world"}"#));
    assert!(life.first.calls.is_empty() && life.warm.iter().all(|call| call.answer == life.first.answer));
    assert!(life.ready <= life.first.took && !life.first_cpu.is_zero() && life.peak_kib > 0);

    let summary = Summary::of(&subject, &[life.clone(), life]).unwrap();
    assert!((summary.first_ms.median - summary.first_without_calls_ms.median).abs() < f64::EPSILON, "it calls nobody");
    let results = Results { machine: "this one".to_owned(), runs: 2, calls: 3, waiting: 0, functions: vec![summary] };
    let kept = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("kept.json");
    results.write(&kept).unwrap();
    let (kept, was) = (Results::read(&kept).unwrap(), results);
    assert_eq!((kept.machine.as_str(), kept.runs, kept.calls), (was.machine.as_str(), was.runs, was.calls));
    // The last digit of a number may be lost in a file.
    let difference = kept.functions[0].first_ms.median - was.functions[0].first_ms.median;
    assert!(kept.functions[0].name == "hello" && difference.abs() < 1e-9, "{difference}");
}

#[tokio::test]
async fn what_is_no_function_is_told_of() {
    let world = World::open(Before::Running, 0, "", BTreeMap::new()).await.unwrap();
    let error = live(&subject("false"), &world, &plan("no-function.log")).await.unwrap_err().to_string();
    assert!(error.contains("hello ended with exit status: 1"), "{error}");
    let error = live(&subject("/nowhere/at/all"), &world, &plan("nowhere.log")).await.unwrap_err().to_string();
    assert!(error.contains("/nowhere/at/all"), "{error}");
}
