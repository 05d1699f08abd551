#!/bin/sh
# Re-lock the dependencies. No index address is written, so the lock serves behind any mirror.
set -eu
cd "$(dirname "$0")/.."
lock() { out=$1; shift; uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header "$@" pyproject.toml -o "$out" >/dev/null; }
lock requirements/core.txt --group pyproject.toml:build
lock requirements/dev.txt --group pyproject.toml:build --group pyproject.toml:dev
