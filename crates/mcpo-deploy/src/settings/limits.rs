//! Cloud Run's limits for the settings. `docs/deploy.md` shows the same table; a test compares
//! them.

/// One row of the table: a setting and its accepted values.
pub struct Limit {
    pub setting: &'static str,
    pub accepted: &'static str,
}

/// Every limit that is checked before anything is created.
pub const LIMITS: &[Limit] = &[
    Limit {
        setting: "service",
        accepted: "1 to 49 lower-case letters, digits and hyphens; a letter first, no hyphen last; `SERVICE-NUMBER` at most 63 characters",
    },
    Limit {
        setting: "repository",
        accepted: "1 to 63 lower-case letters, digits and hyphens; a letter first, no hyphen last",
    },
    Limit {
        setting: "--tag",
        accepted: "lower-case letters, digits and hyphens; a letter first, no hyphen last; `TAG---SERVICE-NUMBER` at most 63 characters",
    },
    Limit {
        setting: "cpu",
        accepted: "0.08 to 1, 2, 4, 6 or 8; less than 1 with `concurrency = 1`",
    },
    Limit {
        setting: "memory",
        accepted: "512Mi to 32Gi; with less than 1 CPU, from 128Mi",
    },
    Limit {
        setting: "cpu for a memory",
        accepted: "over 512Mi 0.5, over 1Gi 1, over 4Gi 2, over 8Gi 4, over 16Gi 6, over 24Gi 8",
    },
    Limit {
        setting: "memory for a cpu",
        accepted: "4 CPU 2Gi, 6 and 8 CPU 4Gi",
    },
    Limit {
        setting: "concurrency",
        accepted: "1 to 1000",
    },
    Limit {
        setting: "timeout-seconds",
        accepted: "1 to 3600",
    },
    Limit {
        setting: "min-instances, max-instances",
        accepted: "max at least 1, min at most max",
    },
    Limit {
        setting: "labels",
        accepted: "at most 60; keys and values of at most 63 lower-case letters, digits, hyphens and underscores; a letter first in keys, which do not start with `goog` or `mcpo-`",
    },
    Limit {
        setting: "env",
        accepted: "at most 900 variables; names without `PORT`, `K_*`, `X_GOOGLE_*`; values of at most 32 KiB",
    },
    Limit {
        setting: "secrets",
        accepted: "values of 1 byte to 64 KiB; names of secrets of at most 255 characters",
    },
    Limit {
        setting: "network, subnetwork",
        accepted: "the name, or the full name `projects/…`",
    },
    Limit {
        setting: "network-tags",
        accepted: "1 to 63 lower-case letters, digits and hyphens; a letter first, no hyphen last",
    },
    Limit {
        setting: "cloud-sql",
        accepted: "connection names, `PROJECT:REGION:INSTANCE`",
    },
    Limit {
        setting: "encryption-key",
        accepted: "`projects/P/locations/REGION/keyRings/R/cryptoKeys/K`, in the region of the service",
    },
    Limit {
        setting: "domain, former-domains",
        accepted: "host names of at most 253 lower-case characters and at least two labels, without a scheme, a port or a wildcard; at most 20 former ones",
    },
    Limit {
        setting: "release-steps",
        accepted: "increasing percentages of 1 to 99",
    },
    Limit {
        setting: "preview-max-age-days",
        accepted: "1 to 365",
    },
    Limit {
        setting: "keep-revisions",
        accepted: "1 to 1000, or `all`",
    },
    Limit {
        setting: "budget",
        accepted: "an amount and the currency of the billing account, such as `20 EUR` or `19.50 USD`",
    },
    Limit {
        setting: "alert-email",
        accepted: "an email address; only with `uptime-check`",
    },
    Limit {
        setting: "uptime-check",
        accepted: "`true` only for a service with public ingress that is not private",
    },
    Limit {
        setting: "sign",
        accepted: "`kms:projects/…/locations/…/keyRings/…/cryptoKeys/…/cryptoKeyVersions/NUMBER`",
    },
    Limit {
        setting: "binary-authorization",
        accepted: "`default`, or the full name of a policy: `projects/…/platforms/cloudRun/…`",
    },
];

/// Returns the accepted values of a setting, as written in the table.
pub fn accepted(setting: &str) -> &'static str {
    let found = LIMITS.iter().find(|limit| limit.setting == setting);
    found.map_or("", |limit| limit.accepted)
}

pub const FORMER_DOMAINS: usize = 20;
pub const LABELS: usize = 60;
pub const VARIABLES: usize = 900;
pub const VALUE_LEN: usize = 32 * 1024;
pub const SECRET_LEN: usize = 64 * 1024;
pub const SECRET_ID_LEN: usize = 255;

/// Returns the minimum memory in MiB for a number of thousandths of a CPU.
pub const fn least_memory(cpu: u32) -> u32 {
    match cpu {
        6000.. => 4096,
        4000..=5999 => 2048,
        1000..=3999 => 512,
        _ => 128,
    }
}

/// Returns the minimum CPU in thousandths for a memory in MiB, or `None` if no CPU supports that
/// much memory.
pub const fn least_cpu(memory: u32) -> Option<u32> {
    Some(match memory {
        ..=512 => 80,
        513..=1024 => 500,
        1025..=4096 => 1000,
        4097..=8192 => 2000,
        8193..=16_384 => 4000,
        16_385..=24_576 => 6000,
        24_577..=32_768 => 8000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::LIMITS;

    #[test]
    fn documentation_lists_every_limit() {
        let manual = include_str!("../../../../docs/deploy.md");
        for limit in LIMITS {
            let row = format!("| `{}` | {} |", limit.setting, limit.accepted);
            assert!(manual.contains(&row), "docs/deploy.md has no row {row}");
        }
    }
}
