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

/// What a server under test is told, if the test does not say otherwise.
const SERVING: [(&str, &str); 4] = [
    ("COPYDESK_LISTEN", "127.0.0.1:0"),
    ("COPYDESK_ADMIN_LISTEN", "127.0.0.1:0"),
    ("COPYDESK_WORKERS", "1"),
    ("COPYDESK_DRAIN_SECONDS", "0"),
];

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
        let mut command = self.command(arguments, &SERVING);
        let file = |name: &str| std::fs::File::create(self.path().join(name)).unwrap();
        command.envs(settings.iter().copied()).stdin(Stdio::null()).stdout(file("said")).stderr(file("log"));
        self.wait_for(command.spawn().unwrap(), arguments)
    }

    /// The same by way of a shell, which may prepare what the program inherits; `"$0" "$@"` is the program.
    pub fn serve_by_shell(&self, script: &str, settings: &[(&str, &str)], stdin: Stdio) -> Server {
        let mut command = Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_copydesk")]).current_dir(self.path()).env_clear().env("PATH", "/usr/bin:/bin");
        let file = |name: &str| std::fs::File::create(self.path().join(name)).unwrap();
        command.envs(SERVING).envs(settings.iter().copied()).stdin(stdin).stdout(file("said")).stderr(file("log"));
        self.wait_for(command.spawn().unwrap(), &[script])
    }

    fn wait_for(&self, mut child: Child, arguments: &[&str]) -> Server {
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
    pub fn terminate(self) -> (bool, String) {
        self.signal("TERM");
        self.ended()
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([&format!("-{name}"), &self.pid()]).status().unwrap().success());
    }

    pub fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Waits for its end; whether it ended well, and all that it logged.
    pub fn ended(mut self) -> (bool, String) {
        let ended = self.child.wait().unwrap();
        (ended.success(), self.log())
    }

    /// All that it has logged up to now.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Where it is watched: `127.0.0.1:<port>`.
    pub fn admin(&self) -> String {
        let at = word_after(&self.log(), "health and metrics are at http://");
        at.split('/').next().unwrap().to_owned()
    }

    /// What it answers to those who watch it: status and body; 0 where nobody answers.
    pub fn watch(&self, path: &str) -> (u16, String) {
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(10)));
        let agent: ureq::Agent = config.build().into();
        match agent.get(format!("http://{}{path}", self.admin())).call() {
            Ok(mut response) => (response.status().as_u16(), response.body_mut().read_to_string().unwrap()),
            Err(_nobody) => (0, String::new()),
        }
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
