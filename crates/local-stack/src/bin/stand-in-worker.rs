//! Installed as `bin/Runner.Worker`, which is also the process's name.

fn main() -> std::process::ExitCode {
    fargate_runners_local_stack::runner::work()
}
