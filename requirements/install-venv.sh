#!/bin/sh
# Debian splits venv out of python3.11; install it when we may, say how when we may not.
set -eu
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "python3.11 has no venv module: installing python3.11-venv"
    apt-get update -qq && apt-get install -y -qq python3.11-venv >/dev/null
else
    echo "python3.11 has no venv module; install it first: sudo apt-get install python3.11-venv" >&2
    exit 1
fi
