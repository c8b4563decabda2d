//! Bluetooth addresses, as people and programs write them.

use std::fmt;
use std::str::FromStr;

/// The address of a Bluetooth device: six bytes, written as `AA:BB:CC:DD:EE:FF`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address([u8; 6]);

/// Something that was to be an address and is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no Bluetooth address; one is written as in AA:BB:CC:DD:EE:FF, and `unisono bluetooth scan` lists those of the devices around"
)]
pub struct NoAddress(String);

impl Address {
    /// The address of these bytes, the first written first.
    pub const fn new(bytes: [u8; 6]) -> Self {
        Self(bytes)
    }

    /// Its bytes, the first written first.
    pub const fn bytes(self) -> [u8; 6] {
        self.0
    }
}

impl FromStr for Address {
    type Err = NoAddress;

    /// Reads six pairs of hexadecimal digits, capital or not, with `:`, `-` or `_` between them, one of these throughout.
    fn from_str(written: &str) -> Result<Self, NoAddress> {
        let none = || NoAddress(written.to_owned());
        let text = written.trim();
        let between = text.chars().nth(2).filter(|sign| ":-_".contains(*sign));
        let mut parts = text.split(between.ok_or_else(none)?);
        let mut bytes = [0; 6];
        for byte in &mut bytes {
            let part = parts.next().ok_or_else(none)?;
            // What the standard library reads as a number may have a sign.
            let digits = part.len() == 2 && part.bytes().all(|digit| digit.is_ascii_hexdigit());
            let read = digits.then(|| u8::from_str_radix(part, 16).ok()).flatten();
            *byte = read.ok_or_else(none)?;
        }
        match parts.next() {
            None => Ok(Self(bytes)),
            Some(_) => Err(none()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02X}:{b:02X}:{c:02X}:{d:02X}:{e:02X}:{g:02X}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_however_it_is_written() {
        for written in [
            "AA:BB:0C:DD:EE:FF",
            "aa:bb:0c:dd:ee:ff",
            "AA-BB-0C-DD-EE-FF",
            "aa_BB_0c_DD_ee_FF",
            " AA:BB:0C:DD:EE:FF\n",
        ] {
            let address: Address = written.parse().unwrap();
            assert_eq!(address.to_string(), "AA:BB:0C:DD:EE:FF");
        }
    }

    #[test]
    fn what_is_no_address_is_shown_with_one_that_is() {
        for written in [
            "",
            "Flip",
            "AA:BB:CC:DD:EE",
            "AA:BB:CC:DD:EE:FF:00",
            "AA:BB:CC:DD:EE:FG",
            "AA:BB:CC:DD:EE:F",
            "AA:BB-CC:DD:EE:FF",
            "AABBCCDDEEFF",
            "+A:BB:CC:DD:EE:FF",
            "ÄA:BB:CC:DD:EE:FF",
            "AA::BB:CC:DD:EE",
        ] {
            let error = written.parse::<Address>().unwrap_err().to_string();
            let written = format!("{written:?}");
            assert!(error.starts_with(&written) && error.contains("AA:BB:CC"));
        }
    }
}
