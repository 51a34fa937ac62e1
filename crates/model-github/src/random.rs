//! Randomness that is the same for the same seed (SplitMix64).
//!
//! Good enough to be hostile, not good enough for secrets: everything made with it is made up.

/// A generator that a simulation can repeat.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; 0 where there is no such number.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        if limit == 0 { 0 } else { self.next() % limit }
    }

    /// An index into something of this length.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// Both ends included.
    pub(crate) fn between(&mut self, (low, high): (u64, u64)) -> u64 {
        if high <= low { low } else { low + self.below(high - low + 1) }
    }

    /// Whether something of this rate (0 to 1) happens now. A rate of 0 draws nothing, so that switching a fault off changes no other draw.
    pub(crate) fn chance(&mut self, rate: f64) -> bool {
        if rate <= 0.0 {
            return false;
        }
        #[expect(clippy::cast_precision_loss, reason = "53 bits are kept, which is what an f64 holds")]
        let drawn = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        drawn < rate
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = Vec::with_capacity(count + 8);
        while bytes.len() < count {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(count);
        bytes
    }

    /// Letters and digits, as in a token.
    pub(crate) fn text(&mut self, count: usize) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        (0..count).map(|_| char::from(ALPHABET[self.index(ALPHABET.len())])).collect()
    }

    /// In the form of a UUID of version 4.
    pub(crate) fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xFFFF,
            high & 0xFFF,
            0x8000 | ((low >> 48) & 0x3FFF),
            low & 0xFFFF_FFFF_FFFF
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn a_seed_repeats() {
        let (mut one, mut two) = (Random::new(7), Random::new(7));
        assert_eq!((one.uuid(), one.text(40), one.bytes(9)), (two.uuid(), two.text(40), two.bytes(9)));
        assert_ne!(Random::new(7).next(), Random::new(8).next());
    }

    #[test]
    fn a_rate_of_nothing_never_happens_and_of_one_always() {
        let mut random = Random::new(1);
        assert!((0..100).all(|_| !random.chance(0.0) && random.chance(1.0)));
    }
}
