//! One DynamoDB partition: the records of a fleet that count, or those that are over, as long as DynamoDB has not split them by their sort keys (it may, since
//! there is no local index; when, it does not promise). It reads 3,000 units and writes 1,000 a second (AWS: "Best practices for designing and using partition
//! keys effectively"); what asks for more waits, as the SDK does that tries again.

use crate::engine::Millis;
use fargate_runners_core::record::Record;

/// Units a second.
const READS: u64 = 3_000;
const WRITES: u64 = 1_000;

/// A strongly consistent read takes a unit for 4 KB, a write for 1 KB.
const READ_UNIT: u64 = 4 * 1024;
const WRITE_UNIT: u64 = 1024;

/// A query answers with at most a megabyte at a time.
pub const PAGE: u64 = 1024 * 1024;

/// And is asked for at most so many records at a time, as the adapter does.
pub const PAGE_RECORDS: u64 = 250;

/// Keys, version and the names of the attributes, beside the body.
const AROUND_A_BODY: u64 = 160;

/// What a partition has promised already: when it is free again, in microseconds. A second of its capacity can be used at once; what AWS gives beyond that,
/// it gives when it can.
#[derive(Clone, Copy, Debug, Default)]
pub struct Partition {
    reads: u64,
    writes: u64,
}

impl Partition {
    /// For how many milliseconds so many units wait.
    pub fn reads(&mut self, units: u64, now: Millis) -> Millis {
        take(&mut self.reads, units * 1_000_000 / READS, now)
    }

    /// The same for writes.
    pub fn writes(&mut self, units: u64, now: Millis) -> Millis {
        take(&mut self.writes, units * 1_000_000 / WRITES, now)
    }
}

fn take(free_at: &mut u64, micros: u64, now: Millis) -> Millis {
    let now = now * 1_000;
    // A second in hand.
    *free_at = (*free_at).max(now.saturating_sub(1_000_000)) + micros;
    free_at.saturating_sub(now).div_ceil(1_000)
}

/// The size of a record's item.
pub fn item_size(record: &Record) -> u64 {
    serde_json::to_string(record).map_or(0, |body| body.len() as u64) + AROUND_A_BODY
}

/// What reading so many bytes takes.
pub fn read_units(bytes: u64) -> u64 {
    bytes.div_ceil(READ_UNIT).max(1)
}

/// What writing, deleting or checking an item takes: in a transaction twice as much.
pub fn write_units(bytes: u64, together: bool) -> u64 {
    bytes.div_ceil(WRITE_UNIT).max(1) * (1 + u64::from(together))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_capacity_is_there_at_once_and_then_units_wait() {
        let mut partition = Partition::default();
        let begin = 1_000_000;
        assert_eq!(partition.reads(3_000, begin), 0);
        assert_eq!(partition.reads(3_000, begin), 1_000);
        assert_eq!(partition.reads(0, begin + 2_000), 0);
        assert_eq!(partition.writes(1_500, begin), 500, "writes have units of their own");
    }

    #[test]
    fn units_are_rounded_up_and_a_transaction_takes_twice() {
        assert_eq!((read_units(1), read_units(4_096), read_units(4_097)), (1, 1, 2));
        assert_eq!((write_units(600, false), write_units(0, true), write_units(600, true), write_units(1_500, true)), (1, 2, 2, 4));
    }
}
