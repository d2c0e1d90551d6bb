//! How much memory there is, and how much of a process's memory its operators get.

/// What a process needs beside what its operators account for, of ten parts: file and network
/// buffers, Parquet pages on the way, batches between operators, and what the allocator keeps.
const UNACCOUNTED_TENTHS: u64 = 4;

/// What the operators of a process may hold before they spill, of the memory that the whole process
/// is to stay within; both in bytes.
pub fn of_operators(process_bytes: u64) -> u64 {
    process_bytes / 10 * (10 - UNACCOUNTED_TENTHS)
}

/// What this process may use, in bytes: the smaller of the machine's memory and its control group's bound.
pub fn machine_bytes() -> Option<u64> {
    let machine = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
            line.split_whitespace()
                .nth(1)?
                .parse::<u64>()
                .ok()
                .map(|kib| kib << 10)
        });
    let group = std::fs::read_to_string("/sys/fs/cgroup/memory.max")
        .ok()
        .and_then(|text| text.trim().parse::<u64>().ok());
    machine.into_iter().chain(group).min()
}
