//! Slugs: the readable last part of an address, `[a-z0-9-]`.

use super::breach::Breach;
use super::id;

/// The longest slug there is, in bytes; a numbered one (`-2`) fits in as well.
pub const LONGEST: usize = 120;

/// A slug made from a title or a name: transliterated to ASCII, cut at a word near 80 characters.
/// `fallback` is used where nothing is left.
pub fn from_words(words: &str, fallback: &str) -> String {
    let whole = slug::slugify(words);
    let mut made = whole.as_str();
    if made.len() > 80 {
        let cut = made.get(..80).unwrap_or(made);
        made = cut.rfind('-').map_or(cut, |at| &cut[..at]);
    }
    if made.is_empty() || id::looks_like_one(made) { fallback.to_owned() } else { made.to_owned() }
}

/// The `n`th try of a made slug: the slug itself, then `-2`, `-3`, …
pub fn numbered(base: &str, n: usize) -> String {
    if n <= 1 { base.to_owned() } else { format!("{base}-{n}") }
}

/// What a slug chosen by the caller may break beside its pattern, which the contract keeps.
pub fn check(slug: &str, pointer: &str) -> Option<Breach> {
    id::looks_like_one(slug)
        .then(|| Breach::member(pointer, "ambiguous_slug", "A slug must not look like an id; choose one with words in it."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_made_of_ascii_words() {
        assert_eq!(
            from_words("U.S. and Guatemala Address Migration and Drug Trafficking", "story"),
            "u-s-and-guatemala-address-migration-and-drug-trafficking"
        );
        assert_eq!(from_words("Policía detiene a “El Güero” en Ñuñoa", "story"), "policia-detiene-a-el-guero-en-nunoa");
        assert_eq!(from_words("東京", "story"), "dong-jing");
        assert_eq!(from_words("!!!", "story"), "story");
        assert_eq!(from_words(&"long words ".repeat(40), "story"), ["long-words"; 7].join("-"));
        assert_eq!(numbered("story", 1), "story");
        assert_eq!(numbered("story", 3), "story-3");
    }

    #[test]
    fn a_slug_that_looks_like_an_id_is_refused() {
        assert!(check("01890a5d-ac96-774b-bcce-b302099a8057", "/slug").is_some());
        assert!(check("migration", "/slug").is_none());
        assert_eq!(from_words("01890a5d-ac96-774b-bcce-b302099a8057", "story"), "story");
    }
}
