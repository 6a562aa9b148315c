//! Who wrote a story: the byline, its beat and its bio.

use super::article::Image;
use super::text::WebAddress;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A link on an author's page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(title = "AuthorLink")]
pub struct AuthorLink {
    #[schema(min_length = 1, max_length = 100, example = "Mastodon")]
    pub label: String,
    pub url: WebAddress,
}

/// All that an editor writes of an author, beside the slug, the name, and what is not public: address and account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub beat: Option<String>,
    /// Markdown.
    pub bio: Option<String>,
    pub location: Option<String>,
    pub website: Option<WebAddress>,
    pub image: Option<Image>,
    pub links: Vec<AuthorLink>,
}
