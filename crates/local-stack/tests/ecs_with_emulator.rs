//! The ECS server beside a real emulator that enforces access (`AUTH=true`). The emulator is one of the project's tools and is started for this; where
//! they are not installed, the test says so and does nothing.

use std::io::{Write, stderr};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fargate_runners_local_stack::aws::{Credentials, Emulator};
use fargate_runners_local_stack::ecs::{EcsConfig, Observation, serve};
use fargate_runners_model_ecs::{Config, EcsModel, Timing};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::unbounded_channel;

/// The emulator, among the project's tools.
const EMULATOR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools/venv/bin/ministack");
const PATIENCE: Duration = Duration::from_secs(60);
const ECS: &str = "AmazonEC2ContainerServiceV20141113";
const IAM: &str = "2010-05-08";
const SCRIPT: &str = r#"
credentials=$(curl -s "$AWS_CONTAINER_CREDENTIALS_FULL_URI")
curl -s --aws-sigv4 "aws:amz:us-east-1:sts" --user "$(jq -r '.AccessKeyId+":"+.SecretAccessKey' <<<"$credentials")" \
  -H "x-amz-security-token: $(jq -r .Token <<<"$credentials")" "$EMULATOR" -d 'Action=GetCallerIdentity&Version=2011-06-15' | tr -d '\n'
echo
"#;

/// Puts up what a deploy would: roles, a cluster, a task definition, a service.
async fn deploy(emulator: &Emulator) {
    let trust = |principal: Value| json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]});
    let mut jobs = trust(json!({"Service": "ecs-tasks.amazonaws.com"}));
    jobs["Statement"][0]["Condition"] = json!({"StringEquals": {"aws:SourceAccount": "000000000000"}});
    let scale = trust(json!({"AWS": "arn:aws:iam::000000000000:root"}));
    for (name, trust) in [("jobs", jobs), ("scale", scale)] {
        let parameters = [("RoleName", name), ("AssumeRolePolicyDocument", &trust.to_string())];
        emulator.query("iam", "CreateRole", IAM, &parameters).await.unwrap();
    }
    let service = "arn:aws:ecs:us-east-1:000000000000:service/c/s";
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecs:UpdateService", "Resource": service}]});
    let parameters = [("RoleName", "scale"), ("PolicyName", "p"), ("PolicyDocument", &policy.to_string())];
    emulator.query("iam", "PutRolePolicy", IAM, &parameters).await.unwrap();
    let ecs = async |action: &str, body: Value| emulator.json("ecs", &format!("{ECS}.{action}"), &body).await.unwrap();
    ecs("CreateCluster", json!({"clusterName": "c"})).await;
    let container = json!({"name": "runner", "image": "i", "essential": true, "command": ["bash", "-c", SCRIPT]});
    let role = "arn:aws:iam::000000000000:role/jobs";
    let definition = json!({"family": "f", "cpu": "256", "memory": "512", "taskRoleArn": role, "containerDefinitions": [container],
                            "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"]});
    ecs("RegisterTaskDefinition", definition).await;
    ecs("CreateService", json!({"cluster": "c", "serviceName": "s", "taskDefinition": "f", "desiredCount": 0, "launchType": "FARGATE"}))
        .await;
    let pattern = json!({"source": ["aws.ecs"], "detail": {"clusterArn": ["arn:aws:ecs:us-east-1:000000000000:cluster/c"], "lastStatus": ["STOPPED"]}});
    emulator.json("events", "AWSEvents.PutRule", &json!({"Name": "stopped", "EventPattern": pattern.to_string()})).await.unwrap();
    let target = "arn:aws:lambda:us-east-1:000000000000:function:nobody";
    emulator.json("events", "AWSEvents.PutTargets", &json!({"Rule": "stopped", "Targets": [{"Id": "1", "Arn": target}]})).await.unwrap();
}

/// The emulator's process, which ends with the test.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Starts the emulator of the project's tools, if they are installed.
fn start_emulator() -> Option<(Emulator, Started)> {
    if !Path::new(EMULATOR).exists() {
        // Past the test harness, which would keep it to itself.
        drop(writeln!(stderr(), "NOT RUN: ECS beside the emulator (it is not among the project's tools: cargo xtask tools)"));
        return None;
    }
    let port = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr()).unwrap().port();
    let mut command = Command::new(EMULATOR);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.envs([("AUTH", "true"), ("BIND_HOST", "127.0.0.1"), ("GATEWAY_PORT", &port.to_string()), ("IOT_MTLS_ENABLED", "0")]);
    let started = Started(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let (address, begun) = (SocketAddr::from((Ipv4Addr::LOCALHOST, port)), std::time::Instant::now());
    while TcpStream::connect_timeout(&address, Duration::from_millis(100)).is_err() {
        assert!(begun.elapsed() < PATIENCE, "the emulator does not start");
        std::thread::park_timeout(Duration::from_millis(50));
    }
    Some((Emulator::test(format!("http://{address}")).unwrap(), started))
}

#[tokio::test]
async fn the_emulator_decides_who_may_and_tasks_get_their_role() {
    let Some((emulator, _started)) = start_emulator() else { return };
    deploy(&emulator).await;
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("emulator");
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(folder.join("runner")).unwrap();
    let (sender, mut seen) = unbounded_channel();
    let sender = Mutex::new(sender);
    let mut config = EcsConfig::new(folder.join("runner"), folder.join("tasks"));
    config.path = std::env::var("PATH").unwrap();
    config.extra_environment.insert("EMULATOR".to_owned(), emulator.endpoint().to_owned());
    config.observer = Some(Arc::new(move |observation| drop(sender.lock().unwrap().send(observation))));
    let model = Arc::new(Mutex::new(EcsModel::new(Config { timing: Timing::fast(), ..Config::default() }, 1)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let handle = serve(listener, model, Arc::new(emulator.clone()), config).await.unwrap();

    let role = emulator.assume_role("arn:aws:iam::000000000000:role/scale", "session").await.unwrap();
    let caller = Emulator::new(handle.endpoint(), "us-east-1", role.clone()).unwrap();
    let update = json!({"cluster": "c", "service": "s", "desiredCount": 1});
    caller.json("ecs", &format!("{ECS}.UpdateService"), &update).await.unwrap();
    let denied = caller.json("ecs", &format!("{ECS}.ListServices"), &json!({"cluster": "c"})).await.unwrap_err();
    assert!(denied.is_denial(), "{denied}");
    let forger = caller.as_caller(Credentials { secret_access_key: "wrong".into(), ..role });
    let refusal = forger.json("ecs", &format!("{ECS}.UpdateService"), &update).await.unwrap_err();
    println!("refused: {denied}; {refusal}");

    let (mut identity, mut stopped) = (String::new(), Value::Null);
    let search = async {
        while identity.is_empty() || stopped.is_null() {
            match seen.recv().await.expect("the server observes") {
                Observation::Line { line, .. } if line.contains("Arn") => identity = line,
                Observation::Line { line, .. } => println!("{line}"),
                Observation::Event { envelope, targets } if envelope["detail"]["lastStatus"] == "STOPPED" => {
                    println!("STOPPED reached {targets} targets");
                    stopped = envelope;
                }
                Observation::Event { targets, .. } => assert_eq!(targets, 0),
                other => println!("{other:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, search).await.expect("it happens in time");
    let task = stopped["detail"]["taskArn"].as_str().unwrap().rsplit('/').next().unwrap();
    assert!(identity.contains(&format!("assumed-role/jobs/{task}")), "{identity}");
    handle.shutdown().await;
}
