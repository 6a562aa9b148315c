//! Signing in and staying signed in, as it goes in and comes out.

use super::super::oidc::{BeginSignIn, FinishSignIn, SignInBegun};
use super::super::sign_in::{ChangePassword, Credentials, OpenSession, Refresh, Session, SessionPage};
use super::super::signing::{KeySet, SetKey};
use super::{EMAIL, FRIDAY, PASSWORD, page, sample};
use crate::domain::session;
use serde_json::{Value, json};
use utoipa::ToSchema;

const STATE: &str = "b3BhcXVlIHN0YXRlIHRoYXQgY29tZXMgYmFjayBoZXJl";
const TICKET: &str = "cdt_b3BhcXVlIGFuZCBmb3IgdGhpcyBvbmUgc2lnbi1pbg";
const REFRESH_TOKEN: &str = "cdr_b3BhcXVlIGFuZCBzaW5nbGUgdXNlLCBhIHNlY3JldCE";

pub(super) fn all() -> [(String, Value); 9] {
    let password = json!({ "current_password": PASSWORD, "new_password": "a lighthouse keeper reads at night" });
    [
        (Credentials::name().into(), json!({ "email": EMAIL, "password": PASSWORD })),
        (Refresh::name().into(), json!({ "refresh_token": REFRESH_TOKEN })),
        (ChangePassword::name().into(), password),
        sample(&Session {
            access_token: "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiJ9.…".into(),
            token_type: "Bearer",
            expires_in: 900,
            refresh_token: REFRESH_TOKEN.into(),
        }),
        (BeginSignIn::name().into(), json!({ "redirect_uri": "https://desk.example.org/signed-in" })),
        sample(&SignInBegun {
            authorization_url: "https://id.example.org/authorize?response_type=code&client_id=copydesk&code_challenge_method=S256&…".into(),
            state: STATE.into(),
            ticket: TICKET.into(),
            expires_in: 600,
        }),
        (FinishSignIn::name().into(), json!({ "code": "SplxlOBeZQQYbYS6WxSbIA", "state": STATE, "ticket": TICKET })),
        sample(&KeySet { keys: vec![public_key()] }),
        sample(&SessionPage { items: vec![here()], page: page() }),
    ]
}

/// The key of RFC 8037, appendix A.
fn public_key() -> SetKey {
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".into();
    SetKey { kid: "9f86d081884c7d65".into(), kty: "OKP", crv: "Ed25519", x, alg: "EdDSA", r#use: "sig" }
}

fn here() -> OpenSession {
    OpenSession {
        id: "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e6a".into(),
        device: Some("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0".into()),
        address: Some("203.0.113.7".into()),
        created_at: FRIDAY,
        last_seen_at: FRIDAY,
        expires_at: session::end(FRIDAY, FRIDAY),
        current: true,
    }
}
