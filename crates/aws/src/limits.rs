//! Every limit of the calls to AWS, with its reason.

use std::time::Duration;

/// How long a TCP connection may take: within a region it takes milliseconds, so that a second means a lost packet or two.
pub const CONNECT: Duration = Duration::from_secs(2);

/// How long one attempt may take, TLS and the body of the answer included. RunTask for ten tasks is the slowest call, with about two seconds.
pub const ATTEMPT: Duration = Duration::from_secs(5);

/// How long a call may take with its repeats: less than the shortest time limit of a function (10 s), so that the function still tells of it.
pub const OPERATION: Duration = Duration::from_secs(8);

/// Attempts of a call, the first included. What still fails then is asked for again by whoever wakes the function next.
pub const ATTEMPTS: u32 = 3;

/// The longest pause between two attempts; a function is paid for while it pauses.
pub const BACKOFF: Duration = Duration::from_secs(1);

/// How long an idle connection is kept. Services close theirs after about 20 s; one that died while the function was frozen costs an attempt.
pub const IDLE_CONNECTION: Duration = Duration::from_secs(15);

/// The most items that BatchGetItem reads at a time.
pub const BATCH_GET_ITEMS: usize = 100;

/// How often keys that BatchGetItem left unread are asked for again.
pub const BATCH_GET_ROUNDS: u32 = 5;

/// The pause before the first such round; it doubles from round to round, so that all five take 750 ms.
pub const BATCH_GET_PAUSE: Duration = Duration::from_millis(50);

/// The most active records in a page. DynamoDB would give a megabyte, some 1,700 of them; but a page in hand takes 2.5 KB for each, and is most of what a look at a
/// large fleet takes, which holds few of the jobs that wait. Most fleets have less than this, so that it costs them no call.
pub const ACTIVE_PAGE_ITEMS: i32 = 250;

/// The most pages of active records that are read: 100,000 records. Healers hold them all, which takes a third of a function's memory. A fleet has at most 5,000 tasks.
pub const ACTIVE_PAGES: usize = 400;

/// The most pages of records that a person reads at once: a page holds 1 MB, some thousand records, so that this is a busy fleet's four days.
pub const HISTORY_PAGES: usize = 200;

/// The most pages of what healers keep in mind: a page holds 1 MB, and a webhook's failed deliveries, which are the most of it, take some 130 kB.
pub const MEMORY_PAGES: usize = 50;

/// How often a mint slot is tried for when others change the counter at the same time.
pub const PACE_ROUNDS: u32 = 3;

/// The most pages of parameters below one path. A page holds ten.
pub const PARAMETER_PAGES: usize = 50;

/// The most tasks that UpdateTaskProtection takes at a time.
pub const PROTECT_TASKS: usize = 10;

/// The longest scale-in protection that ECS grants, in minutes.
pub const PROTECT_MINUTES: i32 = 2_880;

/// The most tasks that ListTasks names and DescribeTasks takes at a time.
pub const DESCRIBE_TASKS: usize = 100;

/// The most services that ListServices names at a time.
pub const LIST_SERVICES: i32 = 100;

/// The most pages of services: a cluster has at most 5,000.
pub const SERVICE_PAGES: usize = 50;

/// The most services that DescribeServices takes at a time.
pub const DESCRIBE_SERVICES: usize = 10;

/// The longest `startedBy` that RunTask takes.
pub const STARTED_BY: usize = 128;

/// The most entries that PutEvents takes at a time.
pub const PUT_EVENTS_ENTRIES: usize = 10;

/// The most bytes that PutEvents takes at a time: 1 MB, less a margin for what the service counts beyond the texts.
pub const PUT_EVENTS_BYTES: usize = 1_000_000;

/// How often the entries that PutEvents did not take are offered.
pub const PUT_EVENTS_ROUNDS: u32 = 3;

/// The pause before they are offered again.
pub const PUT_EVENTS_PAUSE: Duration = Duration::from_millis(100);

/// The longest delay of an SQS message.
pub const DELAY: Duration = Duration::from_secs(900);

/// The most messages that ReceiveMessage gives at a time.
pub const RECEIVE_MESSAGES: i32 = 10;

/// For how long nobody else gets a dead letter that was received: longer than ten of them take if each call takes its longest, and short enough that a
/// letter that stays is there to be counted for a part of every alarm's period of 5 minutes.
pub const DEAD_LETTER_HIDDEN: Duration = Duration::from_secs(180);

/// The longest reason that is kept beside a parked message.
pub const REASON_CHARS: usize = 1_000;
