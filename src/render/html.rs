//! Writes blocks as html, in the shape that CommonMark 0.31 and GFM show in their examples.

use std::collections::HashMap;

use super::{Block, ColumnAlignment, Inline, ListItem};

/// A fragment of html that is also well-formed XML.
pub(super) fn write(blocks: &[Block]) -> String {
    let (footnotes, story): (Vec<_>, Vec<_>) = blocks.iter().partition(|block| matches!(block, Block::Footnote { .. }));
    let mut page = Page { html: String::new(), notes: notes(&footnotes) };
    for block in story {
        page.block(block);
    }
    page.footnotes(&footnotes);
    page.html
}

struct Page<'blocks> {
    html: String,
    notes: HashMap<&'blocks str, Note>,
}

struct Note {
    number: usize,
    references: usize,
}

fn notes<'blocks>(footnotes: &[&'blocks Block]) -> HashMap<&'blocks str, Note> {
    let labels = footnotes.iter().filter_map(|block| match block {
        Block::Footnote { label, .. } => Some(label.as_str()),
        _ => None,
    });
    labels.zip(1..).map(|(label, number)| (label, Note { number, references: 0 })).collect()
}

impl Page<'_> {
    fn block(&mut self, block: &Block) {
        match block {
            Block::Heading { level, content } => {
                self.html += &format!("<h{level}>");
                self.inlines(content, false);
                self.html += &format!("</h{level}>\n");
            }
            Block::Paragraph { .. } | Block::Image { .. } => {
                self.html += "<p>";
                self.bare(block);
                self.html += "</p>\n";
            }
            Block::Quote { blocks } => {
                self.html += "<blockquote>\n";
                self.blocks(blocks);
                self.html += "</blockquote>\n";
            }
            Block::List { ordered: true, start, tight, items } => {
                self.html += &start.map_or_else(|| "<ol>\n".to_owned(), |first| format!("<ol start=\"{first}\">\n"));
                self.items(items, *tight);
                self.html += "</ol>\n";
            }
            Block::List { ordered: false, tight, items, .. } => {
                self.html += "<ul>\n";
                self.items(items, *tight);
                self.html += "</ul>\n";
            }
            Block::Code { language, text } => {
                self.html += "<pre><code";
                if let Some(language) = language {
                    self.attribute("class", &format!("language-{language}"));
                }
                self.html += ">";
                self.escaped(text);
                self.html += "</code></pre>\n";
            }
            Block::Table { align, header, rows } => self.table(align, header, rows),
            Block::Rule => self.html += "<hr />\n",
            // Footnotes stand at the end of the page, never among other blocks.
            Block::Footnote { .. } => {}
        }
    }

    fn blocks(&mut self, blocks: &[Block]) {
        for block in blocks {
            self.block(block);
        }
    }

    /// The words of a paragraph, or an image, without the paragraph around it.
    fn bare(&mut self, block: &Block) {
        match block {
            Block::Paragraph { content } => self.inlines(content, false),
            Block::Image { url, alt, title } => self.image(url, alt, title.as_deref()),
            _ => self.block(block),
        }
    }

    fn items(&mut self, items: &[ListItem], tight: bool) {
        for ListItem { blocks } in items {
            self.html += "<li>";
            for (position, block) in blocks.iter().enumerate() {
                let bare = tight && matches!(block, Block::Paragraph { .. } | Block::Image { .. });
                let beside_marker = bare && position == 0;
                if !beside_marker && !self.html.ends_with('\n') {
                    self.html += "\n";
                }
                if bare { self.bare(block) } else { self.block(block) }
            }
            self.html += "</li>\n";
        }
    }

    fn table(&mut self, align: &[ColumnAlignment], header: &[Vec<Inline>], rows: &[Vec<Vec<Inline>>]) {
        self.html += "<table>\n<thead>\n";
        self.row("th", align, header);
        self.html += "</thead>\n";
        if !rows.is_empty() {
            self.html += "<tbody>\n";
            for row in rows {
                self.row("td", align, row);
            }
            self.html += "</tbody>\n";
        }
        self.html += "</table>\n";
    }

    fn row(&mut self, tag: &str, align: &[ColumnAlignment], cells: &[Vec<Inline>]) {
        self.html += "<tr>\n";
        for (cell, side) in cells.iter().zip(align) {
            self.html += "<";
            self.html += tag;
            self.html += match side {
                ColumnAlignment::None => ">",
                ColumnAlignment::Left => " align=\"left\">",
                ColumnAlignment::Center => " align=\"center\">",
                ColumnAlignment::Right => " align=\"right\">",
            };
            self.inlines(cell, false);
            self.html += "</";
            self.html += tag;
            self.html += ">\n";
        }
        self.html += "</tr>\n";
    }

    fn inlines(&mut self, content: &[Inline], inside_link: bool) {
        for inline in content {
            self.inline(inline, inside_link);
        }
    }

    fn inline(&mut self, inline: &Inline, inside_link: bool) {
        match inline {
            Inline::Text { text } => self.escaped(text),
            Inline::Emphasis { content } => {
                self.html += "<em>";
                self.inlines(content, inside_link);
                self.html += "</em>";
            }
            Inline::Strong { content } => {
                self.html += "<strong>";
                self.inlines(content, inside_link);
                self.html += "</strong>";
            }
            Inline::Code { text } => {
                self.html += "<code>";
                self.escaped(text);
                self.html += "</code>";
            }
            Inline::Link { url, title, content } => {
                self.html += "<a";
                self.attribute("href", url);
                self.optional_title(title.as_deref());
                self.html += ">";
                self.inlines(content, true);
                self.html += "</a>";
            }
            Inline::Image { url, alt, title } => self.image(url, alt, title.as_deref()),
            Inline::Break => self.html += "<br />\n",
            Inline::FootnoteReference { label } => self.footnote_reference(label, inside_link),
        }
    }

    fn image(&mut self, url: &str, alt: &str, title: Option<&str>) {
        self.html += "<img";
        self.attribute("src", url);
        self.attribute("alt", alt);
        self.optional_title(title);
        self.html += " />";
    }

    /// A link to the note; inside another link, where html allows none, its number only.
    fn footnote_reference(&mut self, label: &str, inside_link: bool) {
        let Some(note) = self.notes.get_mut(label) else { return };
        let number = note.number;
        if inside_link {
            self.html += &format!("<sup class=\"footnote-ref\">{number}</sup>");
            return;
        }
        note.references += 1;
        let id = match note.references {
            1 => format!("fnref-{number}"),
            nth => format!("fnref-{number}-{nth}"),
        };
        self.html += &format!("<sup class=\"footnote-ref\"><a href=\"#fn-{number}\" id=\"{id}\" data-footnote-ref=\"\">{number}</a></sup>");
    }

    fn footnotes(&mut self, footnotes: &[&Block]) {
        if footnotes.is_empty() {
            return;
        }
        self.html += "<section class=\"footnotes\" data-footnotes=\"\">\n<ol>\n";
        for footnote in footnotes {
            if let Block::Footnote { label, blocks } = footnote {
                self.footnote(label, blocks);
            }
        }
        self.html += "</ol>\n</section>\n";
    }

    fn footnote(&mut self, label: &str, blocks: &[Block]) {
        let Some(number) = self.notes.get(label).map(|note| note.number) else { return };
        self.html += &format!("<li id=\"fn-{number}\">\n");
        match blocks.split_last() {
            Some((last @ Block::Paragraph { .. }, rest)) => {
                self.blocks(rest);
                self.html += "<p>";
                self.bare(last);
                self.way_back(label, " ");
                self.html += "</p>\n";
            }
            _ => {
                self.blocks(blocks);
                self.way_back(label, "");
            }
        }
        self.html += "</li>\n";
    }

    /// Leads back to the first reference, when one was written that a reader can land on.
    fn way_back(&mut self, label: &str, space: &str) {
        if let Some(Note { number, references: 1.. }) = self.notes.get(label) {
            self.html += &format!(
                "{space}<a href=\"#fnref-{number}\" class=\"footnote-backref\" data-footnote-backref=\"\" \
                 aria-label=\"Back to reference {number}\">↩</a>"
            );
        }
    }

    fn optional_title(&mut self, title: Option<&str>) {
        if let Some(title) = title {
            self.attribute("title", title);
        }
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.html += " ";
        self.html += name;
        self.html += "=\"";
        self.escaped(value);
        self.html += "\"";
    }

    /// Escapes for text and for attributes in double quotes ([HTML standard](https://html.spec.whatwg.org/multipage/parsing.html#escapingString)).
    fn escaped(&mut self, raw: &str) {
        let mut rest = raw;
        while let Some(at) = rest.find(['&', '<', '>', '"']) {
            let (plain, special) = rest.split_at(at);
            self.html += plain;
            self.html += match special.as_bytes()[0] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                _ => "&quot;",
            };
            rest = &special[1..];
        }
        self.html += rest;
    }
}
