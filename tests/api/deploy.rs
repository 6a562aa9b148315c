//! What is shipped to run the server with, held against what the server knows.

use copydesk::config::KEYS;
use std::path::Path;

#[test]
fn the_files_in_deploy_name_settings_that_there_are() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let mut named = 0;
    for file in ["copydesk.service", "Dockerfile", "compose.yaml"] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        for (at, _) in text.match_indices("COPYDESK_") {
            let key: String = text[at..].chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect();
            assert!(KEYS.contains(&key.as_str()), "{file}: {key}");
            named += 1;
        }
    }
    assert!(named > 5);
}
