//! HMAC with SHA-256 for `jsonwebtoken`, and nothing else: an algorithm that is not there cannot be confused with ours (RFC 8725 §3.1).
//!
//! The library's own RustCrypto backend brings every algorithm along, among them an RSA implementation with an open advisory
//! (RUSTSEC-2023-0071); forty lines over `hmac` and `sha2` leave all of that out.

use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind, Result, new_error};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey};
use sha2::Sha256;

/// Tells `jsonwebtoken` which cryptography to use; the library keeps one answer for the whole process, so calling again changes nothing.
pub(super) fn install() {
    let _already_installed = PROVIDER.install_default();
}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory,
    verifier_factory,
    // Keys from JWK sets are refused long before these could be asked; an error, where the library's placeholders would panic.
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: |_| Err(unsupported()),
        rsa_pub_components_from_public_key: |_| Err(unsupported()),
        ec_pub_components_from_private_key: |_, _| Err(unsupported()),
        ed_pub_components_from_private_key: |_, _| Err(unsupported()),
        compute_digest: |_, _| Err(unsupported()),
    },
};

fn unsupported() -> Error {
    new_error(ErrorKind::UnsupportedAlgorithm)
}

fn signer_factory(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    Ok(Box::new(Hs256::new(algorithm, key.family(), key.as_bytes())?))
}

fn verifier_factory(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    Ok(Box::new(Hs256::new(algorithm, key.family(), key.try_get_as_bytes()?)?))
}

struct Hs256(Hmac<Sha256>);

impl Hs256 {
    fn new(algorithm: &Algorithm, family: AlgorithmFamily, key: &[u8]) -> Result<Self> {
        if *algorithm != Algorithm::HS256 || family != AlgorithmFamily::Hmac {
            return Err(unsupported());
        }
        Hmac::new_from_slice(key).map(Self).map_err(|_| new_error(ErrorKind::InvalidKeyFormat))
    }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, signature::Error> {
        Ok(self.0.clone().chain_update(message).finalize().into_bytes().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    /// Compares in constant time, and the whole signature: a shortened one does not match.
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), signature::Error> {
        self.0.clone().chain_update(message).verify_slice(signature).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_of_rfc_7515_appendix_a_1() {
        let key =
            EncodingKey::from_base64_secret("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ+EstJQLr/T+1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow==")
                .unwrap();
        install();
        let message = concat!(
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.",
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        );
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
        assert_eq!(signature, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    }

    #[test]
    fn no_other_algorithm_can_be_asked_for() {
        let (signing, checking) = (EncodingKey::from_secret(&[7; 32]), DecodingKey::from_secret(&[7; 32]));
        for algorithm in [Algorithm::HS384, Algorithm::HS512, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA, Algorithm::PS512] {
            assert!(signer_factory(&algorithm, &signing).is_err(), "{algorithm:?} signs");
            assert!(verifier_factory(&algorithm, &checking).is_err(), "{algorithm:?} checks");
        }
        assert!(verifier_factory(&Algorithm::HS256, &DecodingKey::from_ed_der(&[7; 32])).is_err());
    }

    #[test]
    fn a_shortened_signature_does_not_match() {
        let mac = Hs256::new(&Algorithm::HS256, AlgorithmFamily::Hmac, &[7; 32]).unwrap();
        let whole = mac.try_sign(b"story").unwrap();
        assert!(mac.verify(b"story", &whole).is_ok());
        assert!(mac.verify(b"story", &whole[..16].to_vec()).is_err());
        assert!(mac.verify(b"story", &Vec::new()).is_err());
    }
}
