//! The part of the library `crc-fast` that `object_store` uses: CRC-64/NVME, a checksum that S3 takes. The library has
//! tables for all checksums, 0.7 MB of the binary (docs/adr/0048-the-size-of-the-binary.md). Wharf sends SHA-256 to S3,
//! so nothing waits for this sum, and it needs no table.

/// The polynomial of CRC-64/NVME, with the lowest bit first.
const POLYNOMIAL: u64 = 0x9a6c_9329_ac4b_c9b5;

/// A checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrcAlgorithm {
    /// CRC-64/NVME.
    Crc64Nvme,
}

/// The checksum of bytes that arrive in parts.
#[derive(Clone, Debug)]
pub struct Digest {
    inverted: u64,
}

impl Digest {
    /// Starts a checksum.
    pub fn new(algorithm: CrcAlgorithm) -> Self {
        match algorithm {
            CrcAlgorithm::Crc64Nvme => Self { inverted: u64::MAX },
        }
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.inverted ^= u64::from(*byte);
            for _ in 0..8 {
                let is_odd = self.inverted & 1 == 1;
                self.inverted >>= 1;
                if is_odd {
                    self.inverted ^= POLYNOMIAL;
                }
            }
        }
    }

    /// The checksum of all bytes so far.
    pub fn finalize(&self) -> u64 {
        !self.inverted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(parts: &[&[u8]]) -> u64 {
        let mut digest = Digest::new(CrcAlgorithm::Crc64Nvme);
        for part in parts {
            digest.update(part);
        }
        digest.finalize()
    }

    /// The check value of the catalogue of CRC algorithms, and the values of the NVMe specification for a page.
    #[test]
    fn sums_are_those_of_the_specification() {
        assert_eq!(sum(&[b"123456789"]), 0xae8b_1486_0a79_9888);
        assert_eq!(sum(&[&[0; 4096]]), 0x6482_d367_eb22_b64e);
        assert_eq!(sum(&[&[0xff; 4096]]), 0xc0dd_ba73_02ec_a3ac);
    }

    #[test]
    fn the_sum_of_parts_is_that_of_the_whole() {
        assert_eq!(sum(&[b"1234", b"", b"56789"]), sum(&[b"123456789"]));
        assert_eq!(sum(&[]), 0);
    }
}
