//! The proxies of the environment.

use url::Url;

use super::network_scope::is_loopback;

/// Returns the variable that sets a proxy for `target`, if any. `NO_PROXY` may exempt the host.
/// Targets without TLS are on this machine, and are reached without a proxy.
pub fn proxy_variable(target: &Url) -> Option<&'static str> {
    if is_loopback(target) {
        return None;
    }
    let names = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    names.into_iter().find(is_set)
}

/// Returns the hosts of the proxies in the environment.
pub fn proxies() -> Vec<String> {
    let names = [
        "HTTPS_PROXY",
        "https_proxy",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
    ];
    let values = names.iter().filter_map(|name| std::env::var(name).ok());
    let host = |value: String| {
        let url = Url::parse(&value).ok().filter(Url::has_host);
        let url = url.or_else(|| Url::parse(&format!("http://{value}")).ok());
        url?.host_str().map(str::to_owned)
    };
    values.filter_map(host).collect()
}
