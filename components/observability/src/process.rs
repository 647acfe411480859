//! What the system knows about the process, under the names that all Prometheus clients use.

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use crate::exposition::{Exposition, Sort};

/// Writes what the system tells; elsewhere than on Linux that is less.
pub fn write(text: &mut Exposition) {
    let cpu = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = cpu.tv_sec as f64 + cpu.tv_nsec as f64 * 1e-9;
    let help = "CPU time that the process has spent, in seconds.";
    text.metric("process_cpu_seconds_total", Sort::Counter, help).number(&[], seconds);
    if let Some(most) = getrlimit(Resource::Nofile).current {
        let help = "Number of file descriptors that the process may have open.";
        text.metric("process_max_fds", Sort::Gauge, help).count(&[], most);
    }
    if let Some(open) = open_files() {
        let help = "Number of file descriptors that the process has open.";
        text.metric("process_open_fds", Sort::Gauge, help).count(&[], open);
    }
    if let Some(stat) = Stat::read() {
        let help = "Resident memory of the process in bytes.";
        text.metric("process_resident_memory_bytes", Sort::Gauge, help).count(&[], stat.resident);
        let help = "Virtual memory of the process in bytes.";
        text.metric("process_virtual_memory_bytes", Sort::Gauge, help).count(&[], stat.mapped);
        if let Some(boot) = boot_time() {
            let help = "When the process was started, in seconds since the epoch.";
            text.metric("process_start_time_seconds", Sort::Gauge, help).number(&[], boot + stat.started);
        }
    }
}

fn open_files() -> Option<u64> {
    let entries = std::fs::read_dir("/proc/self/fd").ok()?;
    // The folder that is being read is open as well.
    u64::try_from(entries.count()).ok()?.checked_sub(1)
}

/// Returns when the system was started, in seconds since the epoch.
fn boot_time() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    text.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())
}

/// What is taken from `/proc/self/stat`.
#[derive(Debug, PartialEq)]
struct Stat {
    /// In seconds since the start of the system.
    started: f64,
    /// In bytes.
    mapped: u64,
    /// In bytes.
    resident: u64,
}

impl Stat {
    fn read() -> Option<Stat> {
        let text = std::fs::read_to_string("/proc/self/stat").ok()?;
        Stat::parse(&text, clock_ticks_per_second(), page_size() as u64)
    }

    /// Reads the fields, which are numbered from 1 on; the second is a name that may hold anything.
    fn parse(text: &str, ticks_per_second: u64, page_size: u64) -> Option<Stat> {
        const THIRD: usize = 3;
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let field = |number: usize| fields.get(number - THIRD)?.parse::<u64>().ok();
        let started = field(22)? as f64 / ticks_per_second as f64;
        Some(Stat { started, mapped: field(23)?, resident: field(24)?.checked_mul(page_size)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_behind_any_name() {
        let rest = "S 1 1 1 0 -1 4194304 100 0 0 0 7 3 0 0 20 0 9 0 12345 5000000 250 18446744073709551615";
        let expected = Some(Stat { started: 123.45, mapped: 5_000_000, resident: 250 * 4096 });
        for name in ["(palladium)", "(a b) c)", "()"] {
            assert_eq!(Stat::parse(&format!("42 {name} {rest}"), 100, 4096), expected, "{name}");
        }
        assert_eq!(Stat::parse("42 (x) S 1", 100, 4096), None);
        assert_eq!(Stat::parse("", 100, 4096), None);
    }

    #[test]
    fn the_system_tells_about_this_process() {
        let mut text = Exposition::default();
        write(&mut text);
        let text = text.finish();
        let number = |name: &str| -> f64 {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
            line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
        };
        assert!(number("process_cpu_seconds_total") > 0.0);
        assert!((3.0..=number("process_max_fds")).contains(&number("process_open_fds")));
        assert!((1e6..=number("process_virtual_memory_bytes")).contains(&number("process_resident_memory_bytes")));
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        assert!((now - 3600.0..=now + 5.0).contains(&number("process_start_time_seconds")));
    }
}
