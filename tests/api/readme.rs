//! The README, taken at its word.

use crate::program::Folder;
use std::process::Command;

const README: &str = include_str!("../../README.md");

/// The shell blocks below a heading, put together as somebody would paste them.
fn blocks_below(heading: &str) -> Vec<&'static str> {
    let (_, section) = README.split_once(heading).unwrap();
    let section = section.split("\n## ").next().unwrap();
    section.split("```bash\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// The same lines against a test's server, with the binary that is under test.
fn as_run_here(pasted: &str, url: &str) -> String {
    pasted.replace("http://127.0.0.1:8080", url).replace("cargo run --release --quiet --", env!("CARGO_BIN_EXE_copydesk"))
}

#[test]
fn the_first_story_is_published_by_pasting_the_readme() {
    if Command::new("curl").arg("--version").output().is_err() {
        return;
    }
    let folder = Folder::new();
    let server = folder.serve(&[]);
    let blocks = [blocks_below("## Publish your first story\n"), blocks_below("## Look back\n")].concat();
    let here = as_run_here(&blocks.concat(), &server.url);
    assert!(here.contains(&server.url) && here.contains(" user add "), "{here}");
    let pasted = Command::new("bash").arg("-c").arg(&here).current_dir(folder.path()).output().unwrap();
    let (out, err) = (String::from_utf8(pasted.stdout).unwrap(), String::from_utf8(pasted.stderr).unwrap());
    assert!(pasted.status.success(), "{err}");
    assert_eq!(err, "");

    // What the reader is told that they will see: nothing of the draft, the live story, the old title, the new one.
    let answers: Vec<serde_json::Value> = out.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let codes: Vec<&str> = answers.iter().filter_map(|answer| answer["code"].as_str()).collect();
    assert_eq!(codes, ["not_found"], "{out}");
    assert!(answers.iter().any(|answer| answer["items"].as_array().is_some_and(Vec::is_empty)), "{out}");
    let titles: Vec<&str> =
        answers.iter().filter(|answer| answer.get("slug").is_none()).filter_map(|answer| answer["title"].as_str()).collect();
    assert_eq!(titles.first(), Some(&"There is nothing here"));
    assert_eq!(titles[1], "U.S. and Guatemala Address Migration and Drug Trafficking");
    assert_eq!(titles.last(), Some(&"U.S. and Guatemala Agree to Talk On"));

    assert!(answers.iter().any(|answer| answer["items"][0]["note"] == "The palace called"), "{out}");
    assert_eq!((&answers.last().unwrap()["from"], &answers.last().unwrap()["to"]), (&1.into(), &2.into()));

    let live = server.get("/v1/articles/us-and-guatemala");
    assert!(live["html"].as_str().unwrap().contains("<h2>Broader Regional Context</h2>"));
    assert_eq!(live["authors"][0]["slug"], "marcus-reed");
    assert_eq!(live["tags"][1]["name"], "Drug trafficking");
    for line in blocks_below("## Read it\n").concat().lines() {
        let path = line.split("127.0.0.1:8080").nth(1).unwrap().trim_end_matches('\'');
        server.get(path);
    }
}

#[test]
fn the_sign_in_block_pasted_again_makes_a_token_that_works() {
    if Command::new("curl").arg("--version").output().is_err() {
        return;
    }
    let folder = Folder::new();
    let server = folder.serve(&[]);
    let blocks = blocks_below("## Publish your first story\n");
    let (account, sign_in) = (blocks[0], blocks.iter().find(|block| block.starts_with("TOKEN=")).unwrap());
    let pasted = as_run_here(&format!("{account}{sign_in}{sign_in}desk \"$API/v1/auth/me\"\n"), &server.url);
    let output = Command::new("bash").arg("-c").arg(&pasted).current_dir(folder.path()).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let me: serde_json::Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!(me["email"], "editor@example.com", "{out}");
}

#[test]
fn the_newsroom_is_backed_up_and_moved_by_pasting_the_readme() {
    let folder = Folder::new();
    let server = folder.serve(&["demo"]);
    let commands = blocks_below("## Back up and move\n").concat();
    assert_eq!(commands.matches("copydesk ").count(), 5, "{commands}");
    let here = format!("copydesk() {{ {} \"$@\"; }}\n{commands}", env!("CARGO_BIN_EXE_copydesk"));
    let pasted = Command::new("bash").arg("-ec").arg(&here).current_dir(folder.path()).output().unwrap();
    let (out, err) = (String::from_utf8(pasted.stdout).unwrap(), String::from_utf8(pasted.stderr).unwrap());
    assert!(pasted.status.success() && out.contains("0 problems, 0 warnings.") && out.contains("Imported "), "{out}{err}");
    let moved = folder.serve_with(&[], &[("DATABASE_URL", "sqlite:./moved/copydesk.db")]);
    let titles = |url: &crate::program::Server| url.get("/v1/articles?fields=title").to_string();
    assert_eq!(titles(&moved), titles(&server));
}

#[test]
fn the_readme_names_every_setting_and_every_command() {
    for key in copydesk::config::KEYS {
        assert!(README.contains(&format!("\n| `{key}` |")), "{key} is missing in the README's table");
    }
    let help = Folder::new().run(&["--help"]).out;
    let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    for command in commands.lines().filter_map(|line| line.split_whitespace().next()).filter(|command| *command != "help") {
        let named = [format!("\ncopydesk {command}"), format!("\ncopydesk [{command}]")];
        assert!(named.iter().any(|named| README.contains(named)), "{command} is missing in the README");
    }
}
