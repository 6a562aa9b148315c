//! What changed between two texts, word by word.

use imara_diff::{Algorithm, Diff, InternedInput};
use serde::Serialize;
use unicode_segmentation::UnicodeSegmentation;
use utoipa::ToSchema;

/// What became of a piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Equal,
    Insert,
    Delete,
}

/// A piece of text and what became of it. All that is not `insert` is the old text, all that is not `delete` the new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Wording {
    pub op: Change,
    #[schema(example = "Night")]
    pub text: String,
}

/// The most pairs of words and lines that one comparison may have to look at: what cannot be told within that is told as a whole.
const MOST_PAIRS: usize = 1_000_000_000;

/// The words that went and came (UAX #29), in the order of the texts. Long texts that differ in many places are compared by lines first.
pub fn compare(before: &str, after: &str) -> Vec<Wording> {
    let mut found = Pieces::default();
    let mut pairs = MOST_PAIRS;
    tell(&mut found, Unit::Words, (before, after), &mut pairs);
    found.finish()
}

/// What is compared as one.
#[derive(Clone, Copy)]
enum Unit {
    Words,
    /// Of texts that have too many words.
    Lines,
    /// Of lines that differ.
    WordsOfLines,
}

impl Unit {
    fn split(self, text: &str) -> Vec<&str> {
        match self {
            Self::Words | Self::WordsOfLines => text.split_word_bounds().collect(),
            Self::Lines => text.split_inclusive('\n').collect(),
        }
    }
}

fn tell(found: &mut Pieces, unit: Unit, (before, after): (&str, &str), pairs: &mut usize) {
    let [old, new] = [before, after].map(|text| unit.split(text));
    let start = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let end = old[start..].iter().rev().zip(new[start..].iter().rev()).take_while(|(old, new)| old == new).count();
    let (went, came) = (&old[start..old.len() - end], &new[start..new.len() - end]);
    found.keep(&old[..start]);
    let cost = (went.len() + came.len()).saturating_pow(2);
    if went.is_empty() || came.is_empty() {
        found.replace(went, came);
    } else if cost <= *pairs {
        *pairs -= cost;
        tell_closely(found, unit, (went, came), pairs);
    } else if matches!(unit, Unit::Words) {
        tell(found, Unit::Lines, (&went.concat(), &came.concat()), pairs);
    } else {
        found.replace(went, came);
    }
    found.keep(&old[old.len() - end..]);
}

fn tell_closely(found: &mut Pieces, unit: Unit, (old, new): (&[&str], &[&str]), pairs: &mut usize) {
    let mut input = InternedInput::default();
    input.update_before(old.iter().copied());
    input.update_after(new.iter().copied());
    let mut at = 0;
    for hunk in Diff::compute(Algorithm::Myers, &input).hunks() {
        let range = |range: std::ops::Range<u32>| range.start as usize..range.end as usize;
        let (went, came) = (range(hunk.before), range(hunk.after));
        found.keep(&old[at..went.start]);
        at = went.end;
        match unit {
            Unit::Lines => tell(found, Unit::WordsOfLines, (&old[went].concat(), &new[came].concat()), pairs),
            Unit::Words | Unit::WordsOfLines => found.replace(&old[went], &new[came]),
        }
    }
    found.keep(&old[at..]);
}

/// Pieces in the making. What went and came side by side is gathered, white space between such places with them: a changed phrase reads
/// better than changed words.
#[derive(Default)]
struct Pieces {
    done: Vec<Wording>,
    went: String,
    came: String,
    /// White space that stayed, but may yet turn out to stand between two changes.
    space: String,
}

impl Pieces {
    fn keep(&mut self, words: &[&str]) {
        let text = words.concat();
        if text.is_empty() {
            return;
        }
        let has_changes = !self.went.is_empty() || !self.came.is_empty();
        if has_changes && text.chars().all(char::is_whitespace) {
            self.space.push_str(&text);
        } else {
            self.settle();
            self.push(Change::Equal, text);
        }
    }

    fn replace(&mut self, old: &[&str], new: &[&str]) {
        let space = std::mem::take(&mut self.space);
        for (side, words) in [(&mut self.went, old), (&mut self.came, new)] {
            side.push_str(&space);
            words.iter().for_each(|word| side.push_str(word));
        }
    }

    fn settle(&mut self) {
        let (went, came, space) = (std::mem::take(&mut self.went), std::mem::take(&mut self.came), std::mem::take(&mut self.space));
        self.push(Change::Delete, went);
        self.push(Change::Insert, came);
        self.push(Change::Equal, space);
    }

    fn push(&mut self, op: Change, text: String) {
        match self.done.last_mut() {
            _ if text.is_empty() => {}
            Some(last) if last.op == op => last.text.push_str(&text),
            _ => self.done.push(Wording { op, text }),
        }
    }

    fn finish(mut self) -> Vec<Wording> {
        self.settle();
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(before: &str, after: &str) -> String {
        let mark = |piece: Wording| match piece.op {
            Change::Equal => piece.text,
            Change::Insert => format!("[+{}]", piece.text),
            Change::Delete => format!("[-{}]", piece.text),
        };
        compare(before, after).into_iter().map(mark).collect()
    }

    #[test]
    fn words_that_went_and_came_are_told() {
        assert_eq!(shown("Night buses return.", "Night buses return."), "Night buses return.");
        assert_eq!(shown("", "Night"), "[+Night]");
        assert_eq!(shown("Night", ""), "[-Night]");
        assert_eq!(shown("Night buses return.", "Night trains return soon."), "Night [-buses][+trains] return[+ soon].");
        assert_eq!(shown("the quick brown fox", "the slow red fox"), "the [-quick brown][+slow red] fox");
        assert_eq!(shown("El alcalde no habló.", "El alcalde habló."), "El alcalde [-no ]habló.");
        assert_eq!(shown("東京都の夜", "東京都の朝"), "東京都の[-夜][+朝]");
    }

    /// Texts of a megabyte, and how many pieces their comparison has: what is too much for words is told by lines, and what is too much for lines whole.
    #[test]
    fn long_texts_are_compared_roughly_where_closely_would_cost_too_much() {
        let text = |stem: &str, between: &str| (0..150_000).map(|word| format!("{stem}{}{between}", word % 9_973)).collect::<String>();
        let (before, lines) = (text("a", " "), text("a", "\n"));
        assert_eq!(compare(&before, &text("b", " ")).len(), 3);
        assert_eq!(compare(&lines, &text("b", "\n")).len(), 3);
        let edited = before.replacen("a77 ", "b77 ", 1);
        assert_eq!(compare(&before, &edited).len(), 4);
        let paragraphs = before.replace("0 ", "0\n");
        let edited = paragraphs.replace("a77 ", "b77 ");
        assert_eq!(compare(&paragraphs, &edited).len(), 3 * before.matches("a77 ").count() + 1);
    }

    proptest! {
        #[test]
        fn both_texts_can_be_read_from_the_pieces(before in "[a-cé\u{301} \n.]{0,60}", after in "[a-cé\u{301} \n.]{0,60}") {
            let pieces = compare(&before, &after);
            let without = |op: Change| pieces.iter().filter(|piece| piece.op != op).map(|piece| piece.text.as_str()).collect::<String>();
            prop_assert_eq!(without(Change::Insert), before);
            prop_assert_eq!(without(Change::Delete), after);
            prop_assert!(pieces.iter().all(|piece| !piece.text.is_empty()));
            prop_assert!(pieces.windows(2).all(|pair| pair[0].op != pair[1].op));
        }
    }
}
