//! What the rules themselves cost, and how that grows with the work: the same operations for criterion (`cargo bench -p fargate-runners-core-bench`) and for
//! the table of exponents (`cargo xtask growth`).
//!
//! Only pure code is run here, on material as large as a busy day makes it. Nothing that is measured may be asserted in a test: machines differ.

pub mod fit;
pub mod instructions;
pub mod material;
pub mod operations;
