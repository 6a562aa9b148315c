//! What somebody may have meant: words that differ by a slip of the fingers.

/// How much of a word's ends a slip leaves alone: one that is in the first half leaves the last letters, and the other way round.
pub fn ends(word: &str) -> Option<(String, String)> {
    let letters: Vec<char> = word.chars().collect();
    let half = (letters.len().saturating_sub(1) / 2).min(4);
    (half > 0 && letters.len() >= 4).then(|| (letters[..half].iter().collect(), letters[letters.len() - half..].iter().rev().collect()))
}

/// How many slips lie between two words: a letter too many, too few, another, or two in the wrong order (the restricted Damerau distance).
/// `None` if there are more than may be: one in a short word, two in a long one.
pub fn slips(one: &str, other: &str) -> Option<usize> {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let most = if one.len() >= 8 { 2 } else { 1 };
    if one.len().abs_diff(other.len()) > most {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut line = vec![row + 1];
        for (column, wanted) in other.iter().enumerate() {
            let mut least = (last[column] + usize::from(letter != wanted)).min(last[column + 1] + 1).min(line[column] + 1);
            if row > 0 && column > 0 && *letter == other[column - 1] && one[row - 1] == *wanted {
                least = least.min(before[column - 1] + 1);
            }
            line.push(least);
        }
        before = std::mem::replace(&mut last, line);
    }
    last.last().copied().filter(|distance| (1..=most).contains(distance))
}

/// Whether a word is worth a suggestion: not too short, not too long, and not a number.
pub fn is_speakable(word: &str) -> bool {
    (3..=30).contains(&word.chars().count()) && word.chars().all(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_slip_is_a_letter_too_many_too_few_another_or_two_in_the_wrong_order() {
        for other in ["polcia", "policiaa", "pqlicia", "oplicia", "policai"] {
            assert_eq!(slips("policia", other), Some(1), "{other}");
        }
        assert_eq!(slips("policia", "policia"), None);
        assert_eq!(slips("bus", "tram"), None);
        assert_eq!(slips("guatemala", "guatmaal"), Some(2));
        assert_eq!(slips("guate", "gaeut"), None);
    }

    proptest! {
        #[test]
        fn one_slip_leaves_one_end_of_a_word(word in "[a-z]{4,12}", at in 0_usize..12, letter in "[a-z]", kind in 0..4) {
            let mut letters: Vec<char> = word.chars().collect();
            let at = at % (letters.len() - 1);
            match kind {
                0 => letters.insert(at, letter.chars().next().unwrap()),
                1 => _ = letters.remove(at),
                2 => letters[at] = letter.chars().next().unwrap(),
                _ => letters.swap(at, at + 1),
            }
            let slipped: String = letters.into_iter().collect();
            if let Some((begins, ends)) = ends(&slipped) {
                let backwards: String = word.chars().rev().collect();
                prop_assert!(word.starts_with(&begins) || backwards.starts_with(&ends), "{} {}", word, slipped);
            }
        }
    }
}
