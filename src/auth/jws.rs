//! Signatures of tokens in compact form (RFC 7515 §7.1). What algorithm a signature has, the key says, and never the token (RFC 8725 §3.1).
//!
//! HMAC by `hmac`, the others by `ring`, which TLS brings along. Sixty lines, where a library would choose by the token's header and
//! have to be talked out of it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, Ed25519KeyPair, KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Serialize;
use sha2::Sha256;

/// How a key signs (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Hs256,
    EdDsa,
    Es256,
    Rs256,
}

impl Algorithm {
    const ALL: [Self; 4] = [Self::Hs256, Self::EdDsa, Self::Es256, Self::Rs256];

    /// Its name in headers and key sets.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

/// What signs.
pub(super) enum Signer {
    Hs256(Hmac<Sha256>),
    EdDsa(Ed25519KeyPair),
}

/// What checks a signature, by the one algorithm that it is for.
pub(super) enum Verifier {
    Hs256(Hmac<Sha256>),
    /// 32 bytes.
    EdDsa(Vec<u8>),
    /// A point of P-256, uncompressed: 65 bytes.
    Es256(Vec<u8>),
    /// Of 2048 to 8192 bits.
    Rs256(RsaPublicKeyComponents<Vec<u8>>),
}

impl Signer {
    /// A key of 32 random bytes; `None` for an algorithm that only others sign with.
    pub fn new(algorithm: Algorithm, secret: &[u8; 32]) -> Option<Self> {
        match algorithm {
            Algorithm::Hs256 => Some(Self::Hs256(Hmac::new_from_slice(secret).ok()?)),
            Algorithm::EdDsa => Some(Self::EdDsa(Ed25519KeyPair::from_seed_unchecked(secret).ok()?)),
            Algorithm::Es256 | Algorithm::Rs256 => None,
        }
    }

    pub fn verifier(&self) -> Verifier {
        match self {
            Self::Hs256(mac) => Verifier::Hs256(mac.clone()),
            Self::EdDsa(pair) => Verifier::EdDsa(pair.public_key().as_ref().to_vec()),
        }
    }

    /// The token that has these as its header and claims.
    pub fn sign<H: Serialize, C: Serialize>(&self, header: &H, claims: &C) -> Option<String> {
        let part = |json: Vec<u8>| URL_SAFE_NO_PAD.encode(json);
        let message = format!("{}.{}", part(serde_json::to_vec(header).ok()?), part(serde_json::to_vec(claims).ok()?));
        let signature = match self {
            Self::Hs256(mac) => mac.clone().chain_update(&message).finalize().into_bytes().to_vec(),
            Self::EdDsa(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        };
        Some(format!("{message}.{}", part(signature)))
    }
}

impl Verifier {
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Hs256(_) => Algorithm::Hs256,
            Self::EdDsa(_) => Algorithm::EdDsa,
            Self::Es256(_) => Algorithm::Es256,
            Self::Rs256(_) => Algorithm::Rs256,
        }
    }

    /// Compares the whole signature, and a MAC in constant time.
    fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Hs256(mac) => mac.clone().chain_update(message).verify_slice(signature).is_ok(),
            Self::EdDsa(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok(),
            Self::Es256(key) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(message, signature).is_ok(),
            Self::Rs256(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok(),
        }
    }
}

/// A token taken apart, whose signature nobody has looked at: its claims come out of `verified` alone.
pub(super) struct Compact<'a> {
    /// The header's JSON.
    pub header: Vec<u8>,
    message: &'a str,
    claims: &'a str,
    signature: &'a str,
}

impl<'a> Compact<'a> {
    /// Three parts with dots between, of which the first is base64url.
    pub fn parse(token: &'a str) -> Option<Self> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, claims) = message.split_once('.').filter(|(_, claims)| !claims.contains('.'))?;
        Some(Self { header: URL_SAFE_NO_PAD.decode(header).ok()?, message, claims, signature })
    }

    /// The claims' JSON, if the key has signed it: `None` if not, or if it is no base64url.
    pub fn verified(&self, key: &Verifier) -> Option<Vec<u8>> {
        let signature = URL_SAFE_NO_PAD.decode(self.signature).ok()?;
        key.accepts(self.message.as_bytes(), &signature).then(|| self.unverified())?
    }

    /// The claims' JSON as anybody may have written it: to find out who is said to have signed, and for nothing else.
    pub fn unverified(&self) -> Option<Vec<u8>> {
        URL_SAFE_NO_PAD.decode(self.claims).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

    /// The examples of the RFCs: algorithm, key and token.
    fn examples() -> Vec<(Verifier, String)> {
        let hs256 = bytes("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
        let hs256 = Verifier::Hs256(Hmac::new_from_slice(&hs256).unwrap());
        let rs256 = RsaPublicKeyComponents {
            n: bytes(concat!(
                "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb",
                "_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
            )),
            e: bytes("AQAB"),
        };
        let (x, y) = (bytes("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"), bytes("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"));
        let es256 = [vec![4], x, y].concat();
        vec![
            (hs256, format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{JOE}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")),
            (
                Verifier::Rs256(rs256),
                format!(
                    "eyJhbGciOiJSUzI1NiJ9.{JOE}.{}{}",
                    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07",
                    "Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
                ),
            ),
            (
                Verifier::Es256(es256),
                format!("eyJhbGciOiJFUzI1NiJ9.{JOE}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"),
            ),
            (
                Verifier::EdDsa(bytes("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")),
                "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg".into(),
            ),
        ]
    }

    #[test]
    fn the_examples_of_rfc_7515_and_8037_are_accepted_by_their_keys_and_by_no_other() {
        let examples = examples();
        for (key, token) in &examples {
            let name = key.algorithm().name();
            let compact = Compact::parse(token).unwrap();
            assert!(
                compact.verified(key).is_some_and(|claims| claims.starts_with(b"{\"iss\"") || claims.starts_with(b"Example")),
                "{name}"
            );
            for (other, _) in examples.iter().filter(|(other, _)| other.algorithm() != key.algorithm()) {
                assert!(compact.verified(other).is_none(), "{name} by {}", other.algorithm().name());
            }
        }
    }

    #[test]
    fn a_signature_that_is_changed_shortened_lengthened_or_left_out_is_refused() {
        for (key, token) in examples() {
            let (message, signature) = token.rsplit_once('.').unwrap();
            let signature = bytes(signature);
            let mut changed = signature.clone();
            changed[5] ^= 1;
            let longer = [signature.as_slice(), &[0]].concat();
            for bad in [changed.as_slice(), &signature[..signature.len() - 1], &signature[..16], &longer, &[]] {
                let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode(bad));
                assert!(Compact::parse(&forged).unwrap().verified(&key).is_none(), "{} {}", key.algorithm().name(), bad.len());
            }
        }
    }

    #[test]
    fn the_key_of_rfc_8037_signs_as_it_does_there() {
        let secret = bytes("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").try_into().unwrap();
        let signer = Signer::new(Algorithm::EdDsa, &secret).unwrap();
        assert!(matches!(signer.verifier(), Verifier::EdDsa(key) if key == bytes("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")));
        let token = signer.sign(&serde_json::json!({"alg": "EdDSA"}), &serde_json::json!({"sub": "ana"})).unwrap();
        assert_eq!(Compact::parse(&token).unwrap().verified(&signer.verifier()).as_deref(), Some(b"{\"sub\":\"ana\"}".as_slice()));
        assert!(Signer::new(Algorithm::Rs256, &secret).is_none() && Signer::new(Algorithm::Es256, &secret).is_none());
    }

    #[test]
    fn what_is_not_three_parts_is_no_token() {
        for text in ["", ".", "a.b", "a.b.c.d", "*.b.c", "YQ==.b.c"] {
            assert!(Compact::parse(text).is_none(), "{text}");
        }
    }
}
