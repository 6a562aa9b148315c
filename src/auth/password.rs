//! Passwords: parsed once, hashed with argon2id, compared at the same cost whether or not the address is known.

use std::fmt;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use thiserror::Error;

use super::opaque;
use super::worst_passwords::WORST_PASSWORDS;

/// Fewest characters of a new password.
pub const SHORTEST: usize = 10;
/// Most characters of a password; longer ones are refused, never cut.
pub const LONGEST: usize = 1024;

// OWASP Password Storage Cheat Sheet: argon2id, 19 MiB, two passes, one lane.
const MEMORY_KIBIBYTES: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A hash nobody's password has, of the same cost as the real ones.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGlzIGhlcmUhIQ$bm9ib2R5J3MgcGFzc3dvcmQgaGFzIHRoaXMgaGFzaC4";

const RANDOM_LENGTH: usize = 24;

/// A password that may be stored: 10 to 1024 characters of any kind, not among the worst. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Takes a new password as it was typed; nothing is trimmed, folded or cut (OWASP ASVS 6.2.8, 6.2.9), and no kind of character
    /// is demanded (ASVS 6.2.5).
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn parse(typed: &str) -> Result<Self, WeakPassword> {
        let characters = typed.chars().count();
        if characters < SHORTEST {
            return Err(WeakPassword::TooShort);
        }
        if characters > LONGEST {
            return Err(WeakPassword::TooLong);
        }
        let mut rest = typed.chars();
        let first = rest.next();
        if rest.all(|character| Some(character) == first) {
            return Err(WeakPassword::OneCharacter);
        }
        if WORST_PASSWORDS.contains(&typed.to_lowercase().as_str()) {
            return Err(WeakPassword::TooCommon);
        }
        Ok(Self(typed.to_owned()))
    }

    /// Makes a password of 24 unambiguous characters (120 bits) from the system's randomness.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn random() -> Result<Self, HashFailure> {
        opaque::random_text::<RANDOM_LENGTH>().map(Self).map_err(|_| HashFailure)
    }

    /// The password itself, to be shown to its owner once.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password([hidden])")
    }
}

/// Why a new password is refused, as a sentence for the person who chose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WeakPassword {
    #[error("A password needs at least 10 characters.")]
    TooShort,
    #[error("A password may have at most 1024 characters.")]
    TooLong,
    #[error("A password needs more than one character repeated.")]
    OneCharacter,
    #[error("This password is among the first ones anybody would try.")]
    TooCommon,
}

/// The machine could not hash: no memory or no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the system gave no memory or no randomness for a password")]
pub struct HashFailure;

/// Hashes with argon2id and a fresh salt into a PHC string (`$argon2id$v=19$m=19456,t=2,p=1$…`). Takes tens of milliseconds and
/// 19 MiB: call it where blocking is allowed.
///
/// # Errors
/// When the system gives no memory or randomness.
pub fn hash(password: &Password) -> Result<String, HashFailure> {
    let hashed = argon2()?.hash_password(password.0.as_bytes()).map_err(|_| HashFailure)?;
    Ok(hashed.to_string())
}

/// Whether `candidate`, whole and as typed, is the password of the PHC string; a string that is none answers no.
/// Takes as long as [`hash`].
pub fn verify(candidate: &str, phc: &str) -> bool {
    argon2().is_ok_and(|argon2| argon2.verify_password(candidate.as_bytes(), phc).is_ok())
}

/// Does the work of [`verify`] for an address nobody has, and answers no, so that the time does not tell which addresses exist.
pub fn verify_nobody(candidate: &str) -> bool {
    std::hint::black_box(verify(candidate, NOBODY));
    false
}

fn argon2() -> Result<Argon2<'static>, HashFailure> {
    let params = Params::new(MEMORY_KIBIBYTES, PASSES, LANES, None).map_err(|_| HashFailure)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::super::opaque::UNAMBIGUOUS;
    use super::*;
    use argon2::password_hash::phc::PasswordHash;

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    #[test]
    fn the_length_is_counted_in_characters_from_10_to_1024() {
        assert_eq!(Password::parse("ninechars"), Err(WeakPassword::TooShort));
        assert!(Password::parse("tenchars-!").is_ok());
        assert!(Password::parse("ëëëëëëëëëa").is_ok());
        assert!(Password::parse(&"lighthouse ".repeat(12)[..128]).is_ok());
        assert!(Password::parse(&format!("{}b", "a".repeat(1023))).is_ok());
        assert_eq!(Password::parse(&format!("{}b", "a".repeat(1024))), Err(WeakPassword::TooLong));
    }

    #[test]
    fn no_kind_of_character_is_demanded() {
        for text in ["lighthouse keeper", "83 72 61 09 44", "灯台守は夜中に本を読む", "    x     "] {
            assert!(Password::parse(text).is_ok(), "{text} is refused");
        }
    }

    #[test]
    fn one_repeated_character_and_the_worst_passwords_are_refused_in_any_case() {
        assert_eq!(Password::parse("aaaaaaaaaaaa"), Err(WeakPassword::OneCharacter));
        assert_eq!(Password::parse("éééééééééééé"), Err(WeakPassword::OneCharacter));
        assert_eq!(Password::parse("1234567890"), Err(WeakPassword::TooCommon));
        assert_eq!(Password::parse("PassWord123"), Err(WeakPassword::TooCommon));
    }

    #[test]
    fn debug_does_not_show_the_password() {
        assert!(!format!("{:?}", password("lighthouse keeper")).contains("lighthouse"));
    }

    #[test]
    fn a_hash_is_argon2id_at_the_owasp_cost_with_a_fresh_salt() {
        let first = hash(&password("lighthouse keeper")).unwrap();
        let second = hash(&password("lighthouse keeper")).unwrap();
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
        assert_ne!(first, second);
        assert!(verify("lighthouse keeper", &first) && verify("lighthouse keeper", &second));
    }

    #[test]
    fn only_the_whole_password_as_typed_matches() {
        let long = "0123456789abcdefghij".repeat(5);
        let hashed = hash(&password(&long)).unwrap();
        assert!(verify(&long, &hashed));
        assert!(!verify(&long[..72], &hashed), "its first 72 bytes match");
        assert!(!verify(&long.to_uppercase(), &hashed));
        assert!(!verify(&format!("{long} "), &hashed));
        assert!(!verify("", &hashed));
    }

    #[test]
    fn a_stored_string_that_is_no_hash_matches_nothing() {
        for stored in ["", "!", "lighthouse keeper", "$argon2id$v=19$m=19456,t=2,p=1$", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ"] {
            assert!(!verify("lighthouse keeper", stored), "{stored} matches");
        }
    }

    #[test]
    fn nobody_costs_what_somebody_costs_and_is_never_right() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let real = hash(&password("lighthouse keeper")).unwrap();
        let somebody = PasswordHash::new(&real).unwrap();
        assert_eq!(nobody.algorithm, somebody.algorithm);
        assert_eq!(nobody.version, somebody.version);
        assert_eq!(nobody.params, somebody.params);
        assert_eq!(nobody.salt.unwrap().len(), somebody.salt.unwrap().len());
        assert_eq!(nobody.hash.unwrap().len(), somebody.hash.unwrap().len());
        assert!(!verify_nobody("lighthouse keeper"));
    }

    #[test]
    fn a_random_password_has_24_unambiguous_characters_and_is_accepted() {
        let (first, second) = (Password::random().unwrap(), Password::random().unwrap());
        assert_ne!(first, second);
        assert_eq!(first.reveal().len(), 24);
        assert!(first.reveal().bytes().all(|byte| UNAMBIGUOUS.contains(&byte)));
        assert_eq!(Password::parse(first.reveal()).as_ref(), Ok(&first));
    }
}
