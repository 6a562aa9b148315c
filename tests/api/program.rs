//! The program as an operator runs it: the built binary, in a temporary folder, with nothing of this machine's environment.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use ureq::http::{Request, Response};

/// What a command that has ended leaves behind.
#[derive(Debug)]
pub struct Outcome {
    pub success: bool,
    pub out: String,
    pub err: String,
}

/// A folder to run commands in.
pub struct Folder(tempfile::TempDir);

/// A server that is answering; it ends with the test.
pub struct Server {
    child: Child,
    /// `http://127.0.0.1:<port>`
    pub url: String,
    /// All that it said on standard output before it answered.
    pub said: String,
    log: PathBuf,
}

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_copydesk"));
        command.args(arguments).current_dir(self.path()).env_clear().envs(settings.iter().copied());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(arguments, &[], "")
    }

    /// Runs a command to its end, with settings in its environment and text on its standard input.
    pub fn run_with(&self, arguments: &[&str], settings: &[(&str, &str)], input: &str) -> Outcome {
        let mut command = self.command(arguments, settings);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that does not read its input has closed the pipe, which is no failure.
        let _unread = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Outcome { success: output.status.success(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Starts a command that serves, on a free port, and waits until it answers.
    pub fn serve(&self, arguments: &[&str]) -> Server {
        self.serve_with(arguments, &[])
    }

    /// Starts a command that serves, with settings in its environment. What it prints and logs goes to files.
    pub fn serve_with(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Server {
        let mut command = self.command(arguments, &[("COPYDESK_LISTEN", "127.0.0.1:0"), ("COPYDESK_WORKERS", "1")]);
        let file = |name: &str| std::fs::File::create(self.path().join(name)).unwrap();
        command.envs(settings.iter().copied()).stdin(Stdio::null()).stdout(file("said")).stderr(file("log"));
        let mut child = command.spawn().unwrap();
        let log = self.path().join("log");
        let deadline = Instant::now() + Duration::from_secs(60);
        let url = loop {
            let lines = std::fs::read_to_string(&log).unwrap();
            if let Some((_, address)) = lines.split_once("listens on http://")
                && let Some(end) = address.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':')
            {
                break format!("http://{}", &address[..end]);
            }
            assert!(child.try_wait().unwrap().is_none() && Instant::now() < deadline, "{arguments:?} did not answer: {lines}");
            std::thread::yield_now();
        };
        let said = std::fs::read_to_string(self.path().join("said")).unwrap();
        Server { child, url, said, log }
    }
}

impl Server {
    /// Asks it to end, as service managers do; whether it ended well, and all that it logged.
    pub fn terminate(mut self) -> (bool, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let ended = self.child.wait().unwrap();
        (ended.success(), std::fs::read_to_string(&self.log).unwrap())
    }

    /// Sends a request and answers status and body.
    pub fn send(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, String) {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url)).header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(30)));
        let agent: ureq::Agent = config.build().into();
        let mut response: Response<ureq::Body> = agent.run(request.body(body.to_owned()).unwrap()).unwrap();
        (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
    }

    /// A stranger's read of what is there.
    #[track_caller]
    pub fn get(&self, path: &str) -> serde_json::Value {
        let (status, body) = self.send("GET", path, None, "");
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Signs in; the status, and the token if there is one.
    pub fn sign_in(&self, email: &str, password: &str) -> (u16, Option<String>) {
        let credentials = serde_json::json!({ "email": email, "password": password }).to_string();
        let (status, body) = self.send("POST", "/v1/auth/login", None, &credentials);
        let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
        (status, answer["access_token"].as_str().map(str::to_owned))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone afterwards.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// The word that follows a text.
#[track_caller]
pub fn word_after(text: &str, before: &str) -> String {
    let (_, after) = text.split_once(before).unwrap_or_else(|| panic!("{before:?} is missing in {text}"));
    after.split_whitespace().next().unwrap_or_default().to_owned()
}
