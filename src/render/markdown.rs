//! Parses Markdown into blocks, within bounds that hold before anything recurses.

use comrak::arena_tree::NodeEdge;
use comrak::nodes::{ListType, Node, NodeLink, NodeList, NodeTable, NodeValue, TableAlignment};
use comrak::{Arena, Options, ParseCancelled, try_parse_document};

use super::{Block, ColumnAlignment, Inline, ListItem, Refusal, address, text};

/// Blocks a source may have; list items, table rows and table cells count too.
pub const MOST_BLOCKS: usize = 10_000;
/// Pieces of any kind a source may have. A page of dense prose has some thirty; parsing stops soon after this many.
pub const MOST_PIECES: usize = 100_000;
/// Levels of blocks inside blocks. A nested list takes two of them, the list's and its item's.
pub const DEEPEST_BLOCKS: usize = 32;
/// Levels of inlines inside inlines. With the blocks around them they stay within 128 levels of JSON, where readers such as `serde_json`
/// stop reading.
pub const DEEPEST_INLINES: usize = 24;

/// Parses a source into its blocks, footnotes last.
pub(super) fn blocks(source: &str) -> Result<Vec<Block>, Refusal> {
    let too_many_pieces = Refusal::TooManyPieces { limit: MOST_PIECES };
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.footnotes = true;
    let arena = Arena::new();
    let enough = || arena.len() > MOST_PIECES;
    let root = try_parse_document(&arena, source, &options, &enough).map_err(|ParseCancelled| too_many_pieces)?;
    if enough() {
        return Err(too_many_pieces);
    }
    keep_in_bounds(root)?;
    Ok(blocks_in(root))
}

/// Walks the tree without recursion, so that what follows may recurse.
fn keep_in_bounds(root: Node<'_>) -> Result<(), Refusal> {
    let (mut blocks, mut block_depth, mut inline_depth) = (0, 0, 0);
    for edge in root.traverse().skip(1) {
        match edge {
            NodeEdge::Start(node) if node.data().value.block() => {
                blocks += 1;
                block_depth += 1;
            }
            NodeEdge::Start(_) => inline_depth += 1,
            NodeEdge::End(node) if node.same_node(root) => break,
            NodeEdge::End(node) if node.data().value.block() => block_depth -= 1,
            NodeEdge::End(_) => inline_depth -= 1,
        }
        if blocks > MOST_BLOCKS {
            return Err(Refusal::TooManyBlocks { limit: MOST_BLOCKS });
        }
        if block_depth > DEEPEST_BLOCKS {
            return Err(Refusal::TooDeep { limit: DEEPEST_BLOCKS });
        }
        if inline_depth > DEEPEST_INLINES {
            return Err(Refusal::TooDeep { limit: DEEPEST_INLINES });
        }
    }
    Ok(())
}

fn blocks_in(parent: Node<'_>) -> Vec<Block> {
    parent.children().filter_map(block).collect()
}

fn block(node: Node<'_>) -> Option<Block> {
    match &node.data().value {
        NodeValue::Heading(heading) => Some(Block::Heading { level: heading.level, content: inlines_in(node) }),
        NodeValue::Paragraph => paragraph(inlines_in(node)),
        NodeValue::HtmlBlock(raw) => paragraph(vec![Inline::Text { text: one_line(&raw.literal) }]),
        NodeValue::BlockQuote => Some(Block::Quote { blocks: blocks_in(node) }),
        NodeValue::List(list) => Some(list_block(node, list)),
        NodeValue::CodeBlock(code) => {
            let language = code.info.split_whitespace().next().map(printable);
            Some(Block::Code { language, text: printable(&code.literal) })
        }
        NodeValue::Table(table) => Some(table_block(node, table)),
        NodeValue::ThematicBreak => Some(Block::Rule),
        // Comrak keeps a second definition of a label where it stands, without references: nobody is led there.
        NodeValue::FootnoteDefinition(footnote) if footnote.total_references > 0 => {
            Some(Block::Footnote { label: printable(&footnote.name), blocks: blocks_in(node) })
        }
        // Items, rows and cells are taken by their parents; every other kind needs an extension that is off.
        _ => None,
    }
}

/// A paragraph, an image when it holds nothing else, or nothing when all it held was dropped.
fn paragraph(mut content: Vec<Inline>) -> Option<Block> {
    match content.pop()? {
        Inline::Image { url, alt, title } if content.is_empty() => Some(Block::Image { url, alt, title }),
        last => {
            content.push(last);
            Some(Block::Paragraph { content })
        }
    }
}

fn list_block(node: Node<'_>, list: &NodeList) -> Block {
    let ordered = list.list_type == ListType::Ordered;
    let start = u32::try_from(list.start).ok().filter(|&first| ordered && first != 1);
    let items = node.children().map(|item| ListItem { blocks: blocks_in(item) }).collect();
    Block::List { ordered, start, tight: list.tight, items }
}

fn table_block(node: Node<'_>, table: &NodeTable) -> Block {
    let align = table.alignments.iter().map(column_alignment).collect();
    let mut rows = node.children().map(|row| row.children().map(inlines_in).collect());
    let header = rows.next().unwrap_or_default();
    Block::Table { align, header, rows: rows.collect() }
}

fn column_alignment(written: &TableAlignment) -> ColumnAlignment {
    match written {
        TableAlignment::None => ColumnAlignment::None,
        TableAlignment::Left => ColumnAlignment::Left,
        TableAlignment::Center => ColumnAlignment::Center,
        TableAlignment::Right => ColumnAlignment::Right,
    }
}

fn inlines_in(parent: Node<'_>) -> Vec<Inline> {
    nested(parent, false)
}

fn nested(parent: Node<'_>, inside_link: bool) -> Vec<Inline> {
    let mut content = Vec::new();
    append_inlines(parent, inside_link, &mut content);
    content
}

fn append_inlines(parent: Node<'_>, inside_link: bool, content: &mut Vec<Inline>) {
    for node in parent.children() {
        match &node.data().value {
            NodeValue::Text(text) => append_text(text, content),
            NodeValue::SoftBreak => append_text(" ", content),
            NodeValue::HtmlInline(raw) => append_text(&one_line(raw), content),
            NodeValue::LineBreak => content.push(Inline::Break),
            NodeValue::Code(code) => content.push(Inline::Code { text: printable(&code.literal) }),
            NodeValue::Emph => content.push(Inline::Emphasis { content: nested(node, inside_link) }),
            NodeValue::Strong => content.push(Inline::Strong { content: nested(node, inside_link) }),
            NodeValue::Link(link) => append_link(node, link, inside_link, content),
            NodeValue::Image(image) => append_image(node, image, content),
            NodeValue::FootnoteReference(reference) => {
                content.push(Inline::FootnoteReference { label: printable(&reference.name) });
            }
            // Every other kind needs an extension that is off.
            _ => {}
        }
    }
}

/// Comrak lets an `<https://…>` stand inside a link, which html does not: the inner one leaves only its text.
fn append_link(node: Node<'_>, link: &NodeLink, inside_link: bool, content: &mut Vec<Inline>) {
    match address::of_link(&link.url).filter(|_| !inside_link) {
        Some(url) => content.push(Inline::Link { url, title: title(link), content: nested(node, true) }),
        None => append_inlines(node, inside_link, content),
    }
}

fn append_image(node: Node<'_>, image: &NodeLink, content: &mut Vec<Inline>) {
    let alt = text::of_inlines(&inlines_in(node));
    match address::of_image(&image.url) {
        Some(url) => content.push(Inline::Image { url, alt, title: title(image) }),
        None => append_text(&alt, content),
    }
}

fn title(link: &NodeLink) -> Option<String> {
    (!link.title.is_empty()).then(|| printable(&link.title))
}

/// Keeps neighbouring characters in one piece, as a reader sees them.
fn append_text(written: &str, content: &mut Vec<Inline>) {
    let written = printable(written);
    match content.last_mut() {
        Some(Inline::Text { text }) => text.push_str(&written),
        _ if written.is_empty() => {}
        _ => content.push(Inline::Text { text: written }),
    }
}

fn one_line(raw: &str) -> String {
    raw.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without the characters that neither html nor XML 1.0 may carry, however they were written (`&#1;` is one, too).
fn printable(written: &str) -> String {
    let unprintable = |character: char| match character {
        '\t' | '\n' => false,
        '\u{fffe}' | '\u{ffff}' => true,
        other => other.is_control(),
    };
    written.replace(unprintable, "")
}
