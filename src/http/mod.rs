//! The route page: every address of the server on one screen. One line is both dispatch and document.

mod allowances;
mod answer;
mod api_keys;
mod article_input;
mod article_query;
mod articles;
mod attempts;
mod audit;
mod authors;
mod batch;
mod cache;
mod callers;
mod clock;
mod coding;
mod comments;
pub mod contract;
mod corrections;
mod differences;
mod docs;
mod dues;
mod edges;
mod exposition;
mod faces;
mod finished;
mod front;
mod guard;
mod hashing;
mod health;
mod input;
mod invitations;
mod listing;
mod live;
mod locks;
mod mails;
mod metrics;
mod neighbours;
mod note;
mod oidc;
mod once;
mod openapi;
mod page;
mod passwords;
mod precondition;
mod previews;
mod problem;
mod process;
mod provider;
mod remote;
mod representation;
mod revisions;
mod routes;
mod samples;
mod schedules;
mod search;
mod search_query;
mod second_factor;
mod server;
mod sign_in;
pub mod signing;
mod site;
mod suggest;
mod surrogate;
mod tags;
mod trash;
mod typesetting;
mod unread;
mod users;
mod watch;
mod workflow;

pub use allowances::RateLimit;
pub use api_keys::key_limits;
pub use clock::Clock;
pub use finished::{FORM, finish_anew, publish};
pub use provider::{ClientSettings, ProviderSettings};
pub use remote::is_network;
pub use server::{LAST_REQUESTS, Running, start};
pub use site::HttpSettings;
pub use watch::Watch;

use problem::{Problem, ProblemDetails};
use routes::Routes;

/// Every operation of the contract, then the pages.
fn routes() -> Routes {
    Routes::default()
        .schema::<ProblemDetails>()
        .on(docs::__path_get_index, docs::get_index)
        .on(sign_in::__path_login_session, sign_in::login_session)
        .on(sign_in::__path_refresh_session, sign_in::refresh_session)
        .on(sign_in::__path_logout_session, sign_in::logout_session)
        .on(sign_in::__path_logout_everywhere, sign_in::logout_everywhere)
        .on(sign_in::__path_change_password, sign_in::change_password)
        .on(invitations::__path_accept_invitation, invitations::accept_invitation)
        .on(second_factor::__path_create_totp, second_factor::create_totp)
        .on(second_factor::__path_confirm_totp, second_factor::confirm_totp)
        .on(second_factor::__path_disable_totp, second_factor::disable_totp)
        .on(sign_in::__path_list_sessions, sign_in::list_sessions)
        .on(sign_in::__path_delete_session, sign_in::delete_session)
        .on(sign_in::__path_get_session, sign_in::get_session)
        .on(oidc::__path_create_ticket, oidc::create_ticket)
        .on(oidc::__path_login_identity, oidc::login_identity)
        .on(signing::__path_get_keys, signing::get_keys)
        .on(articles::__path_list_articles, articles::list_articles)
        .on(articles::__path_create_article, articles::create_article)
        .on(batch::__path_batch_articles, batch::batch_articles)
        .on(articles::__path_get_article, articles::get_article)
        .on(articles::__path_update_article, articles::update_article)
        .on(articles::__path_delete_article, articles::delete_article)
        .on(articles::__path_publish_article, articles::publish_article)
        .on(articles::__path_unpublish_article, articles::unpublish_article)
        .on(workflow::__path_discard_article, workflow::discard_article)
        .on(schedules::__path_schedule_article, schedules::schedule_article)
        .on(schedules::__path_unschedule_article, schedules::unschedule_article)
        .on(schedules::__path_list_schedule, schedules::list_schedule)
        .on(workflow::__path_submit_article, workflow::submit_article)
        .on(workflow::__path_return_article, workflow::return_article)
        .on(workflow::__path_archive_article, workflow::archive_article)
        .on(workflow::__path_unarchive_article, workflow::unarchive_article)
        .on(workflow::__path_kill_article, workflow::kill_article)
        .on(workflow::__path_unkill_article, workflow::unkill_article)
        .on(corrections::__path_create_correction, corrections::create_correction)
        .on(corrections::__path_delete_correction, corrections::delete_correction)
        .on(comments::__path_list_comments, comments::list_comments)
        .on(comments::__path_create_comment, comments::create_comment)
        .on(locks::__path_create_lock, locks::create_lock)
        .on(locks::__path_delete_lock, locks::delete_lock)
        .on(previews::__path_list_previews, previews::list_previews)
        .on(previews::__path_create_preview, previews::create_preview)
        .on(previews::__path_delete_preview, previews::delete_preview)
        .on(trash::__path_restore_article, trash::restore_article)
        .on(revisions::__path_list_revisions, revisions::list_revisions)
        .on(revisions::__path_get_revision, revisions::get_revision)
        .on(differences::__path_get_difference, differences::get_difference)
        .on(revisions::__path_restore_revision, revisions::restore_revision)
        .on(trash::__path_list_trash, trash::list_trash)
        .on(trash::__path_purge_article, trash::purge_article)
        .on(neighbours::__path_get_adjacent, neighbours::get_adjacent)
        .on(neighbours::__path_list_related, neighbours::list_related)
        .on(search::__path_search_articles, search::search_articles)
        .on(suggest::__path_suggest_searches, suggest::suggest_searches)
        .on(authors::__path_list_authors, authors::list_authors)
        .on(authors::__path_create_author, authors::create_author)
        .on(authors::__path_get_author, authors::get_author)
        .on(authors::__path_update_author, authors::update_author)
        .on(authors::__path_delete_author, authors::delete_author)
        .on(authors::__path_merge_author, authors::merge_author)
        .on(tags::__path_list_tags, tags::list_tags)
        .on(tags::__path_create_tag, tags::create_tag)
        .on(tags::__path_get_tag, tags::get_tag)
        .on(tags::__path_update_tag, tags::update_tag)
        .on(tags::__path_delete_tag, tags::delete_tag)
        .on(tags::__path_merge_tag, tags::merge_tag)
        .on(users::__path_list_users, users::list_users)
        .on(users::__path_create_user, users::create_user)
        .on(users::__path_get_user, users::get_user)
        .on(users::__path_update_user, users::update_user)
        .on(users::__path_delete_user, users::delete_user)
        .on(api_keys::__path_list_keys, api_keys::list_keys)
        .on(api_keys::__path_create_key, api_keys::create_key)
        .on(api_keys::__path_get_key, api_keys::get_key)
        .on(api_keys::__path_delete_key, api_keys::delete_key)
        .on(second_factor::__path_delete_totp, second_factor::delete_totp)
        .on(invitations::__path_create_reset, invitations::create_reset)
        .on(invitations::__path_list_invitations, invitations::list_invitations)
        .on(invitations::__path_create_invitation, invitations::create_invitation)
        .on(invitations::__path_get_invitation, invitations::get_invitation)
        .on(invitations::__path_delete_invitation, invitations::delete_invitation)
        .on(audit::__path_list_audit, audit::list_audit)
        .page("/openapi.json", docs::get_openapi)
        .page("/docs", docs::redirect_docs)
        .page("/docs/{file:.*}", docs::get_docs)
}

/// The OpenAPI document, pretty-printed as it is kept in `openapi/openapi.json`.
pub fn document() -> String {
    let document = openapi::document(&routes());
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// What unknown addresses get.
async fn nothing_here() -> Result<actix_web::HttpResponse, Problem> {
    Err(Problem::not_found())
}
