//! Installed as `bin/Runner.Listener`.

fn main() -> std::process::ExitCode {
    fargate_runners_local_stack::runner::listen()
}
