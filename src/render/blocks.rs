//! The typed tree of a text, for clients that draw it natively.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One block of a text ([CommonMark 0.31 §4 and §5](https://spec.commonmark.org/0.31.2/#leaf-blocks), GFM tables and footnotes).
#[derive(Serialize, Deserialize, ToSchema, Clone, Debug, PartialEq)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block {
    /// A headline inside the text, level 1 to 6.
    Heading {
        #[schema(minimum = 1, maximum = 6)]
        level: u8,
        content: Vec<Inline>,
    },
    /// A paragraph of prose.
    Paragraph { content: Vec<Inline> },
    /// Words of somebody else.
    Quote {
        #[schema(no_recursion)]
        blocks: Vec<Block>,
    },
    /// A list; `start` is the first number of an ordered one when it is not 1.
    List {
        ordered: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        start: Option<u32>,
        /// Whether the items stand close together, without space between them.
        tight: bool,
        items: Vec<ListItem>,
    },
    /// Preformatted text; `language` is the first word after the fence.
    Code {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        language: Option<String>,
        text: String,
    },
    /// An image that stands alone.
    Image {
        url: String,
        alt: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        title: Option<String>,
    },
    /// A table: one alignment for each column, the cells of the header, and the cells of each row, all equally many.
    Table { align: Vec<ColumnAlignment>, header: Vec<Vec<Inline>>, rows: Vec<Vec<Vec<Inline>>> },
    /// A change of subject.
    Rule,
    /// What a `footnote_reference` of the same label refers to; stands after all other blocks, in order of first reference.
    Footnote {
        label: String,
        #[schema(no_recursion)]
        blocks: Vec<Block>,
    },
}

/// One item of a list.
#[derive(Serialize, Deserialize, ToSchema, Clone, Debug, PartialEq)]
pub struct ListItem {
    #[schema(no_recursion)]
    pub blocks: Vec<Block>,
}

/// Where the cells of a column stand.
#[derive(Serialize, Deserialize, ToSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ColumnAlignment {
    None,
    Left,
    Center,
    Right,
}

/// A piece of prose inside a block ([CommonMark 0.31 §6](https://spec.commonmark.org/0.31.2/#inlines)).
#[derive(Serialize, Deserialize, ToSchema, Clone, Debug, PartialEq)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Inline {
    /// Characters as they are; never two of these side by side.
    Text { text: String },
    /// Stressed words, commonly italic.
    Emphasis {
        #[schema(no_recursion)]
        content: Vec<Inline>,
    },
    /// Important words, commonly bold.
    Strong {
        #[schema(no_recursion)]
        content: Vec<Inline>,
    },
    /// Preformatted words.
    Code { text: String },
    /// A link; `url` is `http`, `https`, `mailto` or relative. Never inside another link.
    Link {
        url: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        title: Option<String>,
        #[schema(no_recursion)]
        content: Vec<Inline>,
    },
    /// An image among words; `url` is `http`, `https` or relative.
    Image {
        url: String,
        alt: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        title: Option<String>,
    },
    /// A line ends here.
    Break,
    /// Refers to the `footnote` block of the same label.
    FootnoteReference { label: String },
}
