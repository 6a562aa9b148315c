//! Keys of programs, as they go in and as they come out.

use super::super::api_keys::{ApiKey, ApiKeyPage, CreateApiKey, NewApiKey};
use super::{EMAIL, FRIDAY, USER_ID, page, sample};
use crate::domain::rights::Scope;
use crate::domain::text::FilledText;
use serde_json::Value;

const LABEL: &str = "The web site";

pub(super) fn all() -> [(String, Value); 4] {
    let create = CreateApiKey {
        label: FilledText(LABEL.into()),
        scopes: vec![Scope::ContentRead, Scope::DraftsRead],
        expires_at: None,
        owner: None,
        tags: None,
        authors: None,
        languages: None,
        addresses: None,
    };
    [
        sample(&create),
        sample(&NewApiKey { about: key(), key: "cdk_b3BhcXVlIGFuZCBuZXZlciBzaG93biB0d2ljZSwgc2VjcmV0dwi7yg".into() }),
        sample(&key()),
        sample(&ApiKeyPage { items: vec![key()], page: page() }),
    ]
}

fn key() -> ApiKey {
    ApiKey {
        id: "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e6b".into(),
        label: LABEL.into(),
        prefix: "cdk_b3BhcX".into(),
        scopes: vec![Scope::ContentRead, Scope::DraftsRead],
        owner: USER_ID.into(),
        owner_email: EMAIL.into(),
        tags: Vec::new(),
        authors: Vec::new(),
        languages: Vec::new(),
        addresses: Vec::new(),
        created_by: Some(USER_ID.into()),
        created_at: FRIDAY,
        expires_at: None,
        last_used_at: Some(FRIDAY),
        last_used_address: Some("203.0.113.7".into()),
    }
}
