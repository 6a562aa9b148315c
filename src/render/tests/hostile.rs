//! Sentences on what no source may cost or do, however it was made.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn a_source_within_the_bounds_is_rendered_and_one_beyond_is_refused() {
    assert_eq!(rendered(&"a\n\n".repeat(MOST_BLOCKS)).blocks.len(), MOST_BLOCKS);
    assert_eq!(markdown(&"a\n\n".repeat(MOST_BLOCKS + 1)), Err(Refusal::TooManyBlocks { limit: MOST_BLOCKS }));
    assert_eq!(markdown(&"*a* ".repeat(MOST_PIECES)), Err(Refusal::TooManyPieces { limit: MOST_PIECES }));
    assert!(markdown(&format!("{}a", ">".repeat(DEEPEST_BLOCKS - 1))).is_ok());
    assert_eq!(markdown(&format!("{}a", ">".repeat(DEEPEST_BLOCKS))), Err(Refusal::TooDeep { limit: DEEPEST_BLOCKS }));
    let emphasis = |levels: usize| format!("{}a{}", "*".repeat(2 * levels), "*".repeat(2 * levels));
    assert!(markdown(&emphasis(DEEPEST_INLINES - 1)).is_ok());
    assert_eq!(markdown(&emphasis(DEEPEST_INLINES)), Err(Refusal::TooDeep { limit: DEEPEST_INLINES }));
}

#[test]
fn the_deepest_blocks_can_be_read_back() {
    let lists = "- ".repeat(DEEPEST_BLOCKS / 2 - 1);
    let stars = "*".repeat(2 * (DEEPEST_INLINES - 1));
    for start in [lists, ">".repeat(DEEPEST_BLOCKS - 1)] {
        let deepest = rendered(&format!("{start}{stars}a{stars}")).blocks;
        let article = json!({"items": [{"blocks": deepest}]}).to_string();
        let read: serde_json::Value = serde_json::from_str(&article).unwrap();
        let read: Vec<Block> = serde_json::from_value(read["items"][0]["blocks"].clone()).unwrap();
        assert_eq!(read, deepest);
    }
}

/// Generous, for a debug build on a busy machine; what grows quadratically takes minutes.
const PATIENCE: Duration = Duration::from_secs(5);

#[test]
fn no_shape_of_source_costs_more_than_its_length() {
    const LENGTH: usize = 500_000;
    let filled = |unit: &str| unit.repeat(LENGTH / unit.len());
    let half = |unit: &str| unit.repeat(LENGTH / 2 / unit.len());
    let deep_list: String = (0..700).map(|level| format!("{}- a\n", "  ".repeat(level))).collect();
    let all_ticks: String = (1..1000).map(|length| format!("{}a", "`".repeat(length))).collect();
    let notes: String = (0..30_000).map(|label| format!("[^{label}]: x\n\n[^{label}]\n\n")).collect();
    let units = [
        "a",
        "é",
        "漢",
        "a ",
        "\n\n",
        "\r",
        " ",
        "\t",
        ">",
        "> ",
        "- ",
        "1. ",
        "> - ",
        "[",
        "]",
        "[]",
        "![",
        "*",
        "_",
        "*a ",
        "*a_ ",
        "a**b",
        "`",
        "`a``",
        "\\",
        "&",
        "&amp;",
        "&#1;",
        "<",
        "<a ",
        "<!--",
        "<?",
        "<!A",
        "<![CDATA[",
        "<div>\n\n",
        "|",
        "|a",
        "a\n",
        "a\n\n",
        "- a\n",
        "-\n",
        "# a\n",
        "---\n",
        "a\n=\n",
        "```\n",
        "~~~\n\n",
        "    a\n",
        "[a](",
        "[a](b)",
        "![a](b)",
        "[a](<b",
        "[a][",
        "[a]: /b\n",
        "[a]: <b\n",
        "[^1]",
        "[^1]:",
        "[^1]: a\n",
        "<http://a>",
        "\0",
        "\u{301}",
        "a\u{301}",
        "a'",
        "a:",
        "1,",
        "\u{1f1e6}",
        "\u{1f469}\u{200d}",
        "\u{200d}",
        "\"",
        "\u{1}",
    ];
    let built = [
        deep_list,
        all_ticks,
        notes,
        half("*") + "a" + &half("*"),
        half("[") + "a" + &half("](b)"),
        half("![") + "a" + &half("](b)"),
        half(">") + "a\n" + &half("\n"),
        half("|a") + "\n" + &half("|-"),
        "|a".repeat(1000) + "\n" + &"|-".repeat(1000) + "\n" + &filled("|\n"),
        "|a|\n|-|\n".to_owned() + &filled("|a|\n"),
        "[^1]: x\n\n".to_owned() + &filled("[^1] "),
        "a'".to_owned() + &filled("\u{301}"),
        "<!--".to_owned() + &filled("\n"),
        "```\n".to_owned() + &filled("\"\n"),
        format!("[a]: {}\n\n", "/b".repeat(50_000)) + &half("[a] "),
    ];
    for source in units.into_iter().map(filled).chain(built) {
        let start = Instant::now();
        let outcome = markdown(&source);
        let elapsed = start.elapsed();
        let shape: String = source.chars().take(24).collect();
        println!("{:>7.1} ms  {shape:?} {:?}", elapsed.as_secs_f64() * 1000.0, outcome.map(|form| form.html.len()));
        assert!(elapsed < PATIENCE, "{shape:?} took {elapsed:?}");
    }
}

/// Reads html as a browser does and looks at every tag: only known names, well nested, only known attributes, no foreign address.
pub(super) fn assert_harmless(html: &str) {
    const TAGS: &str = " p h1 h2 h3 h4 h5 h6 blockquote ul ol li pre code em strong a img br hr table thead tbody tr th td sup section ";
    const ATTRIBUTES: &str = " href src alt title class id align start aria-label data-footnotes data-footnote-ref data-footnote-backref ";
    let mut open = Vec::new();
    for after in html.split('<').skip(1) {
        let tag = after.trim_start_matches('/');
        let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).collect();
        assert!(!name.is_empty() && TAGS.contains(&format!(" {name} ")), "<{name} in {html}");
        let (tag, _) = tag.split_once('>').unwrap_or_else(|| panic!("a tag never ends in {html}"));
        if after.starts_with('/') {
            assert_eq!(open.pop().as_ref(), Some(&name), "</{name}> in {html}");
        } else if !tag.ends_with(" /") {
            assert!(name != "a" || !open.contains(&name), "a link inside a link in {html}");
            open.push(name.clone());
        }
        let mut quoted = tag[name.len()..].split('"');
        while let (Some(key), Some(value)) = (quoted.next(), quoted.next()) {
            let key = key.trim().trim_end_matches('=');
            assert!(ATTRIBUTES.contains(&format!(" {key} ")), "{key} in {html}");
            if key == "href" || key == "src" {
                let scheme =
                    value.split(['/', '?', '#']).next().and_then(|first| first.split_once(':')).map(|(scheme, _)| scheme.to_lowercase());
                assert!(matches!(scheme.as_deref(), None | Some("http" | "https" | "mailto")), "{value} in {html}");
                assert!(!value.starts_with("//") && !value.contains('\\'), "{value} in {html}");
            }
        }
    }
    assert!(open.is_empty(), "{open:?} never end in {html}");
}

/// Pieces that mean something to Markdown, html or browsers, in any order.
fn hostile_markdown() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "<script>",
        "</script>",
        "<img src=x onerror=alert(1)>",
        "<svg/onload=x>",
        "javascript:alert(1)",
        "java\tscript:",
        "data:text/html,",
        "//evil",
        "\\",
        "\"",
        "'",
        " onclick=x ",
        "[",
        "]",
        "](",
        ")",
        "![",
        "<",
        ">",
        "*",
        "**",
        "_",
        "`",
        "```",
        "~~~",
        "|",
        "|-|",
        "\n",
        "\n\n",
        "\n> ",
        "\n- ",
        "\n1. ",
        "\n    ",
        "[^1]",
        "\n[^1]: ",
        "[a]: ",
        "&#106;",
        "&colon;",
        "&quot;",
        "&lt;",
        "\0",
        "\r",
        "https://a.example",
        "mailto:",
        "/",
        "#",
        "---",
        "=",
        "a",
        "é",
        "漢",
        "\u{202e}",
    ]);
    prop::collection::vec(prop_oneof![4 => pieces.prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)], 0..60)
        .prop_map(|all| all.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_source_panics_or_harms_a_reader(source in hostile_markdown()) {
        if let Ok(form) = markdown(&source) {
            assert_harmless(&form.html);
            let json = serde_json::to_string(&form.blocks).unwrap();
            prop_assert_eq!(serde_json::from_str::<Vec<Block>>(&json).unwrap(), form.blocks);
        }
    }
}
