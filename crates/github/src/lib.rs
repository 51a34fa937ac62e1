//! GitHub's REST API as far as runners need it: a small client that turns HTTP's quirks into meaning.
//!
//! It authenticates as an App or with a personal access token, mints registrations, lists, reads and deletes runners, reads jobs and runs, reads
//! and repeats webhook deliveries, and says how a credential stands, for organisations, repositories and enterprises, on github.com, ghe.com and GitHub Enterprise Server.
//!
//! What it must never do: sleep for a rate limit (it says [`GithubError::NotBefore`]), repeat a mint or a re-run whose answer was lost (it says
//! [`GithubError::UnknownEffect`]), follow an address out of an answer with a token in hand, or let a secret into an error or a debug print.

mod allowance;
mod answer;
mod call;
mod calls;
mod client;
mod clock;
mod credential;
mod error;
mod exchange;
mod jit_blob;
mod jwt;
pub mod limits;
mod link;
mod port;
mod rate_limit;
mod scope;
mod surroundings;
mod time;
mod token;
mod transport;

pub use call::{Call, Target};
pub use calls::{
    AccountKind, App, Deletion, Delivery, DeliveryDetail, HookLogOf, Installation, JitConfiguration, JitRequest, Job, MadeApp, MembersPage,
    RateLimit, RegistrationToken, Repository, Run, Runner, RunnerGroup, RunnerList, Token, Webhook,
};
pub use client::{Access, GithubClient};
pub use credential::{AppCredential, Credential, CredentialError};
pub use error::{Failure, GithubError, WaitReason};
pub use jit_blob::{JitBlobError, disable_update};
pub use port::{Credentials, FleetGithub};
pub use scope::{ApiUrl, ApiUrlError, web_address};
pub use surroundings::{Surroundings, System};
pub use token::{MemoryTokenStore, StoreFailure, StoredToken, TokenKey, TokenStore};
pub use transport::Http;
