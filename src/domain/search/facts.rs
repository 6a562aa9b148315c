//! What search keeps of a story to rank it by: each word, how often it stands in the body, and whether title, lead or headings have it.

use super::super::words::words;
use std::collections::{BTreeMap, BTreeSet};

/// The words of one story are kept until they take so many bytes; what a longer one has after that is not found.
const MOST_BYTES: usize = 256 * 1024;

/// A story as search reads it.
#[derive(Clone, Debug, Default)]
pub struct Story {
    pub title: String,
    /// What stands between the title and the body.
    pub lead: Vec<String>,
    pub headings: Vec<String>,
    /// The body as text, and what is beside it: a dateline, a caption.
    pub body: Vec<String>,
}

/// Where a story has a word, and how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fact {
    pub in_title: bool,
    pub in_lead: bool,
    pub in_headings: bool,
    /// 31 stands for more, too.
    pub in_body: u8,
}

impl Fact {
    const MOST: u8 = 31;

    fn byte(self) -> u8 {
        u8::from(self.in_title) << 7 | u8::from(self.in_lead) << 6 | u8::from(self.in_headings) << 5 | self.in_body.min(Self::MOST)
    }

    const fn of(byte: u8) -> Self {
        Self { in_title: byte & 0x80 != 0, in_lead: byte & 0x40 != 0, in_headings: byte & 0x20 != 0, in_body: byte & Self::MOST }
    }
}

/// What there is to know of the words of a story.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Every word, in order.
    pub words: BTreeMap<String, Fact>,
    /// Those of the title, in order.
    pub title: BTreeSet<String>,
    /// How many words the body has.
    pub length: usize,
}

impl Story {
    /// Takes the headings out of Markdown: lines that begin with up to six `#`.
    pub fn headings_of(markdown: &str) -> Vec<String> {
        let heading = |line: &str| {
            let text = line.trim_start_matches('#');
            let level = line.len() - text.len();
            ((1..=6).contains(&level) && text.starts_with(' ')).then(|| text.trim().to_owned())
        };
        markdown.lines().filter_map(heading).collect()
    }

    /// Counts its words.
    pub fn known(&self) -> Known {
        let mut known = Known::default();
        let mut bytes = 0;
        let mut note = |text: &str, known: &mut Known, change: fn(&mut Fact)| {
            let mut count = 0;
            for word in words(text) {
                count += 1;
                if let Some(fact) = known.words.get_mut(&word.folded) {
                    change(fact);
                } else if bytes < MOST_BYTES {
                    bytes += word.folded.len();
                    let mut fact = Fact::default();
                    change(&mut fact);
                    known.words.insert(word.folded, fact);
                }
            }
            count
        };
        note(&self.title, &mut known, |fact| fact.in_title = true);
        self.lead.iter().for_each(|text| _ = note(text, &mut known, |fact| fact.in_lead = true));
        self.headings.iter().for_each(|text| _ = note(text, &mut known, |fact| fact.in_headings = true));
        for text in &self.body {
            known.length += note(text, &mut known, |fact| fact.in_body = (fact.in_body + 1).min(Fact::MOST));
        }
        known.title = known.words.iter().filter(|(_, fact)| fact.in_title).map(|(word, _)| word.clone()).collect();
        known
    }
}

impl Known {
    /// In few bytes: the length, then four bytes a word, three that tell it from others and one with its fact, in order.
    pub fn packed(&self) -> Vec<u8> {
        let mut entries: Vec<[u8; 4]> = self.words.iter().map(|(word, fact)| entry(word, fact.byte())).collect();
        entries.sort_unstable();
        let mut packed = u16::try_from(self.length).unwrap_or(u16::MAX).to_be_bytes().to_vec();
        packed.extend(entries.into_iter().flatten());
        packed
    }
}

/// What was packed, to be asked.
#[derive(Clone, Copy, Debug)]
pub struct Packed<'a> {
    /// How many words the body has.
    pub length: u16,
    entries: &'a [[u8; 4]],
}

impl<'a> Packed<'a> {
    /// Reads it; bytes that are none of ours hold nothing.
    pub fn of(packed: &'a [u8]) -> Self {
        match packed.split_first_chunk::<2>() {
            Some((length, entries)) => Self { length: u16::from_be_bytes(*length), entries: entries.as_chunks().0 },
            None => Self { length: 0, entries: &[] },
        }
    }

    /// What is known of a word. One in a hundred thousand is taken for another, which moves a story by a place at the most: whether it matches
    /// is not asked here.
    pub fn fact(self, word: &str) -> Option<Fact> {
        let [a, b, c, _] = entry(word, 0);
        let at = self.entries.partition_point(|known| known[..3] < [a, b, c][..]);
        self.entries.get(at).filter(|known| known[..3] == [a, b, c]).map(|known| Fact::of(known[3]))
    }
}

/// FNV-1a, folded to three bytes, and a fact.
fn entry(word: &str, fact: u8) -> [u8; 4] {
    let hash = word.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let [a, b, c, d] = hash.to_be_bytes();
    [a ^ d, b, c, fact]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story() -> Story {
        Story {
            title: "Night Buses Return".into(),
            lead: vec!["After a year, buses are back.".into()],
            headings: Story::headings_of("intro\n\n## What it costs\n####### no\n#no\n"),
            body: vec!["Buses and buses. It costs little.".into()],
        }
    }

    #[test]
    fn each_word_knows_where_it_stands_and_how_often() {
        let packed = story().known().packed();
        let facts = Packed::of(&packed);
        assert_eq!(facts.length, 6);
        assert_eq!(facts.fact("buses"), Some(Fact { in_title: true, in_lead: true, in_headings: false, in_body: 2 }));
        assert_eq!(facts.fact("costs"), Some(Fact { in_title: false, in_lead: false, in_headings: true, in_body: 1 }));
        assert_eq!(facts.fact("trams"), None);
        assert_eq!(packed.len(), 2 + 4 * story().known().words.len());
    }

    #[test]
    fn bytes_that_are_none_of_ours_hold_nothing() {
        for bytes in [&[][..], &[1], &[1, 2, 3]] {
            assert_eq!(Packed::of(bytes).fact("a"), None);
        }
    }

    #[test]
    fn a_story_without_end_is_known_by_its_beginning() {
        let body: Vec<String> = (0..100_000).map(|number| format!("word{number}")).collect();
        let known = Story { body: vec![body.join(" ")], ..Story::default() }.known();
        assert!((20_000..40_000).contains(&known.words.len()), "{}", known.words.len());
        assert_eq!(known.length, 100_000);
    }
}
