//! Whether what the ledger says of a job only ever goes forward, whatever comes late or twice (R2).

use super::Oracle;
use crate::world::World;
use fargate_runners_core::ids::{FleetName, JobId};
use fargate_runners_core::job::{JobPhase, JobRecord};
use fargate_runners_core::time::Timestamp;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The farthest that each fleet's record of a job has come, and when that record may be forgotten.
pub(super) type Phases = RefCell<BTreeMap<(FleetName, JobId), (JobPhase, Option<Timestamp>)>>;

impl Oracle {
    /// A job's record is written.
    pub(super) fn goes_forward(&self, world: &World, job: &JobRecord) {
        let known = self.phases.borrow_mut().insert((job.fleet.clone(), job.job_id), (job.phase, job.expires_at()));
        if let Some((phase, expires)) = known
            && phase > job.phase
            && expires.is_none_or(|at| at > world.time())
        {
            let text = format!("the record of job {} of fleet {} goes back from {phase:?} to {:?}", job.job_id, job.fleet, job.phase);
            self.violation(world, "R2", text);
        }
    }
}
