//! Where an operator reads more: pages of the project on the web, since whoever has the program alone has no file of it.

/// The address of a page on an alarm or a trouble.
macro_rules! runbook {
    ($page:literal) => {
        concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/runbooks/", $page)
    };
}

/// The address of a part of the README, by the heading's anchor.
macro_rules! readme {
    ($anchor:literal) => {
        concat!(env!("CARGO_PKG_REPOSITORY"), "#", $anchor)
    };
}

pub(crate) use {readme, runbook};
