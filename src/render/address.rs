//! Decides which addresses of links and images readers may follow.

/// The address of a link as readers get it, or `None` when nobody should follow it.
///
/// Followed are `http` and `https` with a host, `mailto`, and references relative to the reader's page
/// ([RFC 3986 §4.2](https://www.rfc-editor.org/rfc/rfc3986#section-4.2)) that cannot leave its host.
pub(super) fn of_link(written: &str) -> Option<String> {
    match scheme(written)? {
        Scheme::Web | Scheme::Mail | Scheme::Relative => Some(percent_encoded(written)),
    }
}

/// The address of an image as readers get it: as for links, without `mailto`.
pub(super) fn of_image(written: &str) -> Option<String> {
    match scheme(written)? {
        Scheme::Web | Scheme::Relative => Some(percent_encoded(written)),
        Scheme::Mail => None,
    }
}

enum Scheme {
    Web,
    Mail,
    Relative,
}

/// Browsers skip tabs and line ends inside a scheme and read `\` as `/` ([URL standard](https://url.spec.whatwg.org/#concept-basic-url-parser)),
/// so an address with either is not understood at all rather than understood otherwise than a browser does.
fn scheme(written: &str) -> Option<Scheme> {
    let misleading = |character: char| character.is_control() || character == '\\';
    if written.is_empty() || written.starts_with("//") || written.contains(misleading) {
        return None;
    }
    let first_segment = written.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((name, _)) = first_segment.split_once(':') else {
        return Some(Scheme::Relative);
    };
    let rest = &written[name.len() + 1..];
    if name.eq_ignore_ascii_case("mailto") && !rest.is_empty() {
        return Some(Scheme::Mail);
    }
    let host = rest.strip_prefix("//")?;
    let is_web = name.eq_ignore_ascii_case("http") || name.eq_ignore_ascii_case("https");
    (is_web && !host.is_empty() && !host.starts_with(['/', '?', '#'])).then_some(Scheme::Web)
}

/// Encodes what may not stand in a URI (RFC 3986 §2), and the apostrophe, which is safe in every kind of attribute only when encoded.
fn percent_encoded(written: &str) -> String {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let mut encoded = String::with_capacity(written.len());
    for byte in written.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&()*+,;=:@/?#[]%".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(HEX[usize::from(byte >> 4)]);
            encoded.push(HEX[usize::from(byte & 15)]);
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_mail_and_relative_addresses_are_followed() {
        for address in [
            "http://a.example",
            "HTTPS://a.example/b?c=d#e",
            "mailto:desk@a.example",
            "/x",
            "x",
            "x/y:z",
            "./x",
            "../x",
            "#f",
            "?q",
            "?q=a:b",
        ] {
            assert_eq!(of_link(address).as_deref(), Some(address));
        }
    }

    #[test]
    fn every_other_address_is_dropped() {
        for address in [
            "",
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            " javascript:alert(1)",
            " java\tscript:alert(1)",
            "java\nscript:alert(1)",
            "\u{1}javascript:alert(1)",
            "\u{a0}javascript:alert(1)",
            "java\u{ad}script:alert(1)",
            "data:text/html,x",
            "data:image/png;base64,x",
            "vbscript:x",
            "file:///etc/passwd",
            "ftp://a.example",
            "blob:https://a.example/x",
            "view-source:https://a.example",
            "//evil.example",
            "\\\\evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "http:evil.example",
            "https:/evil.example",
            "https://",
            "https:///evil.example",
            "x:y",
            ":",
            "mailto:",
            "a.example:80",
            "/x\u{7f}",
            "/x\u{85}",
        ] {
            assert_eq!(of_link(address), None, "{address:?}");
            assert_eq!(of_image(address), None, "{address:?}");
        }
    }

    #[test]
    fn an_image_cannot_be_mailed() {
        assert_eq!(of_image("mailto:desk@a.example"), None);
        assert_eq!(of_image("/media/1.jpg").as_deref(), Some("/media/1.jpg"));
    }

    #[test]
    fn characters_that_no_address_has_are_encoded() {
        assert_eq!(of_link("/a b\"<>'é%20").as_deref(), Some("/a%20b%22%3C%3E%27%C3%A9%20"));
    }
}
