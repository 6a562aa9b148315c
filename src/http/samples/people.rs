//! Invitations and second factors, as they go in and come out.

use super::super::invitations::{AcceptInvitation, CreateInvitation, Invitation, InvitationPage, NewInvitation};
use super::super::second_factor::{CreateTotp, NewTotp, RecoveryCodes, TotpCode};
use super::super::users::{Me, OwnByline};
use super::{AUTHOR_ID, EMAIL, FRIDAY, PASSWORD, USER_ID, page, sample, user};
use crate::domain::invitation::{MailState, Purpose};
use crate::domain::text::{EmailAddress, FilledText};
use crate::domain::user::Role;
use serde_json::{Value, json};
use utoipa::ToSchema;

const TOKEN: &str = "cdi_YSBvbmUtdGltZSBsaW5rLCBhIHNlY3JldCBvZiAzMiE";
const TOTP_SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

pub(super) fn all() -> Vec<(String, Value)> {
    let byline = OwnByline { id: AUTHOR_ID.into(), slug: "marcus".into(), name: "Marcus".into() };
    vec![
        sample(&CreateInvitation { email: EmailAddress(EMAIL.into()), name: Some(FilledText("Ana López".into())), role: Role::Editor }),
        sample(&invitation()),
        sample(&InvitationPage { items: vec![invitation()], page: page() }),
        sample(&NewInvitation {
            invitation: invitation(),
            token: TOKEN.into(),
            link: Some(format!("https://desk.example.com/welcome#{TOKEN}")),
        }),
        (AcceptInvitation::name().into(), json!({ "token": TOKEN, "password": "a lighthouse keeper reads at night" })),
        (CreateTotp::name().into(), json!({ "current_password": PASSWORD })),
        (TotpCode::name().into(), json!({ "code": "492039" })),
        sample(&NewTotp {
            secret: TOTP_SECRET.into(),
            address: format!(
                "otpauth://totp/Copydesk:editor%40example.com?secret={TOTP_SECRET}&issuer=Copydesk&algorithm=SHA1&digits=6&period=30"
            ),
        }),
        sample(&RecoveryCodes { recovery_codes: vec!["abcd-efgh-ijkm-npqr".into()] }),
        sample(&Me { user: user(), authors: vec![byline] }),
    ]
}

fn invitation() -> Invitation {
    Invitation {
        id: "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e72".into(),
        purpose: Purpose::Invitation,
        user_id: USER_ID.into(),
        email: EMAIL.into(),
        name: "Ana López".into(),
        role: Role::Editor,
        mail: MailState::Sent,
        mail_error: None,
        created_by: Some(USER_ID.into()),
        created_at: FRIDAY,
        expires_at: Purpose::Invitation.end(FRIDAY),
    }
}
