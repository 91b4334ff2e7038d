//! The kinds of resources, and the methods of each.

use crate::{
    google::method::{self, Method},
    settings::Settings,
};

/// A kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Where alerts are sent.
    Channel,
    Check,
    Policy,
    Budget,
}

impl Kind {
    /// All kinds, in the order of their creation: a policy refers to a channel and to a check.
    pub const ALL: [Self; 4] = [Self::Channel, Self::Check, Self::Policy, Self::Budget];

    /// Returns true if the settings request a resource of this kind.
    pub const fn is_wanted(self, settings: &Settings) -> bool {
        match self {
            Self::Check => settings.uptime_check,
            Self::Channel | Self::Policy => settings.uptime_check && settings.alert_email.is_some(),
            Self::Budget => settings.budget.is_some(),
        }
    }

    /// Returns true if the settings request something of the API of this kind. Without a request,
    /// nothing is read, because this may need another API and other permissions.
    pub const fn is_read(self, settings: &Settings) -> bool {
        match self {
            Self::Budget => settings.budget.is_some(),
            Self::Channel | Self::Check | Self::Policy => settings.uptime_check,
        }
    }

    pub const fn what(self) -> &'static str {
        match self {
            Self::Channel => "notification channel",
            Self::Check => "uptime check",
            Self::Policy => "alert policy",
            Self::Budget => "budget",
        }
    }

    /// Returns the fields that mcpo writes and may change later.
    pub const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Channel => &["displayName", "userLabels"],
            Self::Check => &[
                "displayName",
                "httpCheck",
                "period",
                "timeout",
                "userLabels",
            ],
            Self::Policy => &[
                "displayName",
                "combiner",
                "conditions",
                "notificationChannels",
                "userLabels",
            ],
            Self::Budget => &["budgetFilter", "amount", "thresholdRules"],
        }
    }

    pub const fn list(self) -> Method {
        match self {
            Self::Channel => method::CHANNELS_LIST,
            Self::Check => method::CHECKS_LIST,
            Self::Policy => method::POLICIES_LIST,
            Self::Budget => method::BUDGETS_LIST,
        }
    }

    pub const fn create(self) -> Method {
        match self {
            Self::Channel => method::CHANNEL_CREATE,
            Self::Check => method::CHECK_CREATE,
            Self::Policy => method::POLICY_CREATE,
            Self::Budget => method::BUDGET_CREATE,
        }
    }

    pub const fn patch(self) -> Method {
        match self {
            Self::Channel => method::CHANNEL_PATCH,
            Self::Check => method::CHECK_PATCH,
            Self::Policy => method::POLICY_PATCH,
            Self::Budget => method::BUDGET_PATCH,
        }
    }

    pub const fn delete(self) -> Method {
        match self {
            Self::Channel => method::CHANNEL_DELETE,
            Self::Check => method::CHECK_DELETE,
            Self::Policy => method::POLICY_DELETE,
            Self::Budget => method::BUDGET_DELETE,
        }
    }

    /// Returns the path of a resource with this name, or of the list below this parent.
    pub fn path(self, name: &str) -> String {
        let version = if self == Self::Budget { "v1" } else { "v3" };
        format!("{version}/{name}")
    }

    /// Returns the last segment of the path of the list.
    pub const fn collection(self) -> &'static str {
        match self {
            Self::Channel => "notificationChannels",
            Self::Check => "uptimeCheckConfigs",
            Self::Policy => "alertPolicies",
            Self::Budget => "budgets",
        }
    }
}
