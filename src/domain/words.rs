//! Words as search knows them: where they are in a text, and the folded form in which they are compared.
//!
//! Folding forgets case, diacritics and compatibility forms (NFKD without its marks, lower case), so that `policia` is `Policía`. It is done
//! here and not by the databases, which would each do it in their own way; so both hold the same words.

use unicode_normalization::UnicodeNormalization;

/// The longest word, in characters; what is longer is known by its beginning.
pub const LONGEST: usize = 40;

/// A word in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub folded: String,
    /// Where it begins, in bytes.
    pub start: usize,
    /// Where it ends, in bytes.
    pub end: usize,
}

/// The words of a text in their order: letters and digits that stand together. Scripts that are written without spaces have a word in each
/// character, and are found as phrases.
pub fn words(text: &str) -> Words<'_> {
    Words { text, at: 0 }
}

/// The folded words of a text.
pub fn folded(text: &str) -> Vec<String> {
    words(text).map(|word| word.folded).collect()
}

/// See [`words`].
#[derive(Clone, Debug)]
pub struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Words<'_> {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        loop {
            let (start, end) = span(self.text, self.at)?;
            self.at = end;
            let folded = fold(&self.text[start..end]);
            if !folded.is_empty() {
                return Some(Word { folded, start, end });
            }
        }
    }
}

/// Where the next run of letters and digits begins and ends.
fn span(text: &str, from: usize) -> Option<(usize, usize)> {
    let mut start = None;
    for (offset, c) in text[from..].char_indices() {
        let at = from + offset;
        if !is_part(c) {
            if let Some(start) = start {
                return Some((start, at));
            }
        } else if stands_alone(c) {
            return match start {
                Some(start) => Some((start, at)),
                None => Some((at, with_marks(text, at + c.len_utf8()))),
            };
        } else if start.is_none() {
            start = Some(at);
        }
    }
    start.map(|start| (start, text.len()))
}

/// The end of the marks that follow: they belong to the character before them.
fn with_marks(text: &str, from: usize) -> usize {
    text[from..].char_indices().find(|(_, c)| !is_mark(*c)).map_or(text.len(), |(offset, _)| from + offset)
}

fn is_part(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphanumeric() } else { c.is_alphanumeric() || is_mark(c) }
}

fn is_mark(c: char) -> bool {
    !c.is_ascii() && unicode_normalization::char::is_combining_mark(c)
}

/// Characters of scripts that put no spaces between words: Han, kana, Thai, Lao, Myanmar, Khmer.
const fn stands_alone(c: char) -> bool {
    matches!(c,
        '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
        && !matches!(c, '\u{0E31}' | '\u{0E34}'..='\u{0E3A}' | '\u{0E47}'..='\u{0E4E}')
}

/// A word as it is compared.
fn fold(word: &str) -> String {
    if word.is_ascii() {
        return word[..word.len().min(LONGEST)].to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(word.len());
    let decomposed = word.chars().flat_map(|c| {
        // Syllables of Hangul stay whole: their parts are no marks.
        let whole = ('\u{AC00}'..='\u{D7A3}').contains(&c).then_some(c);
        let parts = whole.is_none().then(|| std::iter::once(c).nfkd());
        whole.into_iter().chain(parts.into_iter().flatten())
    });
    let letters = decomposed.filter(|c| is_part(*c) && !is_diacritic(*c)).flat_map(char::to_lowercase).filter(|c| !is_diacritic(*c));
    for letter in letters.take(LONGEST) {
        match letter {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ħ' => folded.push('h'),
            'ı' => folded.push('i'),
            'ς' => folded.push('σ'),
            other => folded.push(other),
        }
    }
    folded
}

/// Marks that change how a letter sounds and not which one it is: of Latin, Greek and Cyrillic, and the points of Hebrew and Arabic. The vowel
/// signs of Indic scripts are letters in all but name, and stay.
const fn is_diacritic(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036F}' | '\u{0483}'..='\u{0487}' | '\u{0591}'..='\u{05C7}' | '\u{064B}'..='\u{065F}' | '\u{0670}'
        | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}' | '\u{FE00}'..='\u{FE0F}' | '\u{FE20}'..='\u{FE2F}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_and_diacritics_do_not_matter() {
        for (one, other) in [
            ("Policía", "policia"),
            ("STRASSE", "Straße"),
            ("Łódź", "lodz"),
            ("İstanbul", "istanbul"),
            ("ı", "I"),
            ("Ærø", "aero"),
            ("ﬁnal", "final"),
            ("Ｆｕｌｌ", "full"),
            ("Ёлка", "елка"),
            ("Αθήνα", "αθηνα"),
            ("ΟΔΟΣ", "οδος"),
            ("e\u{301}te\u{301}", "été"),
            ("مُحَمَّد", "محمد"),
        ] {
            assert_eq!(folded(one), folded(other), "{one} {other}");
            assert_eq!(folded(one).len(), 1, "{one}");
        }
    }

    #[test]
    fn words_are_letters_and_digits_that_stand_together() {
        assert_eq!(
            folded("State-of-the-art: l'homme, 3.5 % & O’Brien's C++"),
            ["state", "of", "the", "art", "l", "homme", "3", "5", "o", "brien", "s", "c"]
        );
        assert_eq!(folded(" -- \u{301} 🚲 …"), Vec::<String>::new());
    }

    #[test]
    fn scripts_without_spaces_have_a_word_in_each_character() {
        assert_eq!(folded("東京で会う"), ["東", "京", "て\u{3099}", "会", "う"]);
        assert_eq!(folded("GPU東京"), ["gpu", "東", "京"]);
        assert_eq!(folded("서울 시청"), ["서울", "시청"]);
    }

    proptest! {
        #[test]
        fn a_word_is_where_it_says_and_folds_to_itself(text in "[\\PC]{0,60}") {
            let mut before = 0;
            for word in words(&text) {
                prop_assert!(before <= word.start && word.start < word.end && word.end <= text.len());
                before = word.end;
                prop_assert!(text.is_char_boundary(word.start) && text.is_char_boundary(word.end));
                prop_assert_eq!(fold(&text[word.start..word.end]), word.folded.clone());
                prop_assert!(!word.folded.contains(|c: char| c.is_whitespace() || (c.is_ascii() && !c.is_ascii_alphanumeric())), "{}", word.folded);
            }
        }
    }
}
