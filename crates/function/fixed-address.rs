//! The build script of every function: links it at a fixed address.
//!
//! Otherwise the loader would write some twenty thousand addresses into the program before it begins, in each cold start, and the package would carry the
//! list of their places: 2 percent of its size (`docs/performance.md`). What is given up is that the program's own image lies elsewhere each time; stack,
//! heap and libraries still do.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=../function/fixed-address.rs");
    // Other systems' linkers call it otherwise, and nothing is deployed from there.
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}
