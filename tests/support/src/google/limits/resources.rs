//! The CPU and the memory of a service's container, whose limits depend on each other.

use serde::Deserialize;
use serde_json::Value;

/// One rule about a service's container.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ResourceRule {
    OneContainerWithAPort,
    /// In thousandths of a CPU: a range, or one of `whole`.
    Cpu {
        below_one: (u64, u64),
        whole: Vec<u64>,
    },
    /// The least memory in MiB.
    Memory {
        first_generation: u64,
        second_generation: u64,
    },
    /// Up to this memory in MiB, at least this CPU in thousandths.
    CpuForMemory(Vec<(u64, u64)>),
    /// With this CPU in thousandths, at least this memory in MiB.
    MemoryForCpu(Vec<(u64, u64)>),
    OneRequestBelowOneCpu,
    FirstGenerationBelowOneCpu,
}

impl ResourceRule {
    /// Returns true if the service complies with the rule.
    pub fn holds(&self, service: &Value) -> bool {
        let (cpu, memory) = (cpu(service), memory(service));
        match self {
            Self::OneContainerWithAPort => has_one_container_with_a_port(service),
            Self::Cpu {
                below_one: (least, most),
                whole,
            } => cpu.is_some_and(|cpu| (*least..=*most).contains(&cpu) || whole.contains(&cpu)),
            Self::Memory {
                first_generation,
                second_generation,
            } => {
                let least = if is_second_generation(service) {
                    second_generation
                } else {
                    first_generation
                };
                memory.is_some_and(|memory| memory >= *least)
            }
            Self::CpuForMemory(table) => cpu.zip(memory).is_some_and(|(cpu, memory)| {
                let row = table.iter().find(|(most, _)| memory <= *most);
                row.is_some_and(|(_, least)| cpu >= *least)
            }),
            Self::MemoryForCpu(table) => {
                let row = table.iter().find(|(of, _)| Some(*of) == cpu);
                let least = row.map_or(0, |(_, least)| *least);
                memory.is_some_and(|memory| memory >= least)
            }
            Self::OneRequestBelowOneCpu => has_one_request_below_one_cpu(service),
            Self::FirstGenerationBelowOneCpu => is_first_generation_below_one_cpu(service),
        }
    }
}

/// Returns true if exactly one container has a port, or if the only container has none.
fn has_one_container_with_a_port(service: &Value) -> bool {
    let all = containers(service);
    match all.iter().filter(|one| has_port(one)).count() {
        0 => all.len() == 1,
        count => count == 1,
    }
}

/// Returns the CPU limit in thousandths of a CPU; the default is one CPU.
fn cpu(service: &Value) -> Option<u64> {
    let limit = &container(service)["resources"]["limits"]["cpu"];
    if limit.is_null() {
        return Some(1000);
    }
    let text = limit.as_str()?;
    if let Some(thousandths) = text.strip_suffix('m') {
        return thousandths.parse().ok();
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part = format!("{part:0<3}");
    Some(whole.parse::<u64>().ok()? * 1000 + part.get(..3)?.parse::<u64>().ok()?)
}

/// Returns the memory limit in MiB; the default is 512.
fn memory(service: &Value) -> Option<u64> {
    let limit = &container(service)["resources"]["limits"]["memory"];
    if limit.is_null() {
        return Some(512);
    }
    let text = limit.as_str()?;
    let size = |suffix: &str, factor: u64| {
        let number = text.strip_suffix(suffix)?.parse::<u64>().ok()?;
        number.checked_mul(factor)
    };
    size("Gi", 1024).or_else(|| size("Mi", 1))
}

/// Returns true if the service runs in the second generation of the execution environment.
fn is_second_generation(service: &Value) -> bool {
    service["template"]["executionEnvironment"] == "EXECUTION_ENVIRONMENT_GEN2"
}

/// Returns true with a whole CPU, or if an instance handles one request at a time.
fn has_one_request_below_one_cpu(service: &Value) -> bool {
    let most = &service["template"]["maxInstanceRequestConcurrency"];
    has_whole_cpu(service) || most.as_i64() == Some(1)
}

/// Returns true with a whole CPU, or in the first generation with CPU during requests only.
fn is_first_generation_below_one_cpu(service: &Value) -> bool {
    let resources = &container(service)["resources"];
    let is_always_on =
        resources["cpuIdle"] == false || (resources.is_object() && resources["cpuIdle"].is_null());
    has_whole_cpu(service) || (!is_second_generation(service) && !is_always_on)
}

fn has_whole_cpu(service: &Value) -> bool {
    cpu(service).is_none_or(|cpu| cpu >= 1000)
}

fn containers(service: &Value) -> &[Value] {
    let containers = service["template"]["containers"].as_array();
    containers.map_or(&[], Vec::as_slice)
}

/// Returns the container that receives the requests.
fn container(service: &Value) -> &Value {
    let all = containers(service);
    let with_port = all.iter().find(|one| has_port(one));
    with_port.or(all.first()).unwrap_or(&Value::Null)
}

fn has_port(container: &Value) -> bool {
    container["ports"]
        .as_array()
        .is_some_and(|ports| !ports.is_empty())
}
