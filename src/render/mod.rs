//! Turns what writers type (Markdown) into what readers ask for (html, plain text, typed blocks), and nothing else.
//!
//! One source, one tree, three forms: [`markdown()`] parses [CommonMark 0.31](https://spec.commonmark.org/0.31.2/) with the tables and
//! footnotes of [GFM](https://github.github.com/gfm/) into [`Block`]s, and both the html and the text are written from those blocks.
//! So the three always agree, and what the blocks cannot express (raw html, scripts, addresses of foreign schemes) no form contains.

mod address;
mod blocks;
mod html;
mod markdown;
mod text;

pub use blocks::{Block, ColumnAlignment, Inline, ListItem};
pub use markdown::{DEEPEST_BLOCKS, DEEPEST_INLINES, MOST_BLOCKS, MOST_PIECES};

use std::fmt;

/// Words a grown-up reads silently in a minute: the mean of 190 studies (Brysbaert 2019, doi:10.1016/j.jml.2019.104047).
pub const WORDS_PER_MINUTE: u32 = 238;

/// A Markdown source in all the forms that readers may ask for.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// A fragment of html without scripts, handlers or foreign schemes; also well-formed XML, so that feeds may carry it.
    pub html: String,
    /// Plain text for search and feeds: blocks a blank line apart, no markup.
    pub text: String,
    /// The typed tree, footnotes last.
    pub blocks: Vec<Block>,
    /// Words of `text` without its list markers ([UAX #29](https://www.unicode.org/reports/tr29/); each ideograph is one).
    pub word_count: u32,
    /// Whole minutes at [`WORDS_PER_MINUTE`], rounded up; 0 when there are no words.
    pub reading_minutes: u32,
}

/// Why a source is not rendered: its shape would cost too much to parse, to store or to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// More than `limit` blocks; list items, table rows and table cells count too.
    TooManyBlocks { limit: usize },
    /// More than `limit` pieces of Markdown of any kind: blocks, runs of text, links, emphasis, line breaks.
    TooManyPieces { limit: usize },
    /// Blocks inside blocks, or inlines inside inlines, more than `limit` deep.
    TooDeep { limit: usize },
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyBlocks { limit } => {
                write!(formatter, "the Markdown has more than {limit} blocks (paragraphs, list items, table cells); split it up")
            }
            Self::TooManyPieces { limit } => {
                write!(formatter, "the Markdown has more than {limit} pieces (lines, links, emphasis); split it up or use less markup")
            }
            Self::TooDeep { limit } => {
                write!(formatter, "the Markdown nests more than {limit} levels deep; use fewer quotes, lists or emphasis inside each other")
            }
        }
    }
}

impl std::error::Error for Refusal {}

/// Renders a Markdown source; the same source always gives the same result.
///
/// Raw html is shown as the text it is. Links and images whose address is neither relative nor `http`, `https` (links also: `mailto`)
/// leave only their text. Time and memory grow with the length of the source, which the caller bounds.
///
/// # Errors
/// [`Refusal`], which tells the writer what to change.
pub fn markdown(source: &str) -> Result<Rendered, Refusal> {
    let blocks = markdown::blocks(source)?;
    let html = html::write(&blocks);
    let text::Plain { text, word_count } = text::write(&blocks);
    let reading_minutes = word_count.div_ceil(WORDS_PER_MINUTE);
    Ok(Rendered { html, text, blocks, word_count, reading_minutes })
}

#[cfg(test)]
mod tests;
