//! One function for each kind of value: text in, meaning or one sentence out.

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::str::FromStr;

use tracing_subscriber::EnvFilter;

use super::KEYS;
use super::backups::{BackupTo, Hidden, S3};
use super::error::ConfigError;
use crate::domain::gate::Rule;
use crate::domain::user::Role;
use crate::mail::{BadMailSetting, Mailer};
use crate::outbound::is_allowed;
use ipnet::IpNet;

const PREFIX: &str = "COPYDESK_";

pub(super) fn listen(key: &'static str, value: &str) -> Result<SocketAddr, ConfigError> {
    value.parse().map_err(|_| ConfigError::wrong(key, value, "an IP address and a port, as in 127.0.0.1:8080 or [::]:8080"))
}

/// Where the process is watched, if nobody says otherwise.
pub(super) const ADMIN_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8081);

pub(super) fn admin_listen(key: &'static str, value: Option<&str>) -> Result<Option<SocketAddr>, ConfigError> {
    match value {
        None => Ok(Some(ADMIN_LISTEN)),
        Some("off") => Ok(None),
        Some(value) => {
            let allowed = "an IP address and a port, as in 127.0.0.1:8081, or off";
            value.parse().map(Some).map_err(|_| ConfigError::wrong(key, value, allowed))
        }
    }
}

/// Where a collector listens: host and port, as its paths are fixed.
pub(super) fn otlp_url(key: &'static str, value: String) -> Result<String, ConfigError> {
    match http_url(&value) {
        Some((_, "")) => Ok(value),
        _ => Err(ConfigError::wrong(
            key,
            &value,
            "an http or https URL with host and port and nothing after them, as in http://127.0.0.1:4318",
        )),
    }
}

pub(super) fn number<N>(key: &'static str, value: Option<String>, default: N, allowed: RangeInclusive<N>) -> Result<N, ConfigError>
where
    N: FromStr + PartialOrd + std::fmt::Display,
{
    let Some(value) = value else { return Ok(default) };
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    match value.parse() {
        Ok(number) if digits && allowed.contains(&number) => Ok(number),
        _ => Err(ConfigError::wrong(key, &value, format!("a whole number from {} to {}", allowed.start(), allowed.end()))),
    }
}

/// A number that sets a bound; without it there is none.
pub(super) fn bound(key: &'static str, value: Option<String>, allowed: RangeInclusive<u32>) -> Result<Option<u32>, ConfigError> {
    value.map(|value| number(key, Some(value), 0, allowed)).transpose()
}

/// One of a few words; the first is the default.
pub(super) fn one_of<T: Copy>(key: &'static str, value: Option<String>, words: &[(&str, T); 2]) -> Result<T, ConfigError> {
    let [first, second] = words;
    match value {
        None => Ok(first.1),
        Some(value) if value == first.0 => Ok(first.1),
        Some(value) if value == second.0 => Ok(second.1),
        Some(value) => Err(ConfigError::wrong(key, &value, format!("{} or {}", first.0, second.0))),
    }
}

pub(super) fn public_url(key: &'static str, value: String) -> Result<String, ConfigError> {
    match http_url(&value) {
        Some((_, rest)) if !rest.ends_with('/') && !rest.contains(['?', '#', '{', '}']) => Ok(value),
        _ => Err(ConfigError::wrong(
            key,
            &value,
            "an http or https URL without query, fragment or a slash at the end, as in https://api.example.org",
        )),
    }
}

pub(super) fn article_url(key: &'static str, value: String) -> Result<String, ConfigError> {
    match http_url(&value) {
        Some((_, rest)) if rest.matches("{slug}").count() == 1 && rest.matches(['{', '}']).count() == 2 => Ok(value),
        _ => Err(ConfigError::wrong(
            key,
            &value,
            "an http or https URL with {slug} once after the host, as in https://example.org/news/{slug}",
        )),
    }
}

pub(super) fn invite_url(key: &'static str, value: String) -> Result<String, ConfigError> {
    match http_url(&value) {
        Some((_, rest)) if rest.matches("{token}").count() == 1 && rest.matches(['{', '}']).count() == 2 => Ok(value),
        _ => Err(ConfigError::wrong(
            key,
            &value,
            "an http or https URL with {token} once after the host, as in https://desk.example.org/welcome#{token}",
        )),
    }
}

/// The way to a mail server, if there is one. Its address may hold a password: it is not shown.
pub(super) fn mailer(url: Option<&str>, from: Option<&str>) -> Result<Option<Mailer>, ConfigError> {
    match (url, from) {
        (None, None) => Ok(None),
        (Some(url), Some(from)) => Mailer::new(url, from).map(Some).map_err(|bad| match bad {
            BadMailSetting::Url => ConfigError::SmtpUrl(bad),
            BadMailSetting::From => {
                ConfigError::wrong("COPYDESK_MAIL_FROM", from, "an address, as in desk@example.org or Desk <desk@example.org>")
            }
        }),
        _ => Err(ConfigError::HalfOfMail),
    }
}

/// Roles by name.
pub(super) fn roles(key: &'static str, list: &str) -> Result<Vec<Role>, ConfigError> {
    let allowed = || format!("one or more of {}, with commas between", Role::ALL.map(Role::name).join(", "));
    let role = |name: &str| Role::named(name).ok_or_else(|| ConfigError::wrong(key, name, allowed()));
    list.split(',').map(str::trim).map(role).collect()
}

/// Exact origins as browsers send them (RFC 6454 §6.2): lower-case, no path, no default port.
pub(super) fn origins(key: &'static str, list: &str) -> Result<Vec<String>, ConfigError> {
    let mut origins = Vec::new();
    for origin in list.split(',').map(str::trim) {
        let browsers_send_it = http_url(origin).is_some_and(|(authority, rest)| {
            let default_port = if origin.starts_with("https:") { ":443" } else { ":80" };
            rest.is_empty() && !authority.ends_with(default_port) && !authority.contains(|c: char| c.is_ascii_uppercase())
        });
        if !browsers_send_it {
            let allowed = "origins as browsers send them, lower-case scheme://host[:port] with commas between, never * or null";
            return Err(ConfigError::wrong(key, origin, allowed));
        }
        if !origins.iter().any(|known| known == origin) {
            origins.push(origin.to_owned());
        }
    }
    Ok(origins)
}

/// Addresses (`127.0.0.1`) and networks (`10.0.0.0/8`).
pub(super) fn networks(key: &'static str, list: &str) -> Result<Vec<IpNet>, ConfigError> {
    let network = |text: &str| text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let wrong = |text: &str| ConfigError::wrong(key, text, "addresses or networks with commas between, as in 127.0.0.1,10.0.0.0/8");
    list.split(',').map(str::trim).map(|text| network(text).map_err(|_| wrong(text))).collect()
}

/// The names of rules, in the order in which their breaches are told.
pub(super) fn gate(key: &'static str, list: &str) -> Result<Vec<Rule>, ConfigError> {
    let mut rules = Vec::new();
    for name in list.split(',').map(str::trim) {
        let allowed = || format!("one or more of {}, with commas between", Rule::ALL.map(Rule::name).join(", "));
        let rule = Rule::named(name).ok_or_else(|| ConfigError::wrong(key, name, allowed()))?;
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    Ok(rules)
}

/// A folder, or a bucket where there are keys for one.
pub(super) fn backup_to(key: &'static str, value: &str, has_keys: bool) -> Result<BackupTo, ConfigError> {
    match BackupTo::parse(value) {
        Some(BackupTo::Bucket { .. }) if !has_keys => {
            let allowed = "a folder while COPYDESK_S3_ACCESS_KEY and COPYDESK_S3_SECRET_KEY are not set";
            Err(ConfigError::wrong(key, value, allowed))
        }
        Some(place) => Ok(place),
        None => Err(ConfigError::wrong(key, value, "a folder, or a bucket as in s3://bucket/prefix")),
    }
}

/// An S3-compatible store, if there are both keys for one.
pub(super) fn s3(
    endpoint: Option<String>,
    region: Option<String>,
    access_key: Option<String>,
    secret_key: Option<String>,
) -> Result<Option<S3>, ConfigError> {
    const ENDPOINT: &str = "COPYDESK_S3_ENDPOINT";
    let region = region.unwrap_or_else(|| "us-east-1".to_owned());
    if !is_host_name(&region) || region.contains('.') {
        return Err(ConfigError::wrong("COPYDESK_S3_REGION", &region, "the name of a region, as in eu-central-1"));
    }
    let endpoint = endpoint.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
    if http_url(&endpoint).is_none_or(|(_, rest)| !rest.is_empty()) || !is_allowed(&endpoint) {
        let allowed = "an https URL without a path, or http of this machine, as in http://127.0.0.1:9000";
        return Err(ConfigError::wrong(ENDPOINT, &endpoint, allowed));
    }
    if let Some(key) = &access_key
        && !key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/')
    {
        return Err(ConfigError::wrong("COPYDESK_S3_ACCESS_KEY", key, "an access key, without spaces and slashes"));
    }
    Ok(match (access_key, secret_key) {
        (Some(access_key), Some(secret_key)) => Some(S3 { endpoint, region, access_key, secret_key: Hidden::new(secret_key) }),
        _ => None,
    })
}

pub(super) fn log_filter(key: &'static str, value: String) -> Result<String, ConfigError> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    // The filter takes a lone word that is no level for the name of a part: a misspelt level would silence everything else.
    let lone_words_are_levels = value.split(',').filter(|part| !part.contains(['=', '['])).all(|part| LEVELS.contains(&part));
    if lone_words_are_levels && EnvFilter::builder().parse(&value).is_ok() {
        return Ok(value);
    }
    Err(ConfigError::wrong(key, &value, "off, error, warn, info, debug or trace, also by part, as in info,copydesk::store=debug"))
}

/// A variable that begins like ours and is none of ours is a misspelling, and the setting that was meant would keep its default.
pub(super) fn refuse_misspelt(key: &str, value: &OsStr) -> Result<(), ConfigError> {
    let upper = key.to_ascii_uppercase();
    let ours = upper.starts_with(PREFIX) || upper == "DATABASE_URL";
    if !ours || is_set_by_kubernetes(key, value) {
        return Ok(());
    }
    let without_prefix = |key: &str| key.strip_prefix(PREFIX).unwrap_or(key).to_owned();
    let meant = without_prefix(&upper);
    let nearest = KEYS.iter().copied().min_by_key(|known| edits(&meant, &without_prefix(known))).unwrap_or(PREFIX);
    Err(ConfigError::Unknown { key: key.chars().take(100).flat_map(char::escape_debug).collect(), nearest })
}

/// Beside a service named `copydesk`, Kubernetes sets `COPYDESK_SERVICE_HOST`, `COPYDESK_PORT=tcp://…`, `COPYDESK_PORT_8080_TCP_ADDR`
/// and the like in every pod of the namespace.
fn is_set_by_kubernetes(key: &str, value: &OsStr) -> bool {
    let linked = value.to_str().is_some_and(|value| ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme)));
    match key.strip_prefix(PREFIX) {
        Some("SERVICE_HOST" | "SERVICE_PORT") => true,
        Some("PORT") => linked,
        Some(rest) if rest.starts_with("SERVICE_PORT_") => true,
        Some(rest) => rest.strip_prefix("PORT_").is_some_and(|port| port.starts_with(|c: char| c.is_ascii_digit())),
        None => false,
    }
}

/// How many characters to add, drop or change to make one word of the other (Levenshtein).
fn edits(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, from) in left.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, to) in right.bytes().enumerate() {
            let changed = diagonal + usize::from(from != to);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

/// Splits `http(s)://authority` from the rest; `None` for anything else, also for credentials and characters no URL has (RFC 3986).
fn http_url(text: &str) -> Option<(&str, &str)> {
    let after = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let (authority, rest) = after.split_at(after.find(['/', '?', '#']).unwrap_or(after.len()));
    let printable = rest.bytes().all(|byte| byte.is_ascii_graphic() && !br#""<>\^`|"#.contains(&byte));
    (printable && is_authority(authority)).then_some((authority, rest))
}

fn is_authority(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => (address.parse::<Ipv6Addr>().is_ok(), port),
        None => {
            let (name, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            (is_host_name(name), port)
        }
    };
    host && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

fn is_host_name(name: &str) -> bool {
    !name.is_empty()
        && name.split('.').all(|label| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)))
}

fn is_port(port: &str) -> bool {
    !port.starts_with(['0', '+']) && port.parse::<u16>().is_ok()
}

/// Reads the whole file before anything of it is taken.
pub(super) fn check_env_file(text: &str) -> Result<(), ConfigError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.contains('\0') {
        return Err(ConfigError::EnvFileUnreadable("it is not a text file".to_owned()));
    }
    dotenvy::from_read_iter(text.as_bytes()).try_for_each(|line| line.map(drop).map_err(|error| env_file_error(text, &error)))
}

/// Names the line by its number: what stands in it may be a secret.
pub(super) fn env_file_error(text: &str, error: &dotenvy::Error) -> ConfigError {
    match error {
        dotenvy::Error::LineParse(wrong, _) => {
            let first = wrong.lines().next().unwrap_or_default();
            ConfigError::EnvFileLine {
                line: text.lines().position(|line| line.trim_end() == first.trim_end()).map_or(1, |index| index + 1),
            }
        }
        dotenvy::Error::Io(error) => ConfigError::EnvFileUnreadable(error.to_string()),
        _ => ConfigError::EnvFileUnreadable("a name or value in it cannot be set".to_owned()),
    }
}
