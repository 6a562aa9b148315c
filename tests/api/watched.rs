//! What those see who watch a server, at an address of their own.

use crate::newsroom::Newsroom;
use serde_json::Value;
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// The address for those who watch a server.
pub struct Watched {
    url: String,
    agent: ureq::Agent,
    stop: Option<actix_web::dev::ServerHandle>,
}

impl Watched {
    pub fn of(newsroom: &Newsroom) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let watch = newsroom.watch.clone();
        let (ready, started) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = watch.listen(listener).unwrap();
                ready.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        });
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(30)));
        Self { url, agent: config.build().into(), stop: Some(started.recv().unwrap()) }
    }

    /// Status, media type and body.
    pub fn get(&self, path: &str) -> (u16, String, String) {
        let mut answer = self.agent.get(format!("{}{path}", self.url)).call().unwrap();
        let kind = answer.headers().get("content-type").map_or("", |kind| kind.to_str().unwrap()).to_owned();
        (answer.status().as_u16(), kind, answer.body_mut().read_to_string().unwrap())
    }

    pub fn ready(&self) -> (u16, Value) {
        let (status, kind, body) = self.get("/readyz");
        assert_eq!(kind, "application/json");
        (status, serde_json::from_str(&body).unwrap())
    }

    /// The value of a sample, named with its labels; 0 where there is none.
    pub fn sample(&self, name: &str) -> f64 {
        let (_, _, page) = self.get("/metrics");
        let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().unwrap())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        drop(self.stop.take().map(|stop| stop.stop(false)));
    }
}

/// Asks until the answer is the one that is waited for, or half a minute is over.
#[track_caller]
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}
