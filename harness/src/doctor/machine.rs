//! What this machine lets the load generator do.

use super::facts::Machine;

pub fn look() -> Machine {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    Machine {
        open_files: open_files(&limits),
        cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
    }
}

/// The soft limit in the table that Linux keeps for each process.
fn open_files(limits: &str) -> Option<u64> {
    let row = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match row.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_read_from_the_systems_table() {
        let table = "Limit                     Soft Limit           Hard Limit           Units     \n\
                     Max open files            1024                 1048576              files     \n";
        assert_eq!(open_files(table), Some(1_024));
        assert_eq!(open_files(&table.replace("1024 ", "unlimited ")), Some(u64::MAX));
        assert_eq!(open_files(""), None);
        assert!(look().cores >= 1);
    }
}
