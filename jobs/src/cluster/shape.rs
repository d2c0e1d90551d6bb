//! How large a node is.

use std::fmt;

use serde::{Serialize, Serializer};

/// CPU units of ECS in one vCPU.
const UNITS_PER_VCPU: u32 = 1024;
const MIB_PER_GIB: u32 = 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// A process on this machine.
    Process,
    /// An instance of a type, as in `m7g.xlarge`.
    Instance(String),
    Container {
        /// 1024 are one vCPU.
        cpu_units: u32,
        memory_mb: u32,
    },
}

impl Shape {
    /// What ECS says of a task, in its units; `None` where it says nothing.
    pub fn of_task(cpu: Option<&str>, memory: Option<&str>) -> Option<Self> {
        Some(Self::Container {
            cpu_units: cpu?.parse().ok()?,
            memory_mb: memory?.parse().ok()?,
        })
    }

    /// vCPUs and GiB of memory of a container.
    pub fn of_container(&self) -> Option<(f64, f64)> {
        match self {
            Self::Container {
                cpu_units,
                memory_mb,
            } => Some((
                f64::from(*cpu_units) / f64::from(UNITS_PER_VCPU),
                f64::from(*memory_mb) / f64::from(MIB_PER_GIB),
            )),
            _ => None,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.of_container()) {
            (_, Some((vcpus, memory_gb))) => f.pad(&format!("{vcpus} vCPU {memory_gb} GB")),
            (Self::Instance(kind), _) => f.pad(kind),
            _ => f.pad("process"),
        }
    }
}

impl Serialize for Shape {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
