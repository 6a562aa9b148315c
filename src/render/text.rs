//! Writes blocks as plain text for search and feeds, and counts its words.

use unicode_segmentation::UnicodeSegmentation;

use super::{Block, Inline, ListItem};

/// Plain text and the number of its words.
pub(super) struct Plain {
    pub text: String,
    pub word_count: u32,
}

/// Blocks a blank line apart; list items and table rows each on a line of their own, table cells a tab apart.
pub(super) fn write(blocks: &[Block]) -> Plain {
    let mut writer = Writer::default();
    writer.blocks(blocks, "\n\n");
    Plain { text: writer.text, word_count: u32::try_from(writer.words).unwrap_or(u32::MAX) }
}

/// The words of inlines without their markup; images are their alternative text, references to footnotes nothing.
pub(super) fn of_inlines(content: &[Inline]) -> String {
    let mut text = String::new();
    append_inlines(content, &mut text);
    text
}

fn append_inlines(content: &[Inline], written: &mut String) {
    for inline in content {
        match inline {
            Inline::Text { text } | Inline::Code { text } | Inline::Image { alt: text, .. } => written.push_str(text),
            Inline::Emphasis { content } | Inline::Strong { content } | Inline::Link { content, .. } => append_inlines(content, written),
            Inline::Break => written.push('\n'),
            Inline::FootnoteReference { .. } => {}
        }
    }
}

/// Spaces and markers wait until words follow, so that what has no words leaves no empty lines.
#[derive(Default)]
struct Writer {
    text: String,
    words: usize,
    waiting_space: &'static str,
    waiting_markers: String,
}

impl Writer {
    fn blocks(&mut self, blocks: &[Block], space: &'static str) {
        for block in blocks {
            self.leave(space);
            self.block(block, space);
        }
    }

    fn block(&mut self, block: &Block, space: &'static str) {
        match block {
            Block::Heading { content, .. } | Block::Paragraph { content } => self.prose(of_inlines(content).trim()),
            Block::Code { text, .. } => self.prose(text.trim_end()),
            Block::Image { alt, .. } => self.prose(alt.trim()),
            Block::Quote { blocks } | Block::Footnote { blocks, .. } => self.blocks(blocks, space),
            Block::List { ordered: false, items, .. } => self.items(items, || "- ".to_owned()),
            Block::List { ordered: true, start, items, .. } => {
                let mut numbers = u64::from(start.unwrap_or(1))..;
                self.items(items, || numbers.next().map_or_else(String::new, |number| format!("{number}. ")));
            }
            Block::Table { header, rows, .. } => {
                for row in std::iter::once(header).chain(rows) {
                    self.leave("\n");
                    let cells: Vec<_> = row.iter().map(|cell| of_inlines(cell)).collect();
                    self.prose(&cells.join("\t"));
                }
            }
            Block::Rule => {}
        }
    }

    fn items(&mut self, items: &[ListItem], mut marker: impl FnMut() -> String) {
        for ListItem { blocks } in items {
            self.leave("\n");
            let outer_markers = self.waiting_markers.len();
            self.waiting_markers.push_str(&marker());
            self.blocks(blocks, "\n");
            self.waiting_markers.truncate(outer_markers);
        }
    }

    /// Asks for space before the next words; the widest of all that was asked for wins.
    fn leave(&mut self, space: &'static str) {
        if space.len() > self.waiting_space.len() {
            self.waiting_space = space;
        }
    }

    fn prose(&mut self, words: &str) {
        if words.trim().is_empty() {
            return;
        }
        if !self.text.is_empty() {
            self.text.push_str(self.waiting_space);
        }
        self.waiting_space = "";
        self.text.push_str(&self.waiting_markers);
        self.waiting_markers.clear();
        self.text.push_str(words);
        self.words += words.unicode_words().count();
    }
}
