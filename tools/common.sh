# SPDX-License-Identifier: Apache-2.0
# What quickstart and check share: saying what is done, installing what is missing, building.
# Sourced by bash, with $root set to the repository. Nothing here asks a question.

build="$root/build"
logs="$build/logs"

# What building needs, and what it is recognised by where there is no dpkg.
build_packages=(meson ninja-build gcc g++ pkg-config python3 libsimdjson-dev libxxhash-dev libsnappy-dev zlib1g-dev
    libzstd-dev liblz4-dev libbrotli-dev libsqlite3-dev libpq-dev libmariadb-dev
    libssl-dev)
# Without these it is built as well, and knows less: nothing of PostgreSQL's grammar.
optional_packages=(libpg-query-dev)
build_programs=(meson ninja cc c++ pkg-config python3)
build_modules=(simdjson libxxhash snappy zlib libzstd liblz4 libbrotlidec sqlite3 libpq libmariadb libcrypto libssl)

if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
    bold='' dim='' red='' green='' plain=''
fi

heading() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }

fail() {
    printf '%serror:%s %s\n' "$red" "$plain" "$1" >&2
    shift
    for line in "$@"; do printf '       %s\n' "$line" >&2; done
    exit 1
}

# step NAME WORDS COMMAND...: runs it quietly; its output goes to a log, of which the end is shown when it fails.
step() {
    local name=$1 words=$2 log="$logs/$1.log" began=$SECONDS status=0
    shift 2
    printf '  %s ' "$words"
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if ((status == 0)); then
        printf '%s%s%s\n' "$green" "done, $((SECONDS - began)) s" "$plain"
        return 0
    fi
    printf '%sfailed%s after %s s\n\n' "$red" "$plain" "$((SECONDS - began))"
    tail -n 40 "$log" | sed 's/^/    /'
    fail "$name failed with status $status" "all of its output: ${log#"$PWD"/}"
}

make_folders() {
    mkdir -p "$logs" 2>/dev/null && [[ -w $build && -w $logs ]] ||
        fail "cannot write to $build" "it belongs to $(stat -c %U "$build" 2>/dev/null || stat -c %U "$root"):" \
            "run this as that user, or remove the folder"
}

# ---- installing ----

missing_packages() {
    local package
    for package in "$@"; do
        [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
    done
}

# As root; through sudo when we are not. Without a terminal sudo must not ask for a password.
as_root() {
    if ((EUID == 0)); then "$@"
    elif [[ -t 2 ]]; then sudo "$@"
    else sudo -n "$@"; fi
}

# apt-get, waiting for another package manager that holds a lock.
apt_get() {
    local output tries status
    output=$(mktemp)
    for ((tries = 0; tries < 60; tries++)); do
        status=0
        as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l LC_ALL=C apt-get -q -y \
            -o DPkg::Lock::Timeout=300 "$@" 2>&1 | tee "$output" || status=${PIPESTATUS[0]}
        ((status != 0)) && grep -qE 'Could not get lock|Unable to (acquire|lock)|is another process using it' "$output" || break
        echo "another package manager is at work; trying again soon"
        sleep "${APT_WAIT:-5}"
    done
    rm -f "$output"
    return "$status"
}

# The lists of packages are fetched when they are not there, or when they turn out to be old.
apt_install() {
    local package known=yes
    for package in "$@"; do apt-cache show "$package" >/dev/null 2>&1 || known=no; done
    if [[ $known == yes ]] && apt_get install --no-install-recommends "$@"; then return 0; fi
    apt_get update && apt_get install --no-install-recommends "$@"
}

# install_packages WHAT PACKAGE...: installs those that are missing.
install_packages() {
    local what=$1 missing
    shift
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]})) || return 0
    if ((EUID != 0)) && { ! command -v sudo >/dev/null || { [[ ! -t 2 ]] && ! sudo -n true 2>/dev/null; }; }; then
        fail "some packages are missing, and only root can install them" \
            "apt-get install --no-install-recommends ${missing[*]}"
    fi
    printf '  %s\n' "$what: ${missing[*]}" | fold -s -w 96 | sed '2,$s/^/    /'
    if ((EUID != 0)) && [[ -t 2 ]]; then sudo -v || fail "sudo was refused"; fi
    step apt "Installing ${#missing[@]} packages with apt-get ..." apt_install "${missing[@]}"
}

# Where there is no apt-get, says what is not there.
require_tools() {
    local name lacking=()
    for name in "${build_programs[@]}"; do command -v "$name" >/dev/null || lacking+=("$name"); done
    for name in "${build_modules[@]}"; do
        command -v pkg-config >/dev/null && ! pkg-config --exists "$name" && lacking+=("$name")
    done
    ((${#lacking[@]} == 0)) || fail "this is no Debian, and these are missing: ${lacking[*]}" \
        "install them with your package manager and run this again"
}

# Those that this distribution has, where they can be installed without asking anybody.
install_optional_packages() {
    local package known=()
    for package in $(missing_packages "${optional_packages[@]}"); do
        apt-cache show "$package" >/dev/null 2>&1 && known+=("$package")
    done
    ((${#known[@]})) || return 0
    ((EUID == 0)) || sudo -n true 2>/dev/null || return 0
    install_packages "Used when building" "${known[@]}"
}

install_build_packages() {
    if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
        install_packages "Needed to build" "${build_packages[@]}"
        install_optional_packages
    else
        require_tools
    fi
}

# ---- building ----

# configure FOLDER OPTION...: sets a build folder up unless it is one; one of another meson or place is made anew.
configure() {
    local folder=$1
    shift
    if [[ -f $folder/build.ninja ]]; then
        meson configure "$folder" >/dev/null 2>&1 && grep -qF "$root" "$folder/build.ninja" && return 0
        meson setup --wipe "$folder" "$root" "$@" && return 0
        rm -rf "$folder/meson-private" "$folder/meson-info" "$folder/build.ninja"
    fi
    meson setup "$folder" "$root" "$@"
}

# build_all FOLDER OPTION...
build_all() {
    local folder=$1
    configure "$@" && ninja -C "$folder"
}
