//! The audit log as it comes out.

use super::super::audit::{AuditActor, AuditEntry, AuditPage, AuditTarget};
use super::{EMAIL, FRIDAY, STORY_ID, USER_ID, page, sample};
use crate::domain::audit::Outcome;
use serde_json::Value;

pub(super) fn all() -> [(String, Value); 1] {
    [sample(&AuditPage { items: vec![edit()], page: page() })]
}

fn edit() -> AuditEntry {
    AuditEntry {
        id: "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e71".into(),
        at: FRIDAY,
        operation: "update_article".into(),
        outcome: Outcome::Done,
        reason: None,
        actor: AuditActor {
            user_id: Some(USER_ID.into()),
            email: Some(EMAIL.into()),
            credential: "session".into(),
            credential_id: Some("0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e6a".into()),
            address: Some("203.0.113.7".into()),
            device: Some("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0".into()),
        },
        target: Some(AuditTarget { kind: "article".into(), id: STORY_ID.into() }),
        members: vec!["title".into(), "body".into()],
    }
}
