//! The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for who has lost it.

use super::opaque::{self, UNAMBIGUOUS};
use super::seal::hexadecimal;
use super::token::IssueFailure;
use sha2::{Digest, Sha256};
use std::fmt;
use totp_rs::{Builder, Secret, Totp};

/// How many recovery codes somebody gets.
pub const RECOVERY_CODES: usize = 10;

/// What authenticator apps understand everywhere: SHA-1, six digits, 30 seconds (RFC 6238 §1.2).
const STEP_SECONDS: u64 = 30;
/// A code counts in the step before and after its own, too, for clocks that are not quite right (RFC 6238 §5.2).
const SKEW: u16 = 1;
const SECRET_BYTES: usize = 20;

/// Of a recovery code: 80 bits.
const RECOVERY_LENGTH: usize = 16;

/// What an app and the server share. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret([u8; SECRET_BYTES]);

/// A code that gets somebody in once without their app. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode(String);

impl TotpSecret {
    /// A new one, from the system's randomness.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn random() -> Result<Self, IssueFailure> {
        opaque::random().map(Self)
    }

    /// What [`Self::as_bytes`] gave; `None` if it is of another length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?))
    }

    /// To be sealed and stored.
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As people type it into an app: base32 (RFC 4648 §6).
    pub fn reveal(&self) -> String {
        Secret::new_stack(self.0).to_base32()
    }

    /// As apps read it from a QR code: `otpauth://totp/…`.
    pub fn address(&self, issuer: &str, account: &str) -> String {
        let (issuer, account) = (escaped(issuer), escaped(account));
        format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period={STEP_SECONDS}", self.reveal())
    }

    /// Which step a code is of, if it is a good one at that time (Unix milliseconds). The caller sees to it that each step counts once.
    pub fn step_of(&self, code: &str, now: i64) -> Option<i64> {
        let is_one = code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = u64::try_from(now / 1000).ok()?;
        i64::try_from(self.totp()?.check(code, seconds).filter(|_| is_one)?).ok()
    }

    /// The code at that time (Unix milliseconds), as an app shows it.
    pub fn code(&self, now: i64) -> Option<String> {
        Some(self.totp()?.generate(u64::try_from(now / 1000).ok()?).to_string())
    }

    fn totp(&self) -> Option<Totp> {
        Builder::new().with_secret(self.0.to_vec()).with_skew(SKEW).with_step_duration(STEP_SECONDS).build().ok()
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TotpSecret([hidden])")
    }
}

impl RecoveryCode {
    /// A new one, from the system's randomness.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn random() -> Result<Self, IssueFailure> {
        opaque::random_text::<RECOVERY_LENGTH>().map(Self)
    }

    /// Reads a code as it is typed: capitals, spaces and hyphens are no matter. `None` if it is none in form.
    pub fn parse(typed: &str) -> Option<Self> {
        let plain: String = typed.chars().filter(|c| !matches!(c, ' ' | '-')).map(|c| c.to_ascii_lowercase()).collect();
        let is_one = plain.len() == RECOVERY_LENGTH && plain.bytes().all(|byte| UNAMBIGUOUS.contains(&byte));
        is_one.then_some(Self(plain))
    }

    /// The code itself, for its owner once: four by four, as in `abcd-efgh-ijkm-npqr`.
    pub fn reveal(&self) -> String {
        let groups: Vec<&str> = (0..RECOVERY_LENGTH / 4).filter_map(|n| self.0.get(n * 4..n * 4 + 4)).collect();
        groups.join("-")
    }

    /// What is stored of it: SHA-256 in hexadecimal, with whose it is. It has 80 random bits: nothing slower is needed.
    pub fn hash(&self, user_id: &str) -> String {
        hexadecimal(&Sha256::digest(format!("copydesk recovery code\n{user_id}\n{}", self.0)))
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RecoveryCode([hidden])")
    }
}

/// Percent-encoded but for letters, digits and `-._~` (RFC 3986 §2.3).
fn escaped(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        // RFC 6238 appendix B, the last six digits of its eight.
        let secret = TotpSecret(*b"12345678901234567890");
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")] {
            assert_eq!(secret.code(seconds * 1000).as_deref(), Some(code));
            assert_eq!(secret.step_of(code, seconds * 1000), Some(seconds / 30));
        }
        assert_eq!(secret.reveal(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }

    #[test]
    fn a_code_is_good_for_a_step_before_and_after_its_own_and_is_six_digits() {
        let secret = TotpSecret(*b"12345678901234567890");
        let code = secret.code(1_111_111_109_000).unwrap();
        let step = 1_111_111_109 / 30;
        for (at, expected) in [(step - 2, None), (step - 1, Some(step)), (step, Some(step)), (step + 1, Some(step)), (step + 2, None)] {
            assert_eq!(secret.step_of(&code, at * 30_000), expected);
        }
        for bad in ["", "81804", "0818040", "08180a", " 081804", "081 804", "０８１８０４"] {
            assert_eq!(secret.step_of(bad, 1_111_111_109_000), None, "{bad}");
        }
    }

    #[test]
    fn an_app_reads_whose_it_is_and_nothing_breaks_out_of_its_place() {
        let secret = TotpSecret(*b"12345678901234567890");
        assert_eq!(
            secret.address("Copydesk & Co", "ana+x@example.com"),
            "otpauth://totp/Copydesk%20%26%20Co:ana%2Bx%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Copydesk%20%26%20Co&algorithm=SHA1&digits=6&period=30"
        );
        assert!(!format!("{secret:?}").contains("GEZD"));
    }

    #[test]
    fn a_recovery_code_is_read_as_people_type_it() {
        let code = RecoveryCode::random().unwrap();
        let shown = code.reveal();
        assert_eq!(shown.len(), 19);
        for typed in [shown.clone(), shown.to_uppercase(), shown.replace('-', " "), shown.replace('-', "")] {
            assert_eq!(RecoveryCode::parse(&typed), Some(code.clone()), "{typed}");
        }
        for bad in ["", "123456", &shown[1..], &format!("{shown}a"), &"0".repeat(16), &"é".repeat(8)] {
            assert_eq!(RecoveryCode::parse(bad), None, "{bad}");
        }
        assert_ne!(code.hash("ana"), code.hash("eva"));
        assert!(!format!("{code:?}").contains(&shown[..4]));
    }
}
