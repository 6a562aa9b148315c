//! Which settings of an identity provider a start accepts, and which it refuses.

use super::*;
use crate::config::tests::{config, documented, from};
use std::collections::BTreeMap;

fn oidc(changes: &[(&str, &str)]) -> Result<ProviderSettings, ConfigError> {
    let mut given: BTreeMap<&str, &str> =
        documented().into_iter().filter(|(key, ..)| key.contains("_OIDC_")).map(|(key, value, _)| (key, value)).collect();
    for (key, value) in changes {
        if value.is_empty() {
            given.remove(key)
        } else {
            given.insert(key, value)
        };
    }
    Ok(from(&given.into_iter().collect::<Vec<_>>())?.oidc.unwrap())
}

#[test]
fn the_settings_of_the_example_s_identity_provider_are_understood() {
    let settings = oidc(&[]).unwrap();
    let client = settings.client.as_ref().unwrap();
    assert_eq!(
        (settings.issuer.as_str(), client.id.as_str(), client.scopes.as_str()),
        ("https://id.example.org/realms/news", "copydesk", "openid email profile")
    );
    assert_eq!(client.redirect_uris, ["https://desk.example.org/signed-in"]);
    let roles = [("newsroom-editors", Role::Editor), ("newsroom-it", Role::Admin), ("*", Role::Contributor)];
    assert_eq!(settings.policy.roles.0, roles.map(|(word, role)| (word.to_owned(), role)));
    assert!(settings.policy.follows_claim && !settings.policy.makes_accounts);
    assert!(!format!("{settings:?}").contains("what-the-provider-gave-you"));
    assert!(config(&[]).oidc.is_none());
    let apps = "http://127.0.0.1:7000/back,http://localhost/back,org.example.desk:/back";
    assert_eq!(oidc(&[("COPYDESK_OIDC_REDIRECT_URIS", apps)]).unwrap().client.unwrap().redirect_uris.len(), 3);
    let distinguished = oidc(&[("COPYDESK_OIDC_ROLES", "cn=desk=editor")]).unwrap().policy.roles.0;
    assert_eq!(distinguished, [("cn=desk".to_owned(), Role::Editor)]);
}

#[test]
fn settings_of_the_identity_provider_that_do_nothing_or_harm_stop_the_start() {
    let refused = |changes: &[(&str, &str)]| oidc(changes).unwrap_err().to_string();
    for (key, value) in [
        ("COPYDESK_OIDC_ISSUER", "http://id.example.org"),
        ("COPYDESK_OIDC_ISSUER", "https://id.example.org/?x"),
        ("COPYDESK_OIDC_ISSUER", "id.example.org"),
        ("COPYDESK_OIDC_REDIRECT_URIS", "http://desk.example.org/back"),
        ("COPYDESK_OIDC_REDIRECT_URIS", "https://*.example.org/back"),
        ("COPYDESK_OIDC_REDIRECT_URIS", "javascript:alert(1)"),
        ("COPYDESK_OIDC_REDIRECT_URIS", "https://desk.example.org/#back"),
        ("COPYDESK_OIDC_SCOPES", "email,profile"),
        ("COPYDESK_OIDC_ROLES", "editors"),
        ("COPYDESK_OIDC_ROLES", "editors=boss"),
        ("COPYDESK_OIDC_ROLES", "=editor"),
        ("COPYDESK_OIDC_ROLE_SYNC", "yes"),
        ("COPYDESK_OIDC_PROVISION", "1"),
        ("COPYDESK_OIDC_AUDIENCE", "copydesk"),
    ] {
        let sentence = refused(&[(key, value)]);
        assert!(sentence.starts_with(&format!("{key} is ")) && sentence.contains(", but must be "), "{sentence}");
    }
    let (client, secret, back) = ("COPYDESK_OIDC_CLIENT_ID", "COPYDESK_OIDC_CLIENT_SECRET", "COPYDESK_OIDC_REDIRECT_URIS");
    let alone = |key: &str, other: &str| format!("{key} does nothing without {other}; set both or neither.");
    assert_eq!(refused(&[(back, "")]), alone(client, back));
    assert_eq!(refused(&[(client, "")]), alone(secret, client));
    assert_eq!(refused(&[(client, ""), (secret, "")]), alone(back, client));
    let nothing = refused(&[(client, ""), (secret, ""), (back, ""), ("COPYDESK_OIDC_AUDIENCE", "")]);
    assert_eq!(nothing, alone("COPYDESK_OIDC_ISSUER", "COPYDESK_OIDC_CLIENT_ID or COPYDESK_OIDC_AUDIENCE"));
    assert_eq!(
        refused(&[("COPYDESK_OIDC_ROLES", ""), ("COPYDESK_OIDC_PROVISION", "true")]),
        alone("COPYDESK_OIDC_PROVISION", "COPYDESK_OIDC_ROLES")
    );
    assert_eq!(refused(&[("COPYDESK_OIDC_ISSUER", "")]), alone(client, "COPYDESK_OIDC_ISSUER"));
}
