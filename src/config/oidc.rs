//! The settings of the identity provider: which one, what we are to it, and what its people are to us.

use super::error::ConfigError;
use super::values;
use crate::domain::identity::{Policy, RoleMap};
use crate::domain::user::Role;
use crate::http::{ClientSettings, ProviderSettings};
use crate::outbound;

/// As they were given; see `Settings`.
#[derive(Clone, Default, clap::Args)]
pub struct OidcSettings {
    /// COPYDESK_OIDC_ISSUER: the OpenID Connect provider that people may come from, as its tokens name it [default: none]
    #[arg(long, global = true, value_name = "URL")]
    pub oidc_issuer: Option<String>,
    /// COPYDESK_OIDC_CLIENT_ID: what this server is called there; lets people sign in by it [default: none]
    #[arg(long, global = true, value_name = "ID")]
    pub oidc_client_id: Option<String>,
    /// `COPYDESK_OIDC_CLIENT_SECRET`; no flag, as every user of the machine can read the flags of a process.
    #[arg(skip)]
    pub oidc_client_secret: Option<String>,
    /// COPYDESK_OIDC_REDIRECT_URIS: where the provider may send people back to, comma-separated [default: none]
    #[arg(long, global = true, value_name = "URLS")]
    pub oidc_redirect_uris: Option<String>,
    /// COPYDESK_OIDC_SCOPES: what the provider is asked to tell, comma-separated [default: openid,email,profile]
    #[arg(long, global = true, value_name = "WORDS")]
    pub oidc_scopes: Option<String>,
    /// COPYDESK_OIDC_AUDIENCE: the provider's access tokens for this audience are taken as Bearer [default: none]
    #[arg(long, global = true, value_name = "NAME")]
    pub oidc_audience: Option<String>,
    /// COPYDESK_OIDC_ROLE_CLAIM: the claim whose words stand for roles [default: groups]
    #[arg(long, global = true, value_name = "NAME")]
    pub oidc_role_claim: Option<String>,
    /// COPYDESK_OIDC_ROLES: which word stands for which role, as word=role, comma-separated; * is everybody [default: none]
    #[arg(long, global = true, value_name = "ROLES")]
    pub oidc_roles: Option<String>,
    /// COPYDESK_OIDC_ROLE_SYNC: whether the claim sets the role at each sign-in, or only at the first [default: true]
    #[arg(long, global = true, value_name = "BOOL")]
    pub oidc_role_sync: Option<String>,
    /// COPYDESK_OIDC_PROVISION: whether those who have a role by the claim get an account [default: false]
    #[arg(long, global = true, value_name = "BOOL")]
    pub oidc_provision: Option<String>,
}

impl OidcSettings {
    pub(super) fn slot(&mut self, key: &str) -> Option<&mut Option<String>> {
        Some(match key {
            "COPYDESK_OIDC_ISSUER" => &mut self.oidc_issuer,
            "COPYDESK_OIDC_CLIENT_ID" => &mut self.oidc_client_id,
            "COPYDESK_OIDC_CLIENT_SECRET" => &mut self.oidc_client_secret,
            "COPYDESK_OIDC_REDIRECT_URIS" => &mut self.oidc_redirect_uris,
            "COPYDESK_OIDC_SCOPES" => &mut self.oidc_scopes,
            "COPYDESK_OIDC_AUDIENCE" => &mut self.oidc_audience,
            "COPYDESK_OIDC_ROLE_CLAIM" => &mut self.oidc_role_claim,
            "COPYDESK_OIDC_ROLES" => &mut self.oidc_roles,
            "COPYDESK_OIDC_ROLE_SYNC" => &mut self.oidc_role_sync,
            "COPYDESK_OIDC_PROVISION" => &mut self.oidc_provision,
            _ => return None,
        })
    }

    /// # Errors
    /// The first that is wrong, or that does nothing without another.
    pub(super) fn validate(self) -> Result<Option<ProviderSettings>, ConfigError> {
        let roles = self.oidc_roles.map_or(Ok(Vec::new()), |list| roles("COPYDESK_OIDC_ROLES", &list))?;
        let policy = Policy {
            roles: RoleMap(roles),
            follows_claim: values::one_of("COPYDESK_OIDC_ROLE_SYNC", self.oidc_role_sync, &[("true", true), ("false", false)])?,
            makes_accounts: values::one_of("COPYDESK_OIDC_PROVISION", self.oidc_provision, &[("false", false), ("true", true)])?,
        };
        let scopes = scopes("COPYDESK_OIDC_SCOPES", self.oidc_scopes.as_deref().unwrap_or("openid,email,profile"))?;
        let redirect_uris = self.oidc_redirect_uris.map_or(Ok(Vec::new()), |list| redirect_uris("COPYDESK_OIDC_REDIRECT_URIS", &list))?;
        let role_claim = self.oidc_role_claim.unwrap_or_else(|| "groups".to_owned());
        let Some(issuer) = self.oidc_issuer else {
            let given = [
                ("COPYDESK_OIDC_CLIENT_ID", self.oidc_client_id.is_some()),
                ("COPYDESK_OIDC_CLIENT_SECRET", self.oidc_client_secret.is_some()),
                ("COPYDESK_OIDC_REDIRECT_URIS", !redirect_uris.is_empty()),
                ("COPYDESK_OIDC_AUDIENCE", self.oidc_audience.is_some()),
                ("COPYDESK_OIDC_ROLES", !policy.roles.0.is_empty()),
                ("COPYDESK_OIDC_PROVISION", policy.makes_accounts),
            ];
            return given.iter().find(|(_, is_given)| *is_given).map_or(Ok(None), |(key, _)| needs(key, "COPYDESK_OIDC_ISSUER"));
        };
        if !outbound::is_allowed(&issuer) || issuer.contains(['?', '#']) {
            let allowed = "an https URL without query and fragment, as in https://id.example.org/realms/news";
            return Err(ConfigError::wrong("COPYDESK_OIDC_ISSUER", &issuer, allowed));
        }
        let client = match self.oidc_client_id {
            Some(_) if redirect_uris.is_empty() => return needs("COPYDESK_OIDC_CLIENT_ID", "COPYDESK_OIDC_REDIRECT_URIS"),
            Some(id) => Some(ClientSettings { id, secret: self.oidc_client_secret, redirect_uris, scopes }),
            None if self.oidc_client_secret.is_some() => return needs("COPYDESK_OIDC_CLIENT_SECRET", "COPYDESK_OIDC_CLIENT_ID"),
            None if !redirect_uris.is_empty() => return needs("COPYDESK_OIDC_REDIRECT_URIS", "COPYDESK_OIDC_CLIENT_ID"),
            None if self.oidc_audience.is_none() => {
                return needs("COPYDESK_OIDC_ISSUER", "COPYDESK_OIDC_CLIENT_ID or COPYDESK_OIDC_AUDIENCE");
            }
            None => None,
        };
        if let Some(client) = client.as_ref().filter(|client| self.oidc_audience.as_ref() == Some(&client.id)) {
            // Else what says who has signed in, which browsers see, could be sent as Bearer.
            return Err(ConfigError::wrong("COPYDESK_OIDC_AUDIENCE", &client.id, "another name than COPYDESK_OIDC_CLIENT_ID"));
        }
        if policy.makes_accounts && policy.roles.0.is_empty() {
            return needs("COPYDESK_OIDC_PROVISION", "COPYDESK_OIDC_ROLES");
        }
        Ok(Some(ProviderSettings { issuer, client, audience: self.oidc_audience, role_claim, policy }))
    }
}

fn needs<T>(key: &'static str, other: &'static str) -> Result<T, ConfigError> {
    Err(ConfigError::Alone { key, other })
}

/// Words with commas between, as the provider wants them: with spaces (RFC 6749 §3.3).
fn scopes(key: &'static str, list: &str) -> Result<String, ConfigError> {
    let words: Vec<&str> = list.split(',').map(str::trim).collect();
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte));
    if words.contains(&"openid") && words.iter().all(is_word) {
        return Ok(words.join(" "));
    }
    Err(ConfigError::wrong(key, list, "words with commas between, openid among them, as in openid,email,profile"))
}

/// `word=role` with commas between; a word may have `=` in it.
fn roles(key: &'static str, list: &str) -> Result<Vec<(String, Role)>, ConfigError> {
    let one = |pair: &str| {
        let (word, role) = pair.rsplit_once('=')?;
        Some((word.trim().to_owned(), Role::named(role.trim())?)).filter(|(word, _)| !word.is_empty())
    };
    let allowed = "word=role with commas between, the roles contributor, author, editor and admin, as in news-editors=editor,*=contributor";
    list.split(',').map(|pair| one(pair).ok_or_else(|| ConfigError::wrong(key, pair.trim(), allowed))).collect()
}

/// Exact addresses: of pages, of a program on this machine, or of an app by a scheme of its own (RFC 8252).
fn redirect_uris(key: &'static str, list: &str) -> Result<Vec<String>, ConfigError> {
    let is_one = |uri: &str| {
        let (scheme, rest) = uri.split_once(':').unwrap_or_default();
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c));
        let is_private = scheme.contains('.') && rest.starts_with('/');
        is_scheme && !uri.contains(['#', ' ', '*']) && (outbound::is_allowed(uri) || is_private)
    };
    let allowed = "addresses with commas between: https URLs, http on this machine, or an app's own as in org.example.desk:/signed-in";
    let checked = |uri: &str| if is_one(uri) { Ok(uri.to_owned()) } else { Err(ConfigError::wrong(key, uri, allowed)) };
    list.split(',').map(str::trim).map(checked).collect()
}

#[cfg(test)]
#[path = "oidc_tests.rs"]
mod tests;
