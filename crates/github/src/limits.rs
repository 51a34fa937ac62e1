//! Every limit of this client, with its reason. The functions that call it have 25 seconds for a request, and often need two operations in one.

use std::time::Duration;

/// A TCP and TLS handshake with GitHub takes some 100 ms; two seconds allow for one lost packet and its retransmission.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// One attempt, from the first byte sent to the last byte read. GitHub's own limit is ten seconds, but its runner calls answer within one.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(7);

/// One operation with all its attempts, pauses and the token it may need: two of them fit into a function's 25 seconds.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(11);

/// With less than this left of an operation no further attempt begins: it would more likely be cut off in the middle than answered.
pub const ATTEMPT_MINIMUM: Duration = Duration::from_secs(1);

/// One call and two repeats: what two repeats do not heal is an outage, and a queue waits for those better than a function.
pub const ATTEMPTS_MAX: u32 = 3;

/// The pause before the first repeat; it doubles, and half of it is random, so that many functions do not come back in step.
pub const REPEAT_PAUSE: Duration = Duration::from_millis(200);

/// A pooled connection older than this is not used again: a function is frozen between requests, and its peer may have hung up meanwhile.
pub const IDLE_CONNECTION: Duration = Duration::from_secs(10);

/// The largest answer that is read: a page of 100 runners with many labels is some 200 KB, and the function has 128 MB.
pub const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Runners on a page: GitHub's maximum.
pub const PAGE_SIZE: u32 = 100;

/// Pages of a list: GitHub holds at most 10,000 runners in a group, and each page is a call.
pub const PAGES_MAX: u32 = 100;

/// How much of GitHub's own message goes into an error: enough for its sentences, too little to flood a log.
pub const MESSAGE_CHARS_MAX: usize = 300;

/// How much of a webhook's answer is taken over: our webhook answers with one sentence, another receiver with whatever it likes.
pub const ANSWER_CHARS_MAX: usize = 500;

/// From here on a token is renewed by whoever may, while the others go on using it.
pub const TOKEN_RENEWAL_MARGIN: Duration = Duration::from_secs(300);

/// From here on a token is not used: an operation and the clocks' difference must fit in before it expires.
pub const TOKEN_EXPIRY_MARGIN: Duration = Duration::from_secs(60);

/// How long a process has the sole right to exchange: longer than its operation may take, so that the right never ends within an exchange.
pub const EXCHANGE_LEASE: Duration = Duration::from_secs(12);

/// How often a process looks whether another's exchange is done. With the pause this is about three seconds; an exchange takes half a second.
pub const EXCHANGE_POLLS_MAX: u32 = 10;

/// The pause between two looks, before jitter.
pub const EXCHANGE_POLL_PAUSE: Duration = Duration::from_millis(300);

/// When to come back if another's exchange took longer than the polls.
pub const EXCHANGE_COME_BACK: Duration = Duration::from_secs(3);

/// GitHub refuses a JWT from the future: this much is allowed for a clock that is ahead.
pub const JWT_BACKDATE: Duration = Duration::from_secs(60);

/// GitHub refuses a JWT that is good for longer than ten minutes; with the backdate its whole life is exactly that.
pub const JWT_LIFE: Duration = Duration::from_secs(540);

/// GitHub's documented wait for a rate limit that names no time.
pub const RATE_LIMIT_DEFAULT_WAIT: Duration = Duration::from_secs(60);

/// The longest wait that is believed: limits are per hour, so that a longer one is a broken clock or a broken proxy.
pub const RATE_LIMIT_WAIT_MAX: Duration = Duration::from_secs(3600);

/// How old a credential that a process holds may be. It may be long: a credential that GitHub refuses is read anew at once.
pub const CREDENTIAL_MAX_AGE: Duration = Duration::from_secs(3600);

/// The same where a person asks how it stands: about what was written, or deleted, just now.
pub const ASKED_CREDENTIAL_MAX_AGE: Duration = Duration::from_secs(5);

/// What a process has told of an hour's calls that are left is told again after this, if no fewer are left: CloudWatch counts in minutes.
pub const ALLOWANCE_TOLD_EVERY: Duration = Duration::from_secs(60);

/// With fewer of an hour's calls left than this, in percent, the log says so each time that it gets fewer.
pub const ALLOWANCE_LOW_PERCENT: u64 = 10;
