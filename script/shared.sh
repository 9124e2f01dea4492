# Sourced by the other scripts: paths, configuration, and installation of system packages.
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "$@"
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# require_configuration: exits with instructions if no cluster is configured.
require_configuration() {
    if [ -z "${ENV_FILE:-}${ELASTICSEARCH_HOSTS:-}" ] && [ ! -f .env ]; then
        fail "Not configured. Copy .env.example to .env, set ELASTICSEARCH_HOSTS, then run script/manage setup_cluster."
    fi
}

# Locked by the running demo.
demo_is_running() { [ -f .demo/running ] && ! flock --nonblock .demo/running true; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

# Whether packages can be installed without a prompt.
may_install() { has apt-get && as_root true 2>/dev/null; }

# apt_install PURPOSE PACKAGE…: installs packages, or fails with the command that an administrator must run.
apt_install() {
    local reason=$1
    shift
    if ! may_install; then
        say "$reason: packages are missing. On Debian or Ubuntu, install them with"
        say "    sudo apt-get install --no-install-recommends $*"
        return 1
    fi
    say "$reason: installing $* …"
    as_root apt-get -qq update &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >/dev/null
}
