//! Who is asking: passwords, the secret that signs, and the access tokens it signs.
//!
//! `password` parses what a person types, hashes it with argon2id and compares, at the same cost for addresses nobody has.
//! `secret` holds the server's secret: from the configuration, or made once in a file only this user can read.
//! `token` issues and reads access and preview tokens: JWT (RFC 7519, RFC 9068), every claim required.
//! `keys` are what signs them, sealed with a key made of the secret; `jws` makes and checks signatures.
//! `foreign` reads the tokens of an OpenID Connect provider.
//! `ticket` holds together a sign-in that goes on at such a provider.
//! `seal` closes answers that are kept, so that the database alone does not show what is in them.
//! `refresh` makes refresh tokens, each of the one before it.
//! `api_key` makes and reads the keys of programs.
//! `opaque` is what all opaque secrets here are made of, and how they are written down.
//! `one_time` makes tokens with which somebody sets a password, once; `totp` is the second factor.
//!
//! Nothing here knows HTTP, SQL, the newsroom's rules, the environment or the clock: the time is passed in.

pub mod api_key;
mod claims;
pub mod foreign;
mod jws;
pub mod keys;
pub mod one_time;
mod opaque;
pub mod password;
pub mod refresh;
pub mod seal;
pub mod secret;
pub mod ticket;
pub mod token;
pub mod totp;
mod worst_passwords;

pub use api_key::ApiKey;
pub use foreign::{ForeignClaims, ForeignKeys, Purpose};
pub use jws::Algorithm;
pub use keys::{PublicKey, SealedKey};
pub use password::{Password, WeakPassword};
pub use refresh::{RefreshToken, Rotation};
pub use seal::{Envelope, SealFailure, Sealer};
pub use secret::{SigningSecret, WeakSecret};
pub use token::{BadToken, Claims, IssuedToken, Preview, Subject, Tokens};
