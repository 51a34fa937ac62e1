//! Troubles of fleets and of their jobs: descriptions, labels, maxima, what keeps a job from coming here at all.

use serde_json::{Value, json};

use crate::problem::Outcome;

use super::Step;
use super::scene::{Scene, failed};
use super::table::JOB;

/// A job that holds its runner for as long as a trouble lasts.
const HOLDS_MILLISECONDS: u64 = 120_000;

/// Longer than a trouble takes to be asked about.
const PAUSE_MILLISECONDS: u64 = 15_000;

/// A label that a fleet gets only after a job has asked for it.
pub const LATE_LABEL: &str = "late";

/// A label of the fleet that cannot be read.
pub const UNREADABLE_LABEL: &str = "broken";

/// Nothing is put in: the job itself is the trouble.
pub async fn nothing(_: &Scene<'_>, _: Step) -> Outcome {
    Ok(())
}

/// A person has drained the fleet.
pub async fn drained(scene: &Scene<'_>, step: Step) -> Outcome {
    scene.operate(&[if step == Step::In { "drain" } else { "resume" }, "bursts"]).await
}

/// As many jobs as the fleet may have tasks hold its runners.
pub async fn full(scene: &Scene<'_>, step: Step) -> Outcome {
    if step == Step::Out {
        scene.cancel_running();
        return Ok(());
    }
    for _ in 0..scene.stack.size.maximum {
        scene.queue_for(JOB, HOLDS_MILLISECONDS);
    }
    scene.busy(scene.stack.size.maximum).await
}

/// GitHub has asked the credential to mint nothing for a while.
pub async fn mint_pause(scene: &Scene<'_>, step: Step) -> Outcome {
    let table = scene.stack.output("TableName")?;
    let until = if step == Step::In { scene.stack.github.now() + PAUSE_MILLISECONDS } else { 0 };
    let question = json!({
        "TableName": table, "Key": { "pk": { "S": "CREDENTIAL#default" }, "sk": { "S": "PACE" } },
        "UpdateExpression": "SET #n = :n", "ExpressionAttributeNames": { "#n": "not_before" },
        "ExpressionAttributeValues": { ":n": { "N": until.to_string() } },
    });
    scene.aws().json("dynamodb", "DynamoDB_20120810.UpdateItem", &question).await.map(drop).map_err(failed)
}

/// A second fleet has the same labels and scope, and its name comes later.
pub async fn shadowed(scene: &Scene<'_>, step: Step) -> Outcome {
    if step == Step::Out {
        return scene.parameter("fleets/twin", None).await;
    }
    let twin = changed(scene, |description| description["fleet"] = json!("twin")).await?;
    scene.parameter("fleets/twin", Some(&twin)).await
}

/// A fleet whose description lacks what every one must say.
pub async fn unreadable(scene: &Scene<'_>, step: Step) -> Outcome {
    const FLEET: &str = "fleets/broken";
    if step == Step::Out {
        return scene.parameter(FLEET, None).await;
    }
    let broken = changed(scene, |description| {
        description["fleet"] = json!("broken");
        description["labels"] = json!(["self-hosted", UNREADABLE_LABEL]);
        description["scope"] = json!(null);
    });
    let broken = broken.await?;
    scene.parameter(FLEET, Some(&broken)).await
}

/// A fleet for a runner group that is not there.
pub async fn group_missing(scene: &Scene<'_>, step: Step) -> Outcome {
    if step == Step::Out {
        return scene.parameter("fleets/strays", None).await;
    }
    let strays = changed(scene, |description| {
        description["fleet"] = json!("strays");
        description["labels"] = json!(["self-hosted", "strays"]);
        description["runner_group_id"] = json!(404);
    });
    let strays = strays.await?;
    scene.parameter("fleets/strays", Some(&strays)).await
}

/// A fleet gets a label that a job has asked for already.
pub async fn labelled_late(scene: &Scene<'_>, step: Step) -> Outcome {
    const FLEET: &str = "fleets/bursts";
    let mut description: Value = serde_json::from_str(&scene.read_parameter(FLEET).await?).map_err(failed)?;
    let labels = description["labels"].as_array_mut().ok_or_else(|| failed("the fleet `bursts` has no labels"))?;
    match step {
        Step::In => labels.push(json!(LATE_LABEL)),
        Step::Out => labels.retain(|label| label != LATE_LABEL),
    }
    scene.parameter(FLEET, Some(&description.to_string())).await
}

/// The first fleet's description, with something changed.
pub async fn changed(scene: &Scene<'_>, change: impl FnOnce(&mut Value)) -> Outcome<String> {
    let mut description: Value = serde_json::from_str(&scene.read_parameter("fleets/default").await?).map_err(failed)?;
    change(&mut description);
    Ok(description.to_string())
}
