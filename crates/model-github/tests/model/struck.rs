//! How often what goes wrong went wrong.

use crate::story::{LABELS, MINUTE, SECOND, Story, job, prompt};
use fargate_runners_model_github::{Action, Config, FAULTS, Fault, Faults, Gate};

fn struck(story: &Story, fault: &str) -> u64 {
    assert!(FAULTS.contains(&fault), "{fault}");
    story.github.struck().get(fault).copied().unwrap_or_default()
}

fn with(faults: Faults) -> Story {
    Story::with(Config { timing: prompt(), faults, ..Config::default() })
}

#[test]
fn without_faults_nothing_struck() {
    let mut story = Story::new();
    story.queue(job().tampered(Action::Queued, Fault::Repeat));
    story.after(SECOND);
    story.receive();
    assert!(story.github.struck().is_empty(), "what a test asks for is not chance");
}

#[test]
fn what_strikes_a_delivery_is_counted() {
    let all = Faults { repeat: 1.0, reorder: 1.0, delay: 1.0, lose: 1.0, lose_answer: 1.0, stale_runner: 1.0, ..Faults::default() };
    let mut story = with(Faults { no_completed: 1.0, queued_while_waiting: 1.0, ..all });
    let id = story.queue(job().gated(Gate::UntilApproved));
    story.github.cancel_job(story.now, id);
    for fault in ["repeat", "reorder", "delay", "stale_runner", "queued_while_waiting", "no_completed"] {
        assert_eq!(struck(&story, fault), 1, "{fault}");
    }
    assert_eq!((struck(&story, "lose"), struck(&story, "lose_answer")), (2, 2), "the repeat is lost too");
}

#[test]
fn what_strikes_a_call_is_counted() {
    for (fault, faults) in [
        ("dropped", Faults { dropped: 1.0, ..Faults::default() }),
        ("dropped_after", Faults { dropped_after: 1.0, ..Faults::default() }),
        ("server_error", Faults { server_error: 1.0, ..Faults::default() }),
        ("server_error_after", Faults { server_error_after: 1.0, ..Faults::default() }),
    ] {
        let mut story = with(faults);
        assert!(story.github.list_runners(story.now, &Story::caller(), &Story::organization(), None, 100, 1).is_err());
        assert_eq!((struck(&story, fault), story.github.struck().len()), (1, 1), "{fault}");
    }
    let mut story = Story::new();
    story.github.config_mut().limits.primary_per_hour = 0;
    assert!(story.github.list_runners(story.now, &Story::caller(), &Story::organization(), None, 100, 1).is_err());
    assert_eq!(struck(&story, "throttled"), 1);
}

#[test]
fn what_strikes_a_runner_is_counted_when_it_does() {
    let mut story = with(Faults { hang: 1.0, idle_removal: 1.0, ..Faults::default() });
    story.connect("runner", &LABELS);
    assert_eq!((struck(&story, "hang"), struck(&story, "idle_removal")), (1, 0));
    story.after(15 * MINUTE);
    assert_eq!(struck(&story, "idle_removal"), 1);

    let mut story = Story::new();
    let session = story.connect("runner", &LABELS);
    story.queue(job());
    story.after(0);
    story.take(session).expect("a job");
    assert_eq!(story.delete(story.runner("runner")), Some(204));
    assert_eq!(struck(&story, "delete_in_job"), 1);
}

#[test]
fn a_repeat_may_come_days_later() {
    let day = 24 * 60 * MINUTE;
    let mut story = with(Faults { repeat: 1.0, repeat_late_ms: (2 * day, 2 * day), ..Faults::default() });
    story.queue(job());
    story.after(SECOND);
    assert_eq!(story.receive(), ["queued"]);
    story.github.config_mut().faults.repeat = 0.0;
    story.after(2 * day - MINUTE);
    assert_eq!(story.receive(), ["completed"], "its day in the queue was over");
    story.after(MINUTE);
    assert_eq!(story.receive(), ["queued"]);
}
