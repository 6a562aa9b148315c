//! The names that shared caches purge an answer by, in a header that every proxy has room for.

/// So many of one kind are named each. Three kinds are 2 KB then; nginx, if nobody tells it otherwise, refuses a head of more than 4 KB.
const MOST: usize = 15;

/// The value of `Surrogate-Key`. Of a kind with too many names the kind alone: a write purges `tag-<id>` and `tags`, so nothing is missed.
pub fn surrogate_key<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut kinds: Vec<(&str, Vec<&str>)> = Vec::new();
    for name in names {
        let kind = kind(name);
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, names)) => names.push(name),
            None => kinds.push((kind, vec![name])),
        }
    }
    kinds.sort_unstable_by_key(|(kind, _)| *kind);
    let mut told = String::with_capacity(2048);
    for (kind, mut names) in kinds {
        // A list of many is not worth sorting to see that it is long.
        if names.len() <= 2 * MOST {
            names.sort_unstable();
            names.dedup();
        }
        if names.iter().filter(|name| is_thing(name)).count() > MOST {
            add(&mut told, kind, "s");
        } else {
            names.iter().for_each(|name| add(&mut told, name, ""));
        }
    }
    told
}

/// `tag` of `tag-<id>` and of `tags`.
fn kind(name: &str) -> &str {
    name.split_once('-').map_or_else(|| name.strip_suffix('s').unwrap_or(name), |(kind, _)| kind)
}

fn is_thing(name: &str) -> bool {
    name.contains('-')
}

fn add(told: &mut String, name: &str, ending: &str) {
    if !told.is_empty() {
        told.push(' ');
    }
    told.push_str(name);
    told.push_str(ending);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_names_are_all_told_and_once() {
        assert_eq!(surrogate_key(["articles", "tag-2", "article-1", "tag-2", "author-3"]), "article-1 articles author-3 tag-2");
        assert_eq!(surrogate_key(["index"]), "index");
        assert_eq!(surrogate_key([]), "");
    }

    #[test]
    fn of_a_kind_with_many_names_the_kind_is_told() {
        let tags: Vec<String> = (0..100).map(|number| format!("tag-{number}")).collect();
        let names = tags.iter().map(String::as_str);
        assert_eq!(surrogate_key(names.clone().take(15).chain(["article-1"])).split(' ').count(), 16);
        assert_eq!(surrogate_key(names.clone().take(16).chain(["article-1"])), "article-1 tags");
        assert_eq!(surrogate_key(names.chain(["articles"])), "articles tags");
    }
}
