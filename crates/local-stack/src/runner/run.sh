#!/usr/bin/env bash
# Stand-in for the runner's run.sh: starts the listener, and again where its exit code asks for it; ends with 0 in nearly all other cases.
set -u
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
listener=""

pass_on() {
    if [ -n "$listener" ]; then
        kill -INT "$listener" 2>/dev/null
    fi
}

run() {
    if [ -z "${RUNNER_MANUALLY_TRAP_SIG:-}" ]; then
        "$here/bin/Runner.Listener" run "$@"
        return
    fi
    trap pass_on INT TERM
    "$here/bin/Runner.Listener" run "$@" &
    listener=$!
    local code
    wait "$listener"
    code=$?
    # A trapped signal ends the wait before the listener has ended.
    while kill -0 "$listener" 2>/dev/null; do
        wait "$listener"
        code=$?
    done
    listener=""
    trap - INT TERM
    return "$code"
}

while :; do
    run "$@"
    code=$?
    case "$code" in
        0) echo "Runner listener exit with 0 return code, stop the service, no retry needed."; exit 0 ;;
        1) echo "Runner listener exit with terminated error, stop the service, no retry needed."; exit 0 ;;
        2) echo "Runner listener exit with retryable error, re-launch runner in 5 seconds."; sleep 5 ;;
        3 | 4) echo "Runner listener exit because of updating, re-launch runner after successful update"; sleep 1 ;;
        5) echo "Runner listener exit with Session Conflict error, stop the service, no retry needed."; exit 0 ;;
        7) echo "Runner listener exit with deprecated version error code: $code."; exit 0 ;;
        *) echo "Exiting after unknown error code: $code"; exit 0 ;;
    esac
    echo "Restarting runner..."
done
