//! What keeps tasks from starting, read from AWS's own words: an error of ECS, an event of a service, the reason for which a task stopped. `doctor` and
//! `why` read them the same way, so that both give the same advice.

/// What is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The account may run no more vCPUs.
    Quota,
    /// AWS has no host.
    Capacity,
    /// The image is not where it is looked for.
    Image,
    /// The image may not be read.
    ImageAccess,
    /// The registry has given out as much as it gives.
    RegistryLimit,
    /// The image is for another processor.
    Architecture,
    /// The task does not reach the internet.
    Network,
    /// The task's log cannot be written.
    Log,
    /// ECS cannot use the role of a task.
    Role,
    /// The control plane's role lacks a permission.
    Permission,
    /// The subnet or the security group cannot be used.
    Subnet,
    /// The cluster is gone.
    Cluster,
    /// The service is gone.
    Service,
    /// The task definition is gone.
    TaskDefinition,
    /// AWS throttles.
    Throttled,
    /// It needed more memory than it has.
    Memory,
    /// It needed more disk than it has.
    Disk,
    /// The control plane does not take the task for one of its own.
    Stranger,
    /// The task got no registration in its time.
    Registration,
    /// The image lacks what the start script needs, or the task lacks a setting.
    Environment,
    /// What the task was given to register with was not acknowledged.
    Acknowledgement,
    /// The runner's program did not come up, or ended without a job.
    Runner,
    /// Somebody or AWS stopped it.
    Stopped,
    /// Nothing that is known.
    Unknown,
}

/// Each in words of which all must occur, in lower case, a number as a word of its own; the first that fits is it, so that what is special comes before what is
/// general.
const WORDS: &[(&[&str], Obstacle)] = &[
    (&["vcpu"], Obstacle::Quota),
    (&["limit on the number of tasks"], Obstacle::Quota),
    (&["capacity is unavailable"], Obstacle::Capacity),
    (&["capacity", "unavailable"], Obstacle::Capacity),
    (&["insufficient", "capacity"], Obstacle::Capacity),
    (&["throttl"], Obstacle::Throttled),
    (&["rate exceeded"], Obstacle::Throttled),
    (&["toomanyrequests"], Obstacle::RegistryLimit),
    (&["pull rate limit"], Obstacle::RegistryLimit),
    (&["429 too many"], Obstacle::RegistryLimit),
    (&["no basic auth"], Obstacle::ImageAccess),
    (&["pull access denied"], Obstacle::ImageAccess),
    (&["perform: ecr:"], Obstacle::ImageAccess),
    (&["cannotpull", "403"], Obstacle::ImageAccess),
    (&["cannotpull", "401"], Obstacle::ImageAccess),
    (&["exec format"], Obstacle::Architecture),
    (&["descriptor matching platform"], Obstacle::Architecture),
    (&["no matching manifest"], Obstacle::Architecture),
    (&["logger"], Obstacle::Log),
    (&["log group"], Obstacle::Log),
    (&["perform: logs:"], Obstacle::Log),
    (&["i/o timeout"], Obstacle::Network),
    (&["deadline exceeded"], Obstacle::Network),
    (&["timed out"], Obstacle::Network),
    (&["timeout"], Obstacle::Network),
    (&["dial tcp"], Obstacle::Network),
    (&["no such host"], Obstacle::Network),
    (&["request canceled"], Obstacle::Network),
    (&["cannotpull"], Obstacle::Image),
    (&["pull image"], Obstacle::Image),
    (&["unable to assume"], Obstacle::Role),
    (&["iam:passrole"], Obstacle::Role),
    (&["role", "trust"], Obstacle::Role),
    (&["accessdenied"], Obstacle::Permission),
    (&["access denied"], Obstacle::Permission),
    (&["not authorized"], Obstacle::Permission),
    (&["cluster not found"], Obstacle::Cluster),
    (&["clusternotfound"], Obstacle::Cluster),
    (&["cluster", "inactive"], Obstacle::Cluster),
    (&["servicenotfound"], Obstacle::Service),
    (&["service not found"], Obstacle::Service),
    (&["servicenotactive"], Obstacle::Service),
    (&["task definition"], Obstacle::TaskDefinition),
    (&["taskdefinition"], Obstacle::TaskDefinition),
    (&["subnet"], Obstacle::Subnet),
    (&["security group"], Obstacle::Subnet),
    (&["network interface"], Obstacle::Subnet),
    (&["outofmemory"], Obstacle::Memory),
    (&["no space left"], Obstacle::Disk),
    // What is left of it has to do with the way to AWS's own interfaces.
    (&["resourceinitializationerror"], Obstacle::Network),
];

/// What the container ended with: the start script's own codes, which stand at its head in `fleet.yaml`, and SIGKILL, which comes for want of memory mostly.
const EXIT_CODES: &[(u32, Obstacle)] = &[
    (10, Obstacle::Stranger),
    (11, Obstacle::Registration),
    (12, Obstacle::Environment),
    (13, Obstacle::Acknowledgement),
    (14, Obstacle::Runner),
    (15, Obstacle::Stopped),
    (16, Obstacle::Stopped),
    (137, Obstacle::Memory),
];

/// The words before its number.
const EXIT_CODE: &str = "exit code";

impl Obstacle {
    /// Reads it. Words say more than a number.
    pub fn of(said: &str) -> Self {
        let said = said.to_ascii_lowercase();
        let by_words = WORDS.iter().find(|(words, _)| words.iter().all(|word| occurs(word, &said))).map(|(_, obstacle)| *obstacle);
        let by_code = || {
            let code = exit_code(&said)?;
            EXIT_CODES.iter().find(|(known, _)| *known == code).map(|(_, obstacle)| *obstacle)
        };
        by_words.or_else(by_code).unwrap_or(Self::Unknown)
    }

    /// What `doctor` calls the thing that it looked at.
    pub const fn check(self) -> &'static str {
        match self {
            Self::Quota => "vCPU quota",
            Self::Capacity => "capacity",
            Self::Image | Self::ImageAccess | Self::RegistryLimit | Self::Architecture | Self::Environment => "image",
            Self::Network => "network",
            Self::Log => "log group",
            Self::Role | Self::Permission => "roles",
            Self::Subnet => "subnets",
            Self::Cluster | Self::Service | Self::TaskDefinition => "stack drift",
            Self::Throttled => "throttling",
            Self::Registration | Self::Acknowledgement => "registrations",
            Self::Memory | Self::Disk | Self::Stranger | Self::Runner | Self::Stopped | Self::Unknown => "starts",
        }
    }

    /// Whether the image cannot be had.
    pub const fn is_image(self) -> bool {
        matches!(self, Self::Image | Self::ImageAccess | Self::RegistryLimit | Self::Architecture)
    }

    /// What to do.
    pub fn remedy(self, fleet: &str) -> String {
        match self {
            Self::Quota => "Service Quotas, AWS Fargate, \"Fargate On-Demand vCPU resource count\" (or \"Fargate Spot vCPU resource count\"): ask for more.".to_owned(),
            Self::Capacity => format!("Wait; with Spot capacity, deploy fleet {fleet} with a lower SpotPercent. Subnets in more availability zones help too."),
            Self::Image => "The parameter Image: correct the name and the tag. It must exist in the registry.".to_owned(),
            Self::ImageAccess => "The registry refuses the image: for ECR, the parameter ImageRepositoryArn gives the execution role leave to read it; other registries must give it to everybody.".to_owned(),
            Self::RegistryLimit => "The registry limits how often it is pulled: keep a copy in ECR, and name it with the parameters Image and ImageRepositoryArn.".to_owned(),
            Self::Architecture => "The image is for another processor: the parameter Architecture, or an image for both (parameter Image).".to_owned(),
            Self::Network => "The subnets must reach the internet: a route to an internet gateway with public addresses, or a NAT gateway; and the security group must let everything out.".to_owned(),
            Self::Log => format!("The log group of fleet {fleet} is gone, or its execution role may not write to it: deploy the fleet's stack again."),
            Self::Role => format!("The task's or the execution role of fleet {fleet} is gone, or ECS may not use it: deploy the fleet's stack again."),
            Self::Permission => "The role of `scale` lacks the permission, or a policy of the organisation (SCP) or a boundary denies it: deploy the stack again, and ask whoever keeps those policies.".to_owned(),
            Self::Subnet => format!("A subnet or the security group of fleet {fleet} is gone or full: correct the parameters SubnetA, SubnetB and SecurityGroup, and deploy the fleet's stack."),
            Self::Cluster => "The cluster is gone: deploy the stack again.".to_owned(),
            Self::Service => format!("The service of fleet {fleet} is gone: deploy the fleet's stack again; if CloudFormation sees no change, with another Cpu or Memory."),
            Self::TaskDefinition => format!("The task definition of fleet {fleet} cannot be used: deploy the fleet's stack again; if CloudFormation sees no change, with another Memory."),
            Self::Throttled => "AWS throttles: `scale` tries again by itself. If it lasts, others in the account use up the same limit.".to_owned(),
            Self::Memory => format!("More memory: deploy fleet {fleet} with a higher Memory."),
            Self::Disk => format!("More disk: deploy fleet {fleet} with a higher EphemeralStorage."),
            Self::Stranger => format!("The fleet's description and the role of its tasks differ: deploy the fleet's stack again. `fargate-runners logs TASK` has the task's words (`fargate-runners runners --fleet {fleet} --all` lists the tasks)."),
            Self::Registration => "Tasks asked for a registration until their time was over: `fargate-runners doctor` says what GitHub, the credential or `register` lacks; what the credential lacks, `fargate-runners setup` mends.".to_owned(),
            Self::Environment => format!("The image lacks bash, curl, jq or GitHub's runner, or the task a setting: `fargate-runners logs TASK` says what (`fargate-runners runners --fleet {fleet} --all` lists the tasks). Correct the parameter Image, or deploy the fleet's stack again."),
            Self::Acknowledgement => "`register` made registrations and did not answer their acknowledgement: `fargate-runners doctor` looks at its errors, and at the ledger.".to_owned(),
            Self::Runner => format!("GitHub's runner did not come up: `fargate-runners logs TASK` has its words (`fargate-runners runners --fleet {fleet} --all` lists the tasks). An image that GitHub refuses as too old is built again."),
            Self::Stopped => "Somebody or AWS stopped the tasks while they started (StopTask, a Spot interruption): CloudTrail says who. Others are started in their place.".to_owned(),
            Self::Unknown => format!("`fargate-runners runners --fleet {fleet} --all`, then `fargate-runners logs TASK`; the log of `scale` has each refusal."),
        }
    }
}

/// Whether it says so. A number stands alone: in accounts, digests and tags there are many that mean nothing.
fn occurs(word: &str, said: &str) -> bool {
    if word.chars().all(|character| character.is_ascii_digit()) {
        said.split_whitespace().any(|part| part.trim_matches(|character: char| character.is_ascii_punctuation()) == word)
    } else {
        said.contains(word)
    }
}

/// The number that comes after these words, as a whole.
fn exit_code(said: &str) -> Option<u32> {
    let (_, after) = said.split_once(EXIT_CODE)?;
    let after = after.trim_start_matches([' ', ':']);
    after.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_that_the_start_script_documents_is_known_and_no_other_is_taken_for_one() {
        let template = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fleet.yaml")).unwrap();
        let listed = template.lines().skip_while(|line| !line.contains("# Exit codes;")).skip(1);
        let listed: Vec<u32> = listed.map_while(|line| line.trim().strip_prefix('#')?.split_whitespace().next()?.parse().ok()).collect();
        assert_eq!((listed.first(), listed.len()), (Some(&0), 8), "{listed:?}");
        for code in 0..=255 {
            let obstacle = Obstacle::of(&format!("Essential container in task exited (exit code {code})"));
            let is_known = listed.contains(&code) && code != 0 || code == 137;
            assert_eq!(obstacle != Obstacle::Unknown, is_known, "{code}: {obstacle:?}");
        }
    }

    #[test]
    fn aws_words_are_read_as_what_they_mean() {
        for (said, obstacle) in [
            (
                "(service x) was unable to place a task. Reason: You've reached the limit on the number of vCPUs you can run concurrently.",
                Obstacle::Quota,
            ),
            ("Capacity is unavailable at this time. Please try again later or in a different availability zone", Obstacle::Capacity),
            ("CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref: not found", Obstacle::Image),
            (
                "CannotPullContainerError: pull access denied for x, repository does not exist or may require authorization",
                Obstacle::ImageAccess,
            ),
            (
                "CannotPullContainerError: failed to copy: unexpected status code https://r.example.com/v2/x/blobs/1: 403 Forbidden",
                Obstacle::ImageAccess,
            ),
            (
                "CannotPullContainerError: failed to authorize: failed to fetch anonymous token: unexpected status: (401)",
                Obstacle::ImageAccess,
            ),
            (
                "CannotPullContainerError: failed to resolve ref 140340112233.dkr.ecr.eu-west-1.amazonaws.com/runner:403: not found",
                Obstacle::Image,
            ),
            ("CannotPullContainerError: ref r.example.com/x@sha256:0a4031c9401f: not found", Obstacle::Image),
            ("CannotPullContainerError: toomanyrequests: You have reached your pull rate limit", Obstacle::RegistryLimit),
            (
                "CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/arm64'",
                Obstacle::Architecture,
            ),
            ("CannotPullContainerError: dial tcp 140.82.112.33:443: i/o timeout", Obstacle::Network),
            (
                "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed",
                Obstacle::Network,
            ),
            ("ResourceInitializationError: failed to validate logger args: The specified log group does not exist.", Obstacle::Log),
            ("ECS was unable to assume the role 'arn:aws:iam::1:role/x' that was provided for this task.", Obstacle::Role),
            ("User: x is not authorized to perform: iam:PassRole on resource: y", Obstacle::Role),
            ("AccessDeniedException: User: x is not authorized to perform: ecs:RunTask", Obstacle::Permission),
            ("InvalidParameterException: The subnet ID 'subnet-1' does not exist", Obstacle::Subnet),
            ("ClusterNotFoundException: Cluster not found.", Obstacle::Cluster),
            ("ServiceNotFoundException: Service not found.", Obstacle::Service),
            ("ClientException: TaskDefinition is inactive", Obstacle::TaskDefinition),
            ("ThrottlingException: Rate exceeded", Obstacle::Throttled),
            ("OutOfMemoryError: Container killed due to memory usage (exit code 137)", Obstacle::Memory),
            ("Essential container in task exited (exit code 10)", Obstacle::Stranger),
            ("Essential container in task exited (exit code 100)", Obstacle::Unknown),
            ("Essential container in task exited (exit code 137)", Obstacle::Memory),
            ("Exit Code: 13", Obstacle::Acknowledgement),
            ("Essential container in task exited (exit code 1)", Obstacle::Unknown),
        ] {
            assert_eq!(Obstacle::of(said), obstacle, "{said}");
            assert!(Obstacle::of(said).remedy("default").len() > 20);
        }
    }
}
