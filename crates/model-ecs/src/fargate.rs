//! Fargate's sizes: CPU units and the memory that goes with them.

use serde_json::Value;

use crate::error::AwsError;

/// CPU units of "1024", 1024, "1 vCPU" or ".5 vCPU".
pub(crate) fn cpu_units(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => match text.to_ascii_lowercase().strip_suffix("vcpu") {
            Some(vcpu) => fraction(vcpu.trim(), 1_024),
            None => text.trim().parse().ok(),
        },
        _ => None,
    }
}

/// MiB of "2048", 2048, "2 GB".
pub(crate) fn memory_mib(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => match text.to_ascii_lowercase().strip_suffix("gb") {
            Some(gb) => fraction(gb.trim(), 1_024),
            None => text.trim().parse().ok(),
        },
        _ => None,
    }
}

/// A decimal number times `unit`, in whole numbers.
fn fraction(text: &str, unit: u64) -> Option<u64> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let digits = u32::try_from(rest.len()).ok()?;
    let part: u64 = if rest.is_empty() { 0 } else { rest.parse().ok()? };
    Some(whole * unit + part * unit / 10_u64.checked_pow(digits)?)
}

/// Refuses what Fargate does not offer.
pub(crate) fn check(cpu: u64, memory: u64) -> Result<(), AwsError> {
    const GB: u64 = 1_024;
    let fits = match cpu {
        256 => [512, GB, 2 * GB].contains(&memory),
        512 => (GB..=4 * GB).contains(&memory) && memory.is_multiple_of(GB),
        1_024 => (2 * GB..=8 * GB).contains(&memory) && memory.is_multiple_of(GB),
        2_048 => (4 * GB..=16 * GB).contains(&memory) && memory.is_multiple_of(GB),
        4_096 => (8 * GB..=30 * GB).contains(&memory) && memory.is_multiple_of(GB),
        8_192 => (16 * GB..=60 * GB).contains(&memory) && memory.is_multiple_of(4 * GB),
        16_384 => (32 * GB..=120 * GB).contains(&memory) && memory.is_multiple_of(8 * GB),
        _ => false,
    };
    if fits { Ok(()) } else { Err(AwsError::client("ClientException", "No Fargate configuration exists for given values.")) }
}
