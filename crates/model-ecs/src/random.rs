//! The model's own randomness: a seed in, the same numbers out (SplitMix64, which passes for random and is six lines).

#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 up to and including `most`.
    pub(crate) const fn up_to(&mut self, most: u64) -> u64 {
        if most == 0 {
            return 0;
        }
        self.next() % (most.saturating_add(1))
    }

    /// Whether something with this rate happens now. A rate of 0 draws nothing, so that faults switched off leave the sequence as it was.
    pub(crate) fn happens(&mut self, rate: f64) -> bool {
        if rate <= 0.0 {
            return false;
        }
        let drawn = u32::try_from(self.next() >> 32).unwrap_or(u32::MAX);
        f64::from(drawn) / f64::from(u32::MAX) < rate
    }

    /// 32 hexadecimal digits, as ECS makes its task ids.
    pub(crate) fn hex32(&mut self) -> String {
        format!("{:016x}{:016x}", self.next(), self.next())
    }

    /// A UUID in its usual spelling.
    pub(crate) fn uuid(&mut self) -> String {
        let hex = self.hex32();
        format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }
}
