//! The real binary, for what only a process shows: how it starts, what it prints, what it logs.

use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A running `copydesk` in a folder of its own; ended when dropped.
pub struct Process {
    child: Child,
    pub address: String,
    pub folder: tempfile::TempDir,
}

/// The binary with an empty environment but for `settings`, in `folder`.
pub fn copydesk(folder: &Path, settings: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_copydesk"));
    command.args(arguments).current_dir(folder).env_clear().envs(settings.iter().copied()).stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub fn run(folder: &Path, settings: &[(&str, &str)], arguments: &[&str]) -> Output {
    copydesk(folder, settings, arguments).output().unwrap()
}

impl Process {
    /// Starts it and waits until it listens.
    pub fn start(settings: &[(&str, &str)], arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let log = |name: &str| std::fs::File::create(folder.path().join(name)).unwrap();
        let mut command = copydesk(folder.path(), settings, arguments);
        let child = command.env("COPYDESK_LISTEN", &address).stdout(log("out")).stderr(log("err")).spawn().unwrap();
        let mut process = Self { child, address, folder };
        process.wait();
        process
    }

    fn wait(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.get("/").is_none() {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "it did not start: {}", self.err());
            std::thread::yield_now();
        }
    }

    /// Sends a request and answers status and body; `None` while nobody listens.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Option<(u16, String)> {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let mut request = ureq::http::Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = ureq::Agent::from(config).run(request.body(body.to_owned()).unwrap()).ok()?;
        Some((response.status().as_u16(), response.body_mut().read_to_string().unwrap()))
    }

    pub fn get(&self, path: &str) -> Option<(u16, String)> {
        self.send("GET", path, &[], "")
    }

    /// What it has printed.
    pub fn out(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("out")).unwrap()
    }

    /// What it has logged.
    pub fn err(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("err")).unwrap()
    }

    /// The password of the first administrator, as it was printed.
    pub fn password(&self) -> String {
        let out = self.out();
        out.split("the password ").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap_or_else(|| panic!("{out}")).to_owned()
    }

    /// Asks it to end, as service managers do, and answers whether it ended well.
    pub fn terminate(mut self) -> (bool, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let ended = self.child.wait().unwrap();
        let mut log = String::new();
        std::fs::File::open(self.folder.path().join("err")).unwrap().read_to_string(&mut log).unwrap();
        (ended.success(), log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
