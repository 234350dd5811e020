//! A QR code as a PNG image, for authenticator apps.

use qrcodegen::{QrCode, QrCodeEcc};

/// Pixels of a module, and modules of the margin (ISO/IEC 18004).
const SCALE: i32 = 4;
const MARGIN: i32 = 4;

/// The image of a text; None if the text is too long.
pub(super) fn png(text: &str) -> Option<Vec<u8>> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let side = (code.size() + 2 * MARGIN) * SCALE;
    let mut rows = Vec::new();
    for y in 0..side {
        // No filter.
        rows.push(0);
        for eight in 0..(side + 7) / 8 {
            let bits = (0..8).fold(0_u8, |bits, bit| {
                let x = eight * 8 + bit;
                let is_dark = code.get_module(x / SCALE - MARGIN, y / SCALE - MARGIN);
                bits << 1 | u8::from(!is_dark)
            });
            rows.push(bits);
        }
    }
    let side = u32::try_from(side).ok()?.to_be_bytes();
    // One bit of grey for each pixel.
    let header = [&side[..], &side[..], &[1, 0, 0, 0, 0]].concat();
    let mut image = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, data) in [(b"IHDR", header), (b"IDAT", zlib(&rows)?), (b"IEND", Vec::new())] {
        image.extend(u32::try_from(data.len()).ok()?.to_be_bytes());
        let chunk = [&name[..], &data[..]].concat();
        image.extend(&chunk);
        image.extend(crc32(&chunk).to_be_bytes());
    }
    Some(image)
}

/// One block without compression (RFC 1950 and 1951).
fn zlib(data: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(data.len()).ok()?;
    let mut stream = vec![0x78, 0x01, 0x01];
    stream.extend(length.to_le_bytes());
    stream.extend((!length).to_le_bytes());
    stream.extend(data);
    let (low, high) = data.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    stream.extend((high << 16 | low).to_be_bytes());
    Some(stream)
}

fn crc32(data: &[u8]) -> u32 {
    let shift = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !data.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| shift(crc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_the_standards() {
        assert_eq!(crc32(b"IEND"), 0xae42_6082);
        let stream = zlib(b"Wikipedia").unwrap();
        assert_eq!(stream.get(stream.len() - 4..), Some(&0x11e6_0398_u32.to_be_bytes()[..]));
    }

    #[test]
    fn a_link_of_the_longest_name_fits() {
        let name = "a".repeat(226);
        let link = format!("otpauth://totp/Wharf:{name}@123456789012?secret={}&issuer=Wharf", "A".repeat(64));
        let image = png(&link).unwrap();
        assert!(image.starts_with(b"\x89PNG\r\n\x1a\n") && image.ends_with(&[0xae, 0x42, 0x60, 0x82]));
        assert_eq!(png(&"a".repeat(5_000)), None);
    }
}
