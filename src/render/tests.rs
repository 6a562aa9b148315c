//! Sentences on what readers get.

use serde_json::json;
use utoipa::OpenApi;

use super::*;

mod hostile;

fn rendered(source: &str) -> Rendered {
    markdown(source).unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn html(source: &str) -> String {
    rendered(source).html
}

fn blocks(source: &str) -> serde_json::Value {
    serde_json::to_value(rendered(source).blocks).unwrap()
}

/// Every form of a source in one string, to look for what none may contain.
fn all_forms(source: &str) -> String {
    let Rendered { html, text, blocks, .. } = rendered(source);
    format!("{html}\n{text}\n{}", serde_json::to_string(&blocks).unwrap())
}

#[test]
fn the_seed_story_comes_out_whole() {
    let source = include_str!("seed-story.md");
    let story = rendered(source);
    assert_eq!(story.text, source.replace("## ", "").trim_end());
    assert_eq!(story.html.matches("<h2>").count(), 3);
    assert_eq!(story.html.matches("<p>").count(), 8);
    assert_eq!(story.blocks.len(), 11);
    assert_eq!((story.word_count, story.reading_minutes), (389, 2));
    assert_eq!(serde_json::to_value(&story.blocks[1]).unwrap()["content"][0]["text"], "Key Discussions on Crime and Migration");
}

#[test]
fn every_kind_of_block_has_its_shape() {
    let source = "# A *b*\n\n> said\n\n3. one\n4. two\n\n```rust ignore\nlet a = 1;\n```\n\n![alt](/a.jpg \"T\")\n\n---\n\n| l | n |\n|:--|---|\n| 1 | 2 |\n";
    assert_eq!(
        blocks(source),
        json!([
            {"type": "heading", "level": 1, "content": [{"type": "text", "text": "A "}, {"type": "emphasis", "content": [{"type": "text", "text": "b"}]}]},
            {"type": "quote", "blocks": [{"type": "paragraph", "content": [{"type": "text", "text": "said"}]}]},
            {"type": "list", "ordered": true, "start": 3, "tight": true, "items": [
                {"blocks": [{"type": "paragraph", "content": [{"type": "text", "text": "one"}]}]},
                {"blocks": [{"type": "paragraph", "content": [{"type": "text", "text": "two"}]}]},
            ]},
            {"type": "code", "language": "rust", "text": "let a = 1;\n"},
            {"type": "image", "url": "/a.jpg", "alt": "alt", "title": "T"},
            {"type": "rule"},
            {"type": "table", "align": ["left", "none"],
                "header": [[{"type": "text", "text": "l"}], [{"type": "text", "text": "n"}]],
                "rows": [[[{"type": "text", "text": "1"}], [{"type": "text", "text": "2"}]]]},
        ])
    );
    assert_eq!(
        html(source),
        "<h1>A <em>b</em></h1>\n<blockquote>\n<p>said</p>\n</blockquote>\n<ol start=\"3\">\n<li>one</li>\n<li>two</li>\n</ol>\n\
         <pre><code class=\"language-rust\">let a = 1;\n</code></pre>\n<p><img src=\"/a.jpg\" alt=\"alt\" title=\"T\" /></p>\n<hr />\n\
         <table>\n<thead>\n<tr>\n<th align=\"left\">l</th>\n<th>n</th>\n</tr>\n</thead>\n\
         <tbody>\n<tr>\n<td align=\"left\">1</td>\n<td>2</td>\n</tr>\n</tbody>\n</table>\n"
    );
    assert_eq!(rendered(source).text, "A b\n\nsaid\n\n3. one\n4. two\n\nlet a = 1;\n\nalt\n\nl\tn\n1\t2");
}

#[test]
fn every_kind_of_inline_has_its_shape() {
    let source = "a\nb **c** `d` [e](https://x.example \"T\") ![f](g.png) <desk@x.example>\\\nh";
    assert_eq!(
        blocks(source)[0]["content"],
        json!([
            {"type": "text", "text": "a b "},
            {"type": "strong", "content": [{"type": "text", "text": "c"}]},
            {"type": "text", "text": " "},
            {"type": "code", "text": "d"},
            {"type": "text", "text": " "},
            {"type": "link", "url": "https://x.example", "title": "T", "content": [{"type": "text", "text": "e"}]},
            {"type": "text", "text": " "},
            {"type": "image", "url": "g.png", "alt": "f"},
            {"type": "text", "text": " "},
            {"type": "link", "url": "mailto:desk@x.example", "content": [{"type": "text", "text": "desk@x.example"}]},
            {"type": "break"},
            {"type": "text", "text": "h"},
        ])
    );
    assert_eq!(rendered(source).text, "a b c d e f desk@x.example\nh");
}

#[test]
fn lists_keep_their_looseness_and_their_lines() {
    assert_eq!(html("- a\n  - b\n-\n- c"), "<ul>\n<li>a\n<ul>\n<li>b</li>\n</ul>\n</li>\n<li></li>\n<li>c</li>\n</ul>\n");
    assert_eq!(html("- a\n\n- b"), "<ul>\n<li>\n<p>a</p>\n</li>\n<li>\n<p>b</p>\n</li>\n</ul>\n");
    assert_eq!(rendered("- a\n  - b\n-\n- c\n\nend").text, "- a\n- b\n- c\n\nend");
    assert_eq!(rendered("- 1. a\n\n     b").text, "- 1. a\nb");
}

#[test]
fn footnotes_are_numbered_in_order_of_reference_and_lead_back() {
    let source = "a[^z] b[^y] c[^z]\n\n[^y]: Why.\n[^z]: Zed.\n[^unused]: Never shown.\n";
    let footnoted = rendered(source);
    assert_eq!(
        footnoted.html,
        "<p>a<sup class=\"footnote-ref\"><a href=\"#fn-1\" id=\"fnref-1\" data-footnote-ref=\"\">1</a></sup> \
         b<sup class=\"footnote-ref\"><a href=\"#fn-2\" id=\"fnref-2\" data-footnote-ref=\"\">2</a></sup> \
         c<sup class=\"footnote-ref\"><a href=\"#fn-1\" id=\"fnref-1-2\" data-footnote-ref=\"\">1</a></sup></p>\n\
         <section class=\"footnotes\" data-footnotes=\"\">\n<ol>\n\
         <li id=\"fn-1\">\n<p>Zed. <a href=\"#fnref-1\" class=\"footnote-backref\" data-footnote-backref=\"\" aria-label=\"Back to reference 1\">↩</a></p>\n</li>\n\
         <li id=\"fn-2\">\n<p>Why. <a href=\"#fnref-2\" class=\"footnote-backref\" data-footnote-backref=\"\" aria-label=\"Back to reference 2\">↩</a></p>\n</li>\n\
         </ol>\n</section>\n"
    );
    assert_eq!(footnoted.text, "a b c\n\nZed.\n\nWhy.");
    assert_eq!(
        blocks(source)[1],
        json!({"type": "footnote", "label": "z", "blocks": [{"type": "paragraph", "content": [{"type": "text", "text": "Zed."}]}]})
    );
    assert_eq!(blocks(source)[0]["content"][1], json!({"type": "footnote_reference", "label": "z"}));
}

#[test]
fn a_footnote_that_nobody_wrote_stays_as_typed() {
    assert_eq!(rendered("a[^nobody]").text, "a[^nobody]");
    assert_eq!(html("a[^1]\n\n[^1]: b\n\n[^1]: c").matches("<li").count(), 1);
}

#[test]
fn raw_html_is_shown_as_the_text_it_is() {
    let source = "<script>alert(1)</script>\n\na <img src=x onerror=alert(1)> \"><svg onload=alert(1)>\n\n<div\nclass=x>\n*b*\n</div>\n";
    assert_eq!(
        html(source),
        "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n\
         <p>a &lt;img src=x onerror=alert(1)&gt; &quot;&gt;&lt;svg onload=alert(1)&gt;</p>\n\
         <p>&lt;div class=x&gt; *b* &lt;/div&gt;</p>\n"
    );
    assert!(rendered(source).text.starts_with("<script>alert(1)</script>\n\na <img src=x onerror=alert(1)>"));
    assert_eq!(blocks("<b>")[0]["content"], json!([{"type": "text", "text": "<b>"}]));
}

#[test]
fn nothing_typed_leaves_its_attribute() {
    let source = "[a](/x\"onclick=alert(1)) ![\" onerror=\"b](/y \"\\\" onload=\\\"c\")\n\n```\" onclick=\"x\nd\n```\n\nn[^\"onclick]\n\n[^\"onclick]: e";
    hostile::assert_harmless(&html(source));
    assert!(html(source).contains("<code class=\"language-&quot;\">"));
}

#[test]
fn links_that_nobody_should_follow_leave_their_words_in_every_form() {
    for address in [
        "javascript:alert(1)",
        "JAVASCRIPT&#58;alert(1)",
        "javascript&colon;alert(1)",
        "java&Tab;script:alert(1)",
        "java&#x0A;script:alert(1)",
        "&#1;javascript:alert(1)",
        "javascript\\:alert(1)",
        "data:text/html;base64,PHNjcmlwdD4=",
        "vbscript:x",
        "//evil.example",
        "\\\\\\\\evil.example",
        "/\\\\evil.example",
        "&#47;&#47;evil.example",
        "x-unknown:y",
    ] {
        let sources =
            [format!("[*words* here]({address}) ![picture]({address})"), format!("[*words* here][r] ![picture][r]\n\n[r]: {address}")];
        for source in sources {
            assert_eq!(html(&source), "<p><em>words</em> here picture</p>\n", "{source}");
            let everything = all_forms(&source);
            assert!(!everything.contains("evil") && !everything.contains("script") && !everything.contains("\"url\""), "{everything}");
        }
    }
    assert_eq!(html("[a](< java\tscript:alert(1)>)"), "<p>a</p>\n");
    assert_eq!(html("<javascript:alert(1)>"), "<p>javascript:alert(1)</p>\n");
    assert_eq!(html("![](javascript:x)\n\nb"), "<p>b</p>\n");
}

#[test]
fn a_link_never_stands_inside_a_link() {
    assert_eq!(html("[a <https://b.example> c](/d)"), "<p><a href=\"/d\">a https://b.example c</a></p>\n");
    let note = html("[a[^1]](/b)\n\n[^1]: c");
    assert!(note.starts_with("<p><a href=\"/b\">a<sup class=\"footnote-ref\">1</sup></a></p>\n"), "{note}");
    assert!(!note.contains("fnref"), "{note}");
}

#[test]
fn characters_that_feeds_cannot_carry_are_left_out() {
    assert_eq!(rendered("a&#1;\u{7}\u{ffff}b `c\u{8}`").text, "ab c");
    assert_eq!(rendered("a\0b").text, "ab");
}

#[test]
fn words_are_counted_as_readers_count_them() {
    for (source, words) in [
        ("", 0),
        ("---", 0),
        ("don't stop", 2),
        ("foo**bar** baz", 2),
        ("1. one\n2. two\n\n- three", 3),
        ("漢字 かな", 4),
        ("|a|b|\n|-|-|\n|c d|e|", 5),
        ("[a b](javascript:x) ![c d](/e)", 4),
        ("3.14 U.S. e-mail", 4),
    ] {
        assert_eq!(rendered(source).word_count, words, "{source}");
    }
    for (words, minutes) in [(0, 0), (1, 1), (238, 1), (239, 2)] {
        assert_eq!(rendered(&"w ".repeat(words)).reading_minutes, minutes);
    }
}

#[test]
fn the_contract_knows_every_shape() {
    #[derive(OpenApi)]
    #[openapi(components(schemas(Block)))]
    struct Contract;
    let contract = serde_json::to_value(Contract::openapi()).unwrap();
    for name in ["Block", "ListItem", "Inline", "ColumnAlignment"] {
        assert!(contract["components"]["schemas"][name].is_object(), "{name} is missing in {contract}");
    }
    assert_eq!(contract["components"]["schemas"]["ListItem"]["properties"]["blocks"]["items"]["$ref"], "#/components/schemas/Block");
}
