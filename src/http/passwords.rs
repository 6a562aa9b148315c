//! Comparing and hashing passwords: off the worker's thread, a few at once, and slower for who guesses.

use super::problem::Problem;
use super::remote;
use super::site::{Site, Worker};
use crate::auth::password;
use crate::domain::audit::{Account, Means};
use crate::store;
use crate::store::users::UserRow;
use actix_web::HttpRequest;
use std::net::IpAddr;

/// Somebody who says to know the password of an account.
pub struct Guess<'a> {
    /// Its e-mail address; there may be no such account.
    account: &'a str,
    address: IpAddr,
}

impl<'a> Guess<'a> {
    pub fn of(account: &'a str, request: &HttpRequest, site: &Worker) -> Self {
        Self { account, address: remote::address(request, site) }
    }

    /// Compares when the turn has come (`hashing.rs`). Those who have guessed wrong too often of late are refused unheard: at once, and once
    /// more when their turn has come, as they may have guessed many times at once. A wrong one counts; a right one forgives nothing yet, as
    /// there may be a second factor.
    pub async fn verified(&self, site: &Worker, password: String, hash: Option<String>) -> Result<bool, Problem> {
        let (desk, account, address, now) = (site.desk.clone(), self.account.to_owned(), self.address, site.now());
        desk.attempts.check(&account, address, now)?;
        let work = move || -> Result<bool, Problem> {
            desk.attempts.check(&account, address, now)?;
            let is_right = match hash {
                Some(hash) => password::verify(&password, &hash),
                None => {
                    password::verify_nobody(&password);
                    false
                }
            };
            if !is_right {
                desk.attempts.failed(&account, address, now);
            }
            Ok(is_right)
        };
        site.desk.hashing.run(work).await?
    }

    /// Counts that they have not shown who they are.
    pub fn failed(&self, site: &Worker) {
        site.desk.attempts.failed(self.account, self.address, site.now());
    }

    /// Forgives them what they have guessed: they have shown who they are.
    pub fn succeeded(&self, site: &Worker) {
        site.desk.attempts.succeeded(self.account, self.address);
    }
}

/// Hashes a new password when the turn has come.
pub async fn hashed(site: &Worker, password: password::Password) -> Result<String, Problem> {
    let hashed = site.desk.hashing.run(move || password::hash(&password)).await?;
    hashed.map_err(|error| Problem::internal(&error.to_string()))
}

/// Writes down that somebody has not shown who they are. An address that nobody has is not kept: it may be a password in the wrong field.
pub async fn note_refusal(site: &Site, account: Option<UserRow>, reason: &'static str) -> Result<(), Problem> {
    let noted = site.write(move |write| -> Result<_, store::Error> {
        if let Some(account) = &account {
            write.acts(Account::from(account), Means::Password);
        }
        write.note_refusal(reason, account.as_ref().map(|account| ("user", account.id.as_str())));
        Ok(())
    });
    Ok(noted.await?)
}
