//! What a list costs: how many statements, and which way the database takes.

use crate::newsroom::{Newsroom, Person};
use crate::statements;
use copydesk::domain::id;
use copydesk::domain::time::Moment;
use copydesk::domain::user::Role;
use copydesk::store::live::{Bodies, LiveFilter, Named, Steps, Walk};
use copydesk::store::page::{Key, Order, Position};
use copydesk::store::statement::{Statement, plan};
use serde_json::json;

/// Stories by three authors under five tags, some of each.
fn archive(newsroom: &Newsroom, stories: usize) -> Person {
    let editor = newsroom.person(Role::Editor);
    for n in 0..3 {
        newsroom.post(&editor, "/v1/authors", &json!({ "name": format!("Author {n}") })).expect(201);
    }
    for n in 0..5 {
        newsroom.post(&editor, "/v1/tags", &json!({ "name": format!("Tag {n}") })).expect(201);
    }
    for n in 0..stories {
        newsroom.pass(6_000);
        let authors = [format!("author-{}", n % 3), format!("author-{}", (n + 1) % 3)];
        let tags: Vec<String> = (0..=n % 4).map(|tag| format!("tag-{}", (n + tag) % 5)).collect();
        newsroom.publish(&editor, &json!({ "title": format!("Story {n}"), "authors": authors, "tags": tags }));
    }
    editor
}

#[test]
fn a_list_of_a_hundred_takes_at_most_four_statements_and_one_when_authors_and_tags_are_known() {
    statements::count();
    let newsroom = Newsroom::open_with(|settings| settings.cache_bytes = 0);
    archive(&newsroom, 105);
    // The first node is down when it is counted: two on one database look now and then for what the other has done.
    let newsroom = newsroom.restarted_after(0);
    let forget = || {
        newsroom.forget();
        // When the next schedule is due is asked once, by whoever comes first.
        newsroom.get("/v1/articles/no-such-story").expect(404);
    };
    forget();
    let statements = |query: &str| {
        let before = statements::counted(&newsroom.database_url());
        let list = newsroom.get(&format!("/v1/articles?limit=100{query}")).expect(200);
        assert!(!list.items().is_empty());
        statements::counted(&newsroom.database_url()) - before
    };
    let first = statements("");
    assert!((2..=4).contains(&first), "{first} statements with nothing in memory");
    for query in ["&tag=tag-1", "&author=author-1", "&formats=html,blocks", "&sort=title"] {
        forget();
        let cold = statements(query);
        assert!(cold <= 4, "{cold} statements for {query} with nothing in memory");
    }
    for query in
        ["&tag=tag-1", "&tag=tag-1,tag-2", "&tag=tag-1&author=author-0,author-1&year=2025", "&formats=html,blocks", "&exclude_tag=tag-1"]
    {
        statements(query);
        let warm = statements(query);
        assert!((1..=2).contains(&warm), "{warm} statements for {query}");
    }
}

fn named(names: &[&str]) -> Option<Vec<Named>> {
    Some(names.iter().map(|name| Named { id: (*name).to_owned(), live_count: 10 }).collect())
}

/// Every filter alone, and pairs of them, with the orders that the contract allows for it.
fn filters() -> Vec<(&'static str, LiveFilter, Vec<Order>)> {
    let all = vec![Order::Publication, Order::Update, Order::Title];
    let at = Some(Moment::from_milliseconds(1_750_000_000_000));
    let plain = LiveFilter::default;
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let mut filters = vec![
        ("nothing", plain(), all.clone()),
        ("ids", LiveFilter { ids: Some(texts(&["a", "b"])), ..plain() }, all.clone()),
        ("an author", LiveFilter { authors: named(&["a"]), ..plain() }, all.clone()),
        ("authors", LiveFilter { authors: named(&["a", "b"]), ..plain() }, all.clone()),
        ("a tag", LiveFilter { tags: named(&["a"]), ..plain() }, all.clone()),
        ("tags", LiveFilter { tags: named(&["a", "b", "c"]), ..plain() }, all.clone()),
        ("without an author", LiveFilter { without_authors: texts(&["a"]), ..plain() }, all.clone()),
        ("without tags", LiveFilter { without_tags: texts(&["a", "b"]), ..plain() }, all.clone()),
        ("a language", LiveFilter { languages: Some(texts(&["en"])), ..plain() }, all.clone()),
        ("languages", LiveFilter { languages: Some(texts(&["en", "es"])), ..plain() }, all.clone()),
        ("a year", LiveFilter { years: Some(vec![2025]), ..plain() }, all.clone()),
        ("years", LiveFilter { years: Some(vec![2024, 2025]), ..plain() }, all),
        ("published after", LiveFilter { published_after: at, ..plain() }, vec![Order::Publication]),
        ("published before", LiveFilter { published_before: at, ..plain() }, vec![Order::Publication]),
        ("published between", LiveFilter { published_after: at, published_before: at, ..plain() }, vec![Order::Publication]),
        ("updated after", LiveFilter { updated_after: at, ..plain() }, vec![Order::Update]),
    ];
    let narrowed = |(_, filter, orders): &(&'static str, LiveFilter, Vec<Order>)| {
        let with_author = LiveFilter { authors: named(&["x"]), ..filter.clone() };
        let with_tag = LiveFilter { tags: named(&["x"]), ..filter.clone() };
        [("an author and another filter", with_author, orders.clone()), ("a tag and another filter", with_tag, orders.clone())]
    };
    let pairs: Vec<_> = filters.iter().filter(|(name, ..)| *name != "ids").flat_map(narrowed).collect();
    filters.extend(pairs);
    filters
}

/// The index that a walk along this filter holds on to; nothing for ids, which are looked up.
fn index(filter: &LiveFilter, order: Order) -> Option<String> {
    let order = match order {
        Order::Publication | Order::Creation => "publication",
        Order::Update => "update",
        Order::Title => "title",
    };
    if filter.ids.is_some() {
        return None;
    }
    let length = |named: &Option<Vec<Named>>| named.as_ref().map_or(usize::MAX, Vec::len);
    let authors_are_fewer = length(&filter.authors) <= length(&filter.tags);
    Some(match filter {
        LiveFilter { authors: Some(_), tags: Some(_), .. } if order == "publication" => "published_article_pairs_by_publication".into(),
        LiveFilter { authors: Some(_), .. } if authors_are_fewer => format!("published_article_authors_by_{order}"),
        LiveFilter { tags: Some(_), .. } => format!("published_article_tags_by_{order}"),
        LiveFilter { years: Some(_), .. } => format!("published_articles_by_year_and_{order}"),
        LiveFilter { languages: Some(_), .. } => format!("published_articles_by_language_and_{order}"),
        _ => format!("published_articles_by_{order}"),
    })
}

/// Lines of a plan that read a whole table or sort one. What `UNION ALL` puts together is read whole: it is a page a path at most.
fn faults(plan: &[String]) -> Vec<&String> {
    let is_fault = |line: &&String| {
        let line = line.trim().trim_start_matches("-> ").trim();
        let scans = line.starts_with("SCAN ") && !line.contains(" INDEX ") && line != "SCAN walked" && !line.starts_with("SCAN (");
        scans || line.contains("TEMP B-TREE") || line.starts_with("Seq Scan") || line.contains("Sort")
    };
    plan.iter().filter(is_fault).collect()
}

#[test]
fn every_filter_in_every_order_walks_an_index() {
    let newsroom = Newsroom::open();
    archive(&newsroom, 12);
    let mut conn = newsroom.conn();
    let mut looked_at = 0;
    for (name, filter, orders) in filters() {
        for order in orders {
            for (descending, goes_on) in [(true, false), (true, true), (false, false), (false, true)] {
                let key = if order == Order::Title { Key::Text("Story 5".into()) } else { Key::Number(1_750_000_000_000) };
                let after = Position { key, id: id::new(newsroom.now()) };
                let walk = Walk { filter: &filter, order, descending, after: goes_on.then_some(&after), rows: 21 };
                for bodies in [Bodies::NONE, Bodies { html: true, ..Bodies::NONE }] {
                    let (Steps::Rows(statement) | Steps::Keys(statement) | Steps::Ids(statement)) = walk.steps(bodies) else {
                        panic!("{name} asks nothing");
                    };
                    let plan = plan(&mut conn, statement).unwrap();
                    let faults = faults(&plan);
                    assert!(faults.is_empty(), "{name} by {order:?}: {faults:?} in {plan:#?}");
                    let index = index(&filter, order);
                    assert!(
                        index
                            .as_ref()
                            .is_none_or(|index| plan.iter().any(|line| line.contains(&format!("{index} ")) || line.ends_with(index))),
                        "{name} by {order:?} does not walk {index:?}: {plan:#?}"
                    );
                    looked_at += 1;
                }
            }
        }
    }
    assert!(looked_at > 300, "{looked_at}");
}

#[test]
fn a_plan_that_reads_or_sorts_a_table_would_be_noticed() {
    let newsroom = Newsroom::open();
    let mut conn = newsroom.conn();
    for words in ["SELECT slug FROM published_articles ORDER BY summary LIMIT 1", "SELECT slug FROM published_articles WHERE summary = 'x'"]
    {
        let mut statement = Statement::default();
        statement.words(words);
        let plan = plan(&mut conn, statement).unwrap();
        assert!(!faults(&plan).is_empty(), "{plan:#?}");
    }
}
