#!/usr/bin/env bash
# Stand-in for the runner's config.sh: registers with a registration token.
set -u
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
exec "$here/bin/Runner.Listener" configure "$@"
