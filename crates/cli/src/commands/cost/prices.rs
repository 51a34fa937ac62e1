//! The one table of prices, which a file can replace.

use serde::{Deserialize, Serialize};

/// Prices in dollars. A file may give some of them; the others stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Prices {
    /// Where they are from.
    pub source: String,
    /// A vCPU-hour on x86.
    pub x86_vcpu_hour: f64,
    /// A GB-hour on x86.
    pub x86_gb_hour: f64,
    /// A vCPU-hour on ARM.
    pub arm_vcpu_hour: f64,
    /// A GB-hour on ARM.
    pub arm_gb_hour: f64,
    /// What Spot costs of the on-demand price; AWS says up to 70 % less, and changes it daily.
    pub spot_factor: f64,
    /// A GB-hour of disk beyond 20 GB.
    pub storage_gb_hour: f64,
    /// A public IPv4 address, an hour.
    pub address_hour: f64,
    /// The control plane's share of one task with its job.
    pub control_plane_task: f64,
}

impl Prices {
    /// Public list prices of us-east-1, as of 2026-11: <https://aws.amazon.com/fargate/pricing/> and <https://aws.amazon.com/vpc/pricing/>. The control
    /// plane's share is what the README's table adds up to.
    pub fn built_in() -> Self {
        Self {
            source: "List prices of us-east-1 (November 2026); Spot is taken for 30 % of them. --prices FILE replaces them.".to_owned(),
            x86_vcpu_hour: 0.04048,
            x86_gb_hour: 0.004_445,
            arm_vcpu_hour: 0.03238,
            arm_gb_hour: 0.003_56,
            spot_factor: 0.3,
            storage_gb_hour: 0.000_111,
            address_hour: 0.005,
            control_plane_task: 0.000_116,
        }
    }
}

impl Default for Prices {
    fn default() -> Self {
        Self::built_in()
    }
}
