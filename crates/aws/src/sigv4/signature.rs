//! A signature: 32 bytes that can only be compared in constant time.

use subtle::ConstantTimeEq as _;

/// An HMAC-SHA256 over a string to sign.
///
/// INVARIANT: no `PartialEq` and no access to the bytes, so the only comparison is [`Signature::matches`]. The time of
/// a comparison that ends at the first wrong byte would show a forger how many bytes are correct.
#[derive(Clone)]
pub(super) struct Signature([u8; 32]);

impl Signature {
    pub(super) fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Parses 64 lower-case hexadecimal digits, the only form that signers write.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    pub(super) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    pub(super) fn to_hex(&self) -> String {
        hex::encode(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_has_one_spelling() {
        let text = "0123456789abcdef".repeat(4);
        let signature = Signature::parse(&text).unwrap();
        assert_eq!(signature.to_hex(), text);
        assert!(signature.matches(&signature.clone()));
        let (upper, short, long) = (text.to_uppercase(), &text[1..], format!("{text}0"));
        for bad in ["", short, &long, &upper, &text.replace('0', "g"), &text.replace("01", "é")] {
            assert!(Signature::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_signature_with_one_changed_bit_does_not_match() {
        let right = Signature::new([7; 32]);
        for bit in 0..256 {
            let mut bytes = [7; 32];
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(!right.matches(&Signature::new(bytes)), "bit {bit}");
        }
    }
}
