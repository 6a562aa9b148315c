//! What the operating system says of this process: memory, processor time, open files. Zero where it does not say it, as outside of Linux.

use std::fs::{read_dir, read_to_string};

/// Ticks a second and bytes a page, as /proc counts.
const TICKS: f64 = 100.0;

/// This process, now.
#[derive(Debug, Default)]
pub struct Process {
    pub cpu_seconds: f64,
    pub resident_bytes: u64,
    pub virtual_bytes: u64,
    pub threads: u64,
    pub open_files: usize,
    pub most_files: u64,
}

impl Process {
    pub fn now() -> Self {
        let (stat, status, limits) = (read("stat"), read("status"), read("limits"));
        // The second field is the program's name, which may hold anything.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
        let number = |text: &str, label: &str, place: usize| {
            let line = text.lines().find_map(|line| line.strip_prefix(label));
            line.and_then(|line| line.split_whitespace().nth(place)?.parse::<u64>().ok()).unwrap_or_default()
        };
        Self {
            cpu_seconds: (ticks(11) + ticks(12)) / TICKS,
            resident_bytes: number(&status, "VmRSS:", 0) * 1024,
            virtual_bytes: number(&status, "VmSize:", 0) * 1024,
            threads: number(&status, "Threads:", 0),
            open_files: read_dir("/proc/self/fd").map_or(0, Iterator::count),
            most_files: number(&limits, "Max open files", 0),
        }
    }
}

fn read(file: &str) -> String {
    read_to_string(format!("/proc/self/{file}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Process;

    #[test]
    fn linux_says_something_of_each() {
        let process = Process::now();
        assert!(process.resident_bytes > 1_000_000 && process.virtual_bytes > process.resident_bytes, "{process:?}");
        assert!(process.threads > 0 && process.open_files > 2 && process.most_files > 2 && process.cpu_seconds >= 0.0, "{process:?}");
    }
}
