//! The small text types of the contract: strings with a pattern that both the document and the door know.
//!
//! The patterns are kept at the door (`http/contract.rs`), which reads them from the contract itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An absolute web address: http or https, a host name, no spaces, no user information.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(
    max_length = 2000,
    pattern = r"^https?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?([/?#][!#-;=?-\[\]_a-z~]*)?$",
    example = "https://example.com/"
)]
#[serde(transparent)]
pub struct WebAddress(pub String);

/// A language tag (BCP 47, the common part): language, optional script, optional region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(pattern = r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$", example = "en")]
#[serde(transparent)]
pub struct LanguageTag(pub String);

/// A country by its two letters (ISO 3166-1 alpha-2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(pattern = "^[A-Z]{2}$", example = "GT")]
#[serde(transparent)]
pub struct CountryCode(pub String);

/// The readable last part of an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(max_length = 120, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", example = "u-s-and-guatemala-address-migration-and-drug-trafficking")]
#[serde(transparent)]
pub struct Slug(pub String);

/// An e-mail address; compared without regard to case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(
    max_length = 254,
    pattern = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$",
    example = "editor@example.com"
)]
#[serde(transparent)]
pub struct EmailAddress(pub String);

impl EmailAddress {
    /// The form that is stored and compared.
    pub fn normalised(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// A title or a name: some text that is not blank, of at most 300 characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(
    min_length = 1,
    max_length = 300,
    pattern = r"^[^\x00-\x08\x0B-\x1F\x7F-\x9F]*[^\s\x00-\x1F\x7F-\x9F][^\x00-\x08\x0B-\x1F\x7F-\x9F]*$",
    example = "Migration"
)]
#[serde(transparent)]
pub struct FilledText(pub String);

/// Something said in a few sentences: some text that is not blank, of at most 2000 characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(
    min_length = 1,
    max_length = 2000,
    pattern = r"^[^\x00-\x08\x0B-\x1F\x7F-\x9F]*[^\s\x00-\x1F\x7F-\x9F][^\x00-\x08\x0B-\x1F\x7F-\x9F]*$",
    example = "An earlier version misstated the day of the meeting. It was a Friday."
)]
#[serde(transparent)]
pub struct Remark(pub String);

/// The pattern of every other text: no control characters but line feed and tab.
pub const PLAIN: &str = r"^[^\x00-\x08\x0B-\x1F\x7F-\x9F]*$";

/// An id or a slug.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(min_length = 1, max_length = 120, pattern = "^[A-Za-z0-9-]+$", example = "marcus")]
#[serde(transparent)]
pub struct Key(pub String);

/// An address (IPv4 or IPv6) or a network of them (CIDR).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(max_length = 49, pattern = "^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$", example = "203.0.113.0/24")]
#[serde(transparent)]
pub struct NetworkAddress(pub String);

/// An id: a UUID (RFC 9562), version 7 where made here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e5f")]
#[serde(transparent)]
pub struct Id(pub String);
