//! What the well-known systems of this field have got wrong, each as a scene of one line. Who fell into it stands with it, by the numbers of their public
//! threads, so that anybody can read what it did to people. Each scene is told in both launch modes and from several seeds.
//!
//! The scenes show that this project does not fall into the same hole; what they end with besides is what every story must: no rule broken on the way, each
//! job run exactly once, nothing left. Where a wrong change of `core::mutant` digs the same hole, the scene is told once more with it, and must fall in.

use fargate_runners_core::mutant::Mutant;
use fargate_runners_sim::scene::{a_burst_of, again, cancelled, completed, every_job_ran, minutes, queued, scene, started};

/// terraform-aws-github-runner at its maximum (#3105): a batch is held against the runners that were counted before it, so that the queued job in it is
/// refused, tried again a few times and then forgotten, although the completed job beside it has just left a place.
#[test]
fn the_place_that_a_job_leaves_goes_to_the_job_that_is_queued_in_the_same_batch() {
    scene().maximum(1).running("a").in_one_batch([completed("a"), queued("b")]).ends_with(every_job_ran().on_tasks(2));
}

/// The same with a job that was queued while there was no place: who counts up at the maximum counts it in vain, and down again for it as well.
#[test]
fn a_job_that_was_queued_at_the_maximum_gets_its_place_however_long_that_takes() {
    scene()
        .maximum(1)
        .running("a")
        .queued("b")
        .in_one_batch([completed("a"), queued("c")])
        .ends_with(every_job_ran().within(minutes(6)))
        .and_breaks("R6", Mutant::IncrementInsteadOfCompute);
}

/// actions-runner-controller (#4315): each completed job in a batch takes one off, also one that was over long ago and of which GitHub only tells again. It is
/// set off against the queued job beside it, which nobody ever starts a runner for.
#[test]
fn a_completed_job_of_long_ago_takes_nothing_from_the_job_that_is_queued_in_the_same_batch() {
    scene()
        .ran("a")
        .in_one_batch([queued("b"), again(completed("a"))])
        .ends_with(every_job_ran().on_tasks(2))
        .and_breaks("R6", Mutant::IncrementInsteadOfCompute);
}

/// cdk-github-runners (#380, #746): a delivery that comes twice starts two runners, and the second one waits for a job that nobody has. GitHub repeats whatever
/// somebody asks it to, SQS and EventBridge whatever they like.
#[test]
fn the_same_message_twice_starts_one_runner() {
    scene()
        .in_one_batch([queued("a"), again(queued("a"))])
        .happens([again(queued("a")), completed("a"), again(queued("a"))])
        .ends_with(every_job_ran().on_tasks(1))
        .and_breaks("R2", Mutant::IncrementInsteadOfCompute);
}

/// terraform-aws-github-runner (#3910, #5105): one owner of whom GitHub knows nothing ends the loop over all of them. Scaling down stops for everybody, and a
/// batch counts as done although nothing was started for anybody in it.
#[test]
fn one_owners_404_is_nobody_elses() {
    scene()
        .beside_a_fleet_of_another_owner()
        .github_answers_404_about("hexo-org", minutes(20))
        .in_one_batch([queued("a"), queued("b").of("hexo-org")])
        .ends_with(every_job_ran());
}

/// The same for a job that waits in that owner's queue meanwhile: a 404 says that the job is not there, or that GitHub does not show it at the moment. Who
/// takes the one for the other has forgotten the job when the owner is back.
#[test]
fn a_job_that_waits_while_github_answers_404_is_not_forgotten() {
    scene()
        .beside_a_fleet_of_another_owner()
        .maximum(1)
        .jobs_last(minutes(30))
        .happens([queued("a").of("hexo-org"), started("a").of("hexo-org"), queued("b").of("hexo-org")])
        .passes(minutes(12))
        .github_answers_404_about("hexo-org", minutes(10))
        .ends_with(every_job_ran().within(minutes(30)));
}

/// terraform-aws-github-runner (#3199, #5105): the instance is started, then the registration is refused by GitHub's rate limit. It idles until it is taken
/// for an orphan, and another one is started that asks GitHub once more.
#[test]
fn a_task_whose_mint_is_rate_limited_waits_and_gets_it_later() {
    scene().github_admits_no_mint_for(minutes(4)).queued("a").ends_with(every_job_ran().on_tasks(1).within(minutes(8)));
}

/// terraform-aws-github-runner (#3469, #5186): the pool is filled up by a count of the runners that are idle. Those that boot are not among them, and the
/// maximum is another function's business: each look starts as many again, more than 300 with a maximum of 100.
#[test]
fn runners_that_boot_count_for_the_pool() {
    scene().warm(4).starts_take(minutes(6)).idle(4).ends_with(every_job_ran().on_tasks(4));
}

/// The same under load: whoever was warm has a job now and does not count for the pool any more, but for the maximum.
#[test]
fn a_pool_and_a_burst_together_keep_to_the_maximum() {
    scene()
        .maximum(3)
        .warm(2)
        .idle(2)
        .happens(a_burst_of(6))
        .ends_with(every_job_ran().within(minutes(15)).with_never_more_than(3))
        .and_breaks("R8", Mutant::IgnoreMaximum);
}

/// actions-runner-controller (#3866): while the pool is being filled, runners come and go for which nobody has any use. Here a burst has left more places than
/// the pool needs; who leaves one of them while others boot only has it filled again, so that a pool that is slow to start is never there.
#[test]
fn a_pool_that_is_slow_to_start_comes_to_rest_after_a_burst() {
    scene()
        .maximum(5)
        .warm(3)
        .starts_take(minutes(4))
        .idle(3)
        .happens(a_burst_of(8))
        .passes(minutes(25))
        .idle(3)
        .ends_with(every_job_ran().within(minutes(15)).on_tasks(16));
}

/// terraform-aws-github-runner (#4076, #4391): whoever has not registered after five minutes is taken for an orphan and ended, also one that is about to.
#[test]
fn a_runner_that_boots_for_more_than_six_minutes_is_not_killed() {
    scene().starts_take(minutes(7)).passes(minutes(3)).queued("a").ends_with(every_job_ran().on_tasks(1).within(minutes(9)));
}

/// terraform-aws-github-runner (#5085, #5064): a runner that was seen idle is stopped, whether or not its registration could be deleted before, and whether or
/// not a job came in between. The job is killed, or the registration stays behind.
#[test]
fn a_job_that_comes_as_its_runner_is_told_to_leave_runs_to_its_end() {
    scene().happens([queued("a"), cancelled("a")]).assigned_to_a_runner_that_leaves("b").ends_with(every_job_ran());
}

/// cdk-github-runners (#351) and RunsOn (#33): GitHub makes the runner and its answer is lost. The retry asks for the same name, which exists (409), again and
/// again; or it takes another name, and two runners are there for one job.
#[test]
fn a_retry_does_not_ask_for_the_same_name() {
    scene()
        .the_next_answer_to_a_mint_is_lost()
        .queued("a")
        .ends_with(every_job_ran().on_tasks(1))
        .and_breaks("R5", Mutant::MintBesideTheLast);
}

/// actions-runner-controller (#3420, #4397): the number of runners follows from statistics that GitHub sends along, which lag and at times never recover:
/// nobody is started for a job that waits, or dozens for jobs that ended long ago.
#[test]
fn word_of_a_job_that_has_ended_starts_nobody_however_late_it_comes() {
    scene()
        .warm(1)
        .idle(1)
        .late(started("a"), minutes(40))
        .late(queued("a"), minutes(50))
        .ran("a")
        .ends_with(every_job_ran().on_tasks(3))
        .and_breaks("R2", Mutant::LateEventReopens);
}

/// terraform-aws-github-runner (#5228): GitHub shows a runner as not busy for a minute into its job and in the middle of it, and lets it be deleted; it is
/// stopped at 98 % of its job. Here GitHub is wrong for the whole job, and word that it has begun never comes in time.
#[test]
fn a_runner_that_github_shows_as_not_busy_for_all_of_its_job_is_left_alone() {
    scene()
        .busy_shows_after(minutes(60))
        .jobs_last(minutes(45))
        .late(started("a"), minutes(60))
        .queued("a")
        .ends_with(every_job_ran().on_tasks(1));
}
