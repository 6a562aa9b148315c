//! Lists of working copies: the newsroom's, in any order, narrowed by any filter.

use super::articles::{ArticleRow, WorkingCopy, with_links};
use super::conn::Conn;
use super::error::Error;
use super::page::{Filter, Key, Order, Page, Position, Slice, walk};
use super::schema::{article_authors, article_tags, articles};
use crate::domain::api_key::Limits;
use crate::domain::time::Moment;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable};

diesel::define_sql_function! { fn coalesce(value: Nullable<BigInt>, otherwise: BigInt) -> BigInt; }

/// A page of working copies in an order.
pub fn list(conn: &mut Conn, filter: &Filter, order: Order, descending: bool, slice: &Slice) -> Result<Page<WorkingCopy>, Error> {
    let after = slice.after.as_ref();
    let query = filtered(filter);
    let query = match (order, slice.walks_down(descending)) {
        (Order::Publication, true) => walk!(query, after, coalesce(articles::published_at, 0), articles::id, number, descending),
        (Order::Publication, false) => walk!(query, after, coalesce(articles::published_at, 0), articles::id, number, ascending),
        (Order::Update, true) => walk!(query, after, articles::updated_at, articles::id, number, descending),
        (Order::Update, false) => walk!(query, after, articles::updated_at, articles::id, number, ascending),
        (Order::Creation, true) => walk!(query, after, articles::created_at, articles::id, number, descending),
        (Order::Creation, false) => walk!(query, after, articles::created_at, articles::id, number, ascending),
        (Order::Title, true) => walk!(query, after, articles::title, articles::id, text, descending),
        (Order::Title, false) => walk!(query, after, articles::title, articles::id, text, ascending),
    };
    let rows: Vec<ArticleRow> = query.limit(slice.rows()).select(ArticleRow::as_select()).load(conn)?;
    let total = if slice.count { Some(filtered(filter).count().get_result(conn)?) } else { None };
    let copies = with_links(conn, rows)?;
    Ok(slice.page(copies, total))
}

/// Where a working copy stands in an order.
pub fn position(copy: &WorkingCopy, order: Order) -> Result<Position, Error> {
    let key = match order {
        Order::Publication => Key::Number(copy.row.published_at.unwrap_or(0)),
        Order::Update => Key::Number(copy.row.updated_at),
        Order::Creation => Key::Number(copy.row.created_at),
        Order::Title => Key::Text(copy.row.content()?.title),
    };
    Ok(Position { key, id: copy.row.id.clone() })
}

fn filtered(filter: &Filter) -> articles::BoxedQuery<'static, <Conn as Connection>::Backend> {
    let mut query = articles::table.filter(articles::deleted_at.is_null()).into_boxed();
    if let Some(ids) = filter.ids.clone() {
        query = query.filter(articles::id.eq_any(ids));
    }
    if let Some(ids) = filter.authors.clone() {
        let stories = article_authors::table.filter(article_authors::author_id.eq_any(ids)).select(article_authors::article_id);
        query = query.filter(articles::id.eq_any(stories));
    }
    if let Some(ids) = filter.tags.clone() {
        let stories = article_tags::table.filter(article_tags::tag_id.eq_any(ids)).select(article_tags::article_id);
        query = query.filter(articles::id.eq_any(stories));
    }
    if !filter.without_authors.is_empty() {
        let ids = filter.without_authors.clone();
        let stories = article_authors::table.filter(article_authors::author_id.eq_any(ids)).select(article_authors::article_id);
        query = query.filter(articles::id.ne_all(stories));
    }
    if !filter.without_tags.is_empty() {
        let ids = filter.without_tags.clone();
        let stories = article_tags::table.filter(article_tags::tag_id.eq_any(ids)).select(article_tags::article_id);
        query = query.filter(articles::id.ne_all(stories));
    }
    if let Some(languages) = filter.languages.clone() {
        query = query.filter(articles::language.eq_any(languages));
    }
    if let Some(after) = filter.published_after {
        query = query.filter(articles::published_at.gt(after.milliseconds()));
    }
    if let Some(before) = filter.published_before {
        query = query.filter(articles::published_at.lt(before.milliseconds()));
    }
    if let Some(after) = filter.updated_after {
        query = query.filter(articles::updated_at.gt(after.milliseconds()));
    }
    if let Some(statuses) = &filter.statuses {
        let names: Vec<&'static str> = statuses.iter().map(|status| status.name()).collect();
        query = query.filter(articles::status.eq_any(names));
    }
    if let Some(assignee) = filter.assignee.clone() {
        query = query.filter(articles::assignee_id.eq(assignee));
    }
    if let Some(Limits { tags, authors, languages }) = filter.limits.clone() {
        if !tags.is_empty() {
            let stories = article_tags::table.filter(article_tags::tag_id.eq_any(tags)).select(article_tags::article_id);
            query = query.filter(articles::id.eq_any(stories));
        }
        if !authors.is_empty() {
            let stories = article_authors::table.filter(article_authors::author_id.eq_any(authors)).select(article_authors::article_id);
            query = query.filter(articles::id.eq_any(stories));
        }
        if !languages.is_empty() {
            query = query.filter(articles::language.eq_any(languages));
        }
    }
    if let Some(years) = &filter.years {
        type Predicate = Box<dyn BoxableExpression<articles::table, <Conn as Connection>::Backend, SqlType = Nullable<Bool>>>;
        let in_year = |(start, end): &(Moment, Moment)| -> Predicate {
            Box::new(articles::published_at.ge(start.milliseconds()).and(articles::published_at.lt(end.milliseconds())))
        };
        let any = years.iter().map(in_year).reduce(|one, other| Box::new(one.or(other)));
        query = query
            .filter(any.unwrap_or_else(|| Box::new(articles::published_at.is_null().and(articles::published_at.is_not_null()).nullable())));
    }
    query
}
