#!/bin/sh
# Finds what is missing on this machine for the named groups, and installs it where that is possible
# without a prompt. Otherwise says what to install, and exits 69.
#
#   scripts/deps.sh [swift] [build] [test] [lint] [benchmarks]      default: build
#
# BENCH_NO_INSTALL=1 forbids installing.
set -u

swift=${SWIFT:-swift}
swift_wanted=6.2

# Missing packages, by the names that each package manager knows them by.
apt='' dnf='' pacman='' apk=''

have() { command -v "$1" >/dev/null 2>&1; }

# missing APT DNF PACMAN APK
missing() {
  case " $apt " in *" $1 "*) return ;; esac
  apt="$apt $1" dnf="$dnf $2" pacman="$pacman $3" apk="$apk $4"
}

# need_command COMMAND APT DNF PACMAN APK
need_command() {
  have "$1" || missing "$2" "$3" "$4" "$5"
}

# need_library MODULE APT DNF PACMAN APK
need_library() {
  pkg-config --exists "$1" 2>/dev/null || missing "$2" "$3" "$4" "$5"
}

# The worker is linked wholly statically: clang must find the static C and C++ libraries of the
# newest gcc folder, which is the one that it chooses.
need_static_libraries() {
  have clang || return 0
  case $(clang -print-file-name=libc.a) in
    /*) ;;
    *) missing libc6-dev glibc-static glibc musl-dev ;;
  esac
  case $(clang -print-file-name=libstdc++.a) in
    /*) ;;
    *)
      gcc=$(clang -v 2>&1 | sed -n 's|^Selected GCC installation: .*/||p')
      if [ -n "$gcc" ]; then gxx=libstdc++-$gcc-dev; else gxx=g++; fi
      missing "$gxx" libstdc++-static gcc libstdc++-dev
      ;;
  esac
}

find_missing() {
  apt='' dnf='' pacman='' apk=''
  for group in "$@"; do
    case $group in
      swift) ;;
      build)
        need_command make make make make make
        need_command git git git git git
        need_command pkg-config pkg-config pkgconf-pkg-config pkgconf pkgconf
        need_library libpcap libpcap-dev libpcap-devel libpcap libpcap-dev
        need_library libnl-3.0 libnl-3-dev libnl3-devel libnl libnl3-dev
        need_library libnl-route-3.0 libnl-route-3-dev libnl3-devel libnl libnl3-dev
        need_library libnftables libnftables-dev nftables-devel nftables nftables-dev
        need_library sqlite3 libsqlite3-dev sqlite-devel sqlite sqlite-dev
        # The oldest that can submit and take what has ended in one call.
        need_library 'liburing >= 2.3' liburing-dev liburing-devel liburing liburing-dev
        need_static_libraries
        ;;
      test)
        need_command ip iproute2 iproute iproute2 iproute2
        need_command strace strace strace strace strace
        need_command valgrind valgrind valgrind valgrind valgrind
        need_command flock util-linux util-linux util-linux flock
        need_command sqlite3 sqlite3 sqlite sqlite sqlite
        need_command tcpdump tcpdump tcpdump tcpdump tcpdump
        need_command tshark tshark wireshark-cli wireshark-cli tshark
        need_command nft nftables nftables nftables nftables
        need_command haproxy haproxy haproxy haproxy haproxy
        need_command redis-server redis-server redis redis redis
        need_command redis-benchmark redis-tools redis redis redis
        # The engines: the tests start their own daemon, in a network namespace of its own.
        need_command docker docker.io moby-engine docker docker-cli
        need_command dockerd docker.io moby-engine docker docker-engine
        need_command iptables iptables iptables-nft iptables iptables
        need_command podman podman podman podman podman
        need_command runc runc runc runc runc
        need_command runsc runsc gvisor gvisor-bin gvisor
        # File systems in image files.
        need_command mkfs.ext4 e2fsprogs e2fsprogs e2fsprogs e2fsprogs
        need_command mkfs.xfs xfsprogs xfsprogs xfsprogs xfsprogs
        need_command mkfs.btrfs btrfs-progs btrfs-progs btrfs-progs btrfs-progs
        need_command mkfs.erofs erofs-utils erofs-utils erofs-utils erofs-utils
        need_command python3 python3 python3 python python3
        python3 -c 'import jsonschema' 2>/dev/null ||
          missing python3-jsonschema python3-jsonschema python-jsonschema py3-jsonschema
        # Exports are held against what reads them; scripts/readers.sh brings the rest of it.
        need_command xmllint libxml2-utils libxml2 libxml2 libxml2-utils
        # Reports are looked at in a browser; scripts/browser.sh makes the environment that drives it.
        have chromium-browser || have google-chrome || need_command chromium chromium chromium chromium chromium
        python3 -c 'import ensurepip, venv' 2>/dev/null || missing python3-venv python3-pip python-pip py3-pip
        ;;
      lint)
        need_command shellcheck shellcheck ShellCheck shellcheck shellcheck
        # What deploy/ holds (scripts/deploy.sh). Alpine has no systemd.
        have apk || need_command systemd-analyze systemd systemd systemd ''
        need_command python3 python3 python3 python python3
        python3 -c 'import ensurepip, venv' 2>/dev/null || missing python3-venv python3-pip python-pip py3-pip
        ;;
      benchmarks)
        need_command ip iproute2 iproute iproute2 iproute2
        need_command sockperf sockperf sockperf sockperf sockperf
        need_command iperf3 iperf3 iperf3 iperf3 iperf3
        need_command fio fio fio fio fio
        need_command tshark tshark wireshark-cli wireshark-cli tshark
        need_command python3 python3 python3 python python3
        have gcc || have clang || missing gcc gcc gcc gcc
        # scripts/changepoints.sh makes an environment with Apache Otava.
        python3 -c 'import ensurepip, venv' 2>/dev/null || missing python3-venv python3-pip python-pip py3-pip
        ;;
      *)
        echo "deps.sh: unknown group '$group' (known: swift, build, test, lint, benchmarks)" >&2
        exit 64
        ;;
    esac
  done
}

require_swift() {
  if ! have "$swift"; then
    found='there is none'
  elif ! answer=$("$swift" --version 2>&1); then
    found="'$swift --version' fails: $answer"
  else
    version=$(printf '%s\n' "$answer" | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p')
    oldest=$(printf '%s\n%s\n' "$swift_wanted" "$version" | sort -V | head -n 1)
    [ -n "$version" ] && [ "$oldest" = "$swift_wanted" ] && return
    found="here is ${version:-one of unknown version}"
  fi
  cat >&2 <<END
Building needs a Swift toolchain, version $swift_wanted or later; $found.
Get one from https://www.swift.org/install/linux/ and put its usr/bin on the PATH.
END
  exit 69
}

# may_not_install WHY
may_not_install() {
  cat >&2 <<END
Missing:$apt
Not installed here, because $1. Install with one of

  Debian, Ubuntu:  sudo apt-get install$apt
  Fedora:          sudo dnf install$(unique "$dnf")
  Arch:            sudo pacman -S$(unique "$pacman")
  Alpine:          sudo apk add$(unique "$apk")

and try again. (Tried on Debian and Ubuntu; the other names are a hint.)
END
  exit 69
}

unique() {
  for word in $1; do printf '%s\n' "$word"; done | sort -u | while read -r word; do printf ' %s' "$word"; done
}

# run_apt ARGUMENT...
run_apt() {
  # shellcheck disable=SC2086 # $as_root is empty or two words.
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" </dev/null >"$log" 2>&1
}

install_missing() {
  [ -z "${BENCH_NO_INSTALL:-}" ] || may_not_install 'BENCH_NO_INSTALL is set'
  have apt-get || may_not_install 'this system has no apt-get'
  if [ "$(id -u)" -eq 0 ]; then
    as_root=''
  elif have sudo && sudo -n true 2>/dev/null; then
    as_root='sudo -n'
  else
    may_not_install 'that takes root, or sudo without a password'
  fi

  log=$(mktemp) || exit 70
  trap 'rm -f "$log"' EXIT
  echo "Installing with ${as_root:+$as_root }apt-get:$apt" >&2
  run_apt update || echo 'apt-get update failed; trying with the package lists that are here.' >&2
  # shellcheck disable=SC2086 # $apt is a list of words.
  if ! run_apt install -y --no-install-recommends $apt; then
    tail -n 20 "$log" >&2
    may_not_install 'apt-get failed (see above)'
  fi
}

[ $# -gt 0 ] || set -- build
find_missing "$@"
require_swift
if [ -n "$apt" ]; then
  install_missing
  find_missing "$@"
  [ -z "$apt" ] || may_not_install 'apt-get reports success, yet it is not found'
fi
