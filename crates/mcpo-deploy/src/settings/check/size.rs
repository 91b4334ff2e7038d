//! Validates the size of an instance and the number of instances.

use super::{
    super::{Settings, limits},
    Problem,
};

pub fn check(settings: &Settings, problems: &mut Vec<Problem>) {
    let cpu = thousandths(&settings.cpu);
    let is_offered =
        |cpu: u32| (80..1000).contains(&cpu) || [1000, 2000, 4000, 6000, 8000].contains(&cpu);
    let cpu = match cpu {
        Some(cpu) if is_offered(cpu) => Some(cpu),
        _ => {
            let what = format!("unsupported cpu {:?}", settings.cpu);
            let hint = format!("use {}", limits::accepted("cpu"));
            problems.push(Problem::new(what, Some(&hint)));
            None
        }
    };
    if cpu.is_some_and(|cpu| cpu < 1000) && settings.concurrency != 1 {
        let what = format!("cpu {} needs concurrency = 1", settings.cpu);
        let hint = "set it, or use a whole CPU, which costs nothing while idle";
        problems.push(Problem::new(what, Some(hint)));
    }
    let memory = mebibytes(&settings.memory);
    if memory.is_none() {
        let what = format!("invalid memory {:?}", settings.memory);
        problems.push(Problem::new(what, Some("use a size such as 512Mi or 1Gi")));
    }
    if let (Some(cpu), Some(memory)) = (cpu, memory) {
        check_pair(settings, cpu, memory, problems);
    }
    if settings.max_instances == 0 || settings.min_instances > settings.max_instances {
        let what = format!(
            "min-instances {} and max-instances {} contradict each other",
            settings.min_instances, settings.max_instances
        );
        problems.push(Problem::new(what, None));
    }
    if !(1..=1000).contains(&settings.concurrency) {
        problems.push(Problem::new("concurrency must be 1 to 1000", None));
    }
    if !(1..=3600).contains(&settings.timeout_seconds) {
        problems.push(Problem::new("timeout-seconds must be 1 to 3600", None));
    }
}

/// Checks that Cloud Run offers this combination of CPU and memory.
fn check_pair(settings: &Settings, cpu: u32, memory: u32, problems: &mut Vec<Problem>) {
    let least = limits::least_memory(cpu);
    if memory < least {
        let what = format!(
            "memory {} is too little for {} CPU",
            settings.memory, settings.cpu
        );
        let hint = format!("use at least {least}Mi");
        problems.push(Problem::new(what, Some(&hint)));
    }
    let what = format!(
        "memory {} is too much for {} CPU",
        settings.memory, settings.cpu
    );
    match limits::least_cpu(memory) {
        None => problems.push(Problem::new(what, Some("use at most 32Gi"))),
        Some(least) if cpu < least => {
            let hint = format!("use at least {} CPU", f64::from(least) / 1000.0);
            problems.push(Problem::new(what, Some(&hint)));
        }
        Some(_) => {}
    }
}

/// Parses a CPU setting into thousandths of a CPU; `0.5` and `500m` are equal.
pub fn thousandths(text: &str) -> Option<u32> {
    if let Some(number) = text.strip_suffix('m') {
        return number.parse().ok();
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if part.len() > 3 || !is_number(part) {
        return None;
    }
    let whole: u32 = whole.parse().ok()?;
    let part: u32 = format!("{part:0<3}").parse().ok()?;
    whole.checked_mul(1000)?.checked_add(part)
}

/// Parses a memory setting into MiB.
pub fn mebibytes(text: &str) -> Option<u32> {
    match text.strip_suffix("Gi") {
        Some(number) => number.parse::<u32>().ok()?.checked_mul(1024),
        None => text.strip_suffix("Mi")?.parse().ok(),
    }
}
