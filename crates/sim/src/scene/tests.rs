use super::*;
use fargate_runners_core::mutant::Mutant;

#[test]
#[should_panic(expected = "R2: 1 tasks were started")]
fn a_scene_that_does_not_end_as_it_must_says_what_is_wrong() {
    scene().queued("a").ends_with(every_job_ran().on_tasks(0));
}

#[test]
#[should_panic(expected = "R6: job \"a\" waited for")]
fn what_comes_too_late_is_not_soon() {
    scene().starts_take(minutes(7)).queued("a").ends_with(every_job_ran());
}

#[test]
#[should_panic(expected = "R8: there were 2 tasks at once")]
fn tasks_are_counted_while_they_live() {
    scene().happens([queued("a"), queued("b")]).ends_with(every_job_ran().with_never_more_than(1));
}

#[test]
#[should_panic(expected = "the scene does not break R1")]
fn a_wrong_change_that_a_scene_does_not_notice_is_told() {
    scene().queued("a").ends_with(every_job_ran()).and_breaks("R1", Mutant::ForgetInterrupted);
}

#[test]
#[should_panic(expected = "scene: a batch has at most ten messages")]
fn what_is_to_be_one_batch_is_one() {
    scene().maximum(20).in_one_batch(a_burst_of(11)).ends_with(every_job_ran());
}

#[test]
#[should_panic(expected = "scene: there is no job \"a\"")]
fn nobody_cancels_a_job_that_there_is_not() {
    scene().happens([cancelled("a")]).ends_with(every_job_ran());
}
