#!/usr/bin/env bash
# Makes sure that commands are there: `tools/debian.sh nginx wrk`. Each has the name of its Debian package.
#
# As root it installs what is missing; otherwise it fails and says what to run.
set -euo pipefail
export PATH="$PATH:/usr/sbin"

missing=()
for package in "$@"; do
  command -v "$package" >/dev/null || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "Missing: ${missing[*]}. Run: sudo apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
# Without a run level no package starts a service of its own.
export RUNLEVEL=1
apt-get update -qq
apt-get install -qq --yes --no-install-recommends "${missing[@]}" >/dev/null
