//! The functions as Lambda runs them: which host takes a call, what is tried again when a call died, and the way of a task's request through the gateway.

use crate::engine::{First, Given, Millis, first};
use crate::faults::Fault;
use crate::host::{Call, Function, Host};
use crate::world::World;
use fargate_runners_core::ecs_event::TaskStateChange;
use fargate_runners_model_github::{Action, Answer as Delivered, Outgoing, Payload, signature};
use fargate_runners_use_cases::deregister::{Again, Deregister};
use fargate_runners_use_cases::ports::DeadLetterSource;
use fargate_runners_use_cases::register::{Answer, Kept, Register, Route};
use fargate_runners_use_cases::scale::{Message, Scale, Sizes};
use fargate_runners_use_cases::sweep::{Healer, Ports, Sweep};
use fargate_runners_use_cases::webhook::{Delivery, Webhook};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Hosts that a function has at a time: enough for different memories, few enough that they are used again.
const HOSTS: u64 = 3;

/// The gateway gives up after this.
const GATEWAY_LIMIT: Millis = 30_000;

/// GitHub gives up on a delivery after this.
const DELIVERY_LIMIT: Millis = 10_000;

/// The schedule in the template.
const SWEEP_EVERY: Millis = 300_000;

/// Lambda's tries of an asynchronous event, and the pause before each.
const ASYNC_PAUSES: [Millis; 3] = [0, 60_000, 120_000];

/// The functions' hosts.
#[derive(Default)]
pub struct Functions {
    hosts: RefCell<BTreeMap<(Function, u64), Rc<Host>>>,
    healed: RefCell<BTreeMap<&'static str, u64>>,
}

impl Functions {
    /// New versions of all functions are deployed: what hosts remembered is gone. Calls under way end where they are.
    pub fn redeploy(&self) {
        self.hosts.borrow_mut().clear();
    }

    /// How much each healer has healed.
    #[must_use]
    pub fn healed(&self) -> Vec<(&'static str, u64)> {
        self.healed.borrow().iter().map(|(healer, count)| (*healer, *count)).collect()
    }

    fn host(&self, world: &World, function: Function) -> Rc<Host> {
        let key = (function, world.between(0, HOSTS - 1));
        Rc::clone(self.hosts.borrow_mut().entry(key).or_insert_with(|| {
            let wrong = world.strikes(Fault::ClockSkew);
            let skew = if wrong { world.faults.between(Fault::ClockSkew, 0, 4_000).cast_signed() - 2_000 } else { 0 };
            let sizes = world.many.map_or_else(Sizes::default, Sizes::with_many);
            Rc::new(Host { skew, fleets: RefCell::default(), sizes, kept: Kept::default() })
        }))
    }
}

fn call(world: &Rc<World>, function: Function) -> Call {
    Call::new(world, function, world.functions.host(world, function))
}

/// A task's request.
#[derive(Clone, Debug)]
pub struct ApiCall {
    /// The task that signed it.
    pub task_id: String,
    /// Its fleet, whose tasks' role it has.
    pub fleet: String,
    /// What is asked.
    pub route: Route,
    /// The nonce.
    pub nonce: String,
    /// What else it says: the name of the runner that it acknowledges, or what a task that is done has behind it.
    pub member: Option<(&'static str, String)>,
}

/// What a task gets.
#[derive(Debug)]
pub enum ApiAnswer {
    /// Nothing, after a while.
    Silence,
    /// The gateway's own error, or the function's death.
    Failed,
    /// The function's answer.
    Answer(Answer),
}

/// A task's request on its way through the gateway. The function goes on when the task is gone.
pub async fn api(world: &Rc<World>, request: ApiCall) -> ApiAnswer {
    world.engine.sleep(world.between(5, 60)).await;
    if world.strikes(Fault::TaskCallLost) {
        world.engine.sleep(10_000).await;
        return ApiAnswer::Silence;
    }
    let answer = Given::default();
    for _ in 0..=usize::from(world.strikes(Fault::FunctionRunsTwice)) {
        let (world, request, answer) = (Rc::clone(world), request.clone(), answer.clone());
        world.clone().engine.spawn(async move { answer.give(register(&world, &request).await) });
    }
    let answer = match first(answer.take(), world.engine.sleep(GATEWAY_LIMIT)).await {
        First::Left(Some(Some(answer))) => ApiAnswer::Answer(answer),
        First::Left(_) | First::Right(()) => ApiAnswer::Failed,
    };
    if world.strikes(Fault::TaskAnswerLost) {
        world.engine.sleep(10_000).await;
        return ApiAnswer::Silence;
    }
    answer
}

async fn register(world: &Rc<World>, request: &ApiCall) -> Option<Answer> {
    let call = call(world, Function::Register);
    let function = Register {
        ledger: call.clone(),
        pace: call.clone(),
        github: call.clone(),
        tasks: call.clone(),
        fleets: call.clone(),
        bus: call.clone(),
        clock: call.clone(),
        kept: call.host().kept.clone(),
        stack: world.stack.clone(),
    };
    let arn = format!("arn:aws:sts::111122223333:assumed-role/runners-{}-task/{}", request.fleet, request.task_id);
    let member = request.member.as_ref().map(|(name, value)| format!(",\"{name}\":\"{value}\"")).unwrap_or_default();
    let body = format!("{{\"nonce\":\"{}\"{member}}}", request.nonce);
    call.run(function.handle(request.route, Some(&arn), body.as_bytes())).await
}

/// A webhook delivery of GitHub, and what becomes of it.
pub fn deliver(world: &Rc<World>, outgoing: Outgoing) {
    let now = world.now();
    if let Payload::Job(event) = &*outgoing.payload {
        if event.stale_runner {
            world.faults.count(Fault::StaleRunner);
        }
        if event.action == Action::Completed && world.strikes(Fault::NoCompleted) {
            // As if it had never been made: nothing in the log says that it failed.
            world.github.borrow_mut().answered(now, outgoing.id, Delivered::Status(202));
            return;
        }
    }
    if world.strikes(Fault::DeliveryLost) {
        world.github.borrow_mut().answered(now, outgoing.id, Delivered::TimedOut);
        return;
    }
    let mut delays = vec![0];
    if world.strikes(Fault::DeliveryDelayed) {
        delays[0] = world.faults.between(Fault::DeliveryDelayed, 60_000, 900_000);
    } else if world.strikes(Fault::DeliveryReordered) {
        delays[0] = world.faults.between(Fault::DeliveryReordered, 1_000, 30_000);
    }
    if world.strikes(Fault::DeliveryRepeated) {
        delays.push(delays[0] + world.faults.between(Fault::DeliveryRepeated, 10, 20_000));
    }
    if world.strikes(Fault::DeliveryRepeatedLate) {
        // Some only days later, which a story hears that goes on for so long: GitHub keeps deliveries for three days.
        let most = if world.faults.between(Fault::DeliveryRepeatedLate, 0, 3) == 0 { 72 } else { 8 };
        delays.push(world.faults.between(Fault::DeliveryRepeatedLate, 600_000, most * 3_600_000));
    }
    let outgoing = Rc::new(outgoing);
    for (position, delay) in delays.into_iter().enumerate() {
        let (world, outgoing) = (Rc::clone(world), Rc::clone(&outgoing));
        world.clone().engine.spawn(async move {
            world.engine.sleep(delay).await;
            let answer = webhook(&world, &outgoing).await;
            let lost = world.strikes(Fault::DeliveryAnswerLost);
            if position == 0 {
                let now = world.now();
                let answer = answer.filter(|_| !lost).map_or(Delivered::TimedOut, Delivered::Status);
                world.github.borrow_mut().answered(now, outgoing.id, answer);
            }
        });
    }
}

async fn webhook(world: &Rc<World>, outgoing: &Outgoing) -> Option<u16> {
    let call = call(world, Function::Webhook);
    let function = Webhook {
        secrets: call.clone(),
        fleets: call.clone(),
        notes: call.clone(),
        bus: call.clone(),
        clock: call.clone(),
        stack: world.stack.clone(),
    };
    let body = outgoing.bare_body();
    let signature = signature(crate::ports::WEBHOOK_SECRET, body.as_bytes());
    let delivery = Delivery { event: "workflow_job", delivery: &outgoing.guid, signature: Some(&signature), body: body.as_bytes() };
    match first(call.run(function.handle(delivery)), world.engine.sleep(DELIVERY_LIMIT)).await {
        First::Left(answer) => answer.map(|answer| answer.status),
        First::Right(()) => None,
    }
}

fn scale_function(world: &World, call: &Call) -> Scale<Call, Call, Call, Call, Call, Call, Call, Call> {
    Scale {
        ledger: call.clone(),
        capacity: call.clone(),
        fleets: call.clone(),
        bus: call.clone(),
        wake_up: call.clone(),
        queue: call.clone(),
        dead_letters: call.clone(),
        clock: call.clone(),
        sizes: call.host().sizes.clone(),
        stack: world.stack.clone(),
    }
}

/// A batch of the fleets' queue: the ids that must come again; `None` if the function died.
pub async fn scale(world: &Rc<World>, groups: Vec<String>, batch: Vec<Message>) -> Option<Vec<String>> {
    let call = call(world, Function::Scale);
    call.works_for(groups);
    call.run(scale_function(world, &call).handle(batch)).await
}

/// A message of the wake-up queue: whether it is done with.
pub async fn forward(world: &Rc<World>, message: Message) -> bool {
    let call = call(world, Function::Scale);
    call.run(scale_function(world, &call).forward(vec![message])).await.is_some_and(|failed| failed.is_empty())
}

fn deregister_function(world: &World, call: &Call) -> Deregister<Call, Call, Call, Call, Call, Call> {
    Deregister {
        ledger: call.clone(),
        github: call.clone(),
        fleets: call.clone(),
        bus: call.clone(),
        retries: call.clone(),
        clock: call.clone(),
        stack_name: "runners".to_owned(),
        stack: world.stack.clone(),
    }
}

/// An event of ECS: Lambda tries it three times, then it is a dead letter.
pub fn ecs_event(world: &Rc<World>, envelope: serde_json::Value) {
    if world.strikes(Fault::EcsEventLost) {
        return;
    }
    let copies = 1 + usize::from(world.strikes(Fault::EcsEventRepeated));
    let envelope = Rc::new(envelope);
    for _ in 0..copies {
        let late = if world.strikes(Fault::EcsEventDelayed) { world.faults.between(Fault::EcsEventDelayed, 30_000, 900_000) } else { 0 };
        let (world, envelope, delay) = (Rc::clone(world), Rc::clone(&envelope), world.between(10, 500) + late);
        world.clone().engine.spawn(async move {
            world.engine.sleep(delay).await;
            let Ok(change) = serde_json::from_value::<TaskStateChange>(envelope["detail"].clone()) else { return };
            for pause in ASYNC_PAUSES {
                world.engine.sleep(pause).await;
                let call = call(&world, Function::Deregister);
                if let Some(Ok(())) = call.run(deregister_function(&world, &call).handle(&change)).await {
                    return;
                }
            }
            world.queues.park(DeadLetterSource::Events, "async", &envelope.to_string(), false);
        });
    }
}

/// The schedule of `sweep`, until the story ends.
pub async fn sweep_on_schedule(world: Rc<World>) {
    loop {
        world.engine.sleep(SWEEP_EVERY).await;
        world.oracle.counts_last(&world);
        world.oracle.jobs_are_protected(&world);
        if world.strikes(Fault::SweepMissed) {
            continue;
        }
        for _ in 0..=usize::from(world.strikes(Fault::SweepTwice)) {
            let world = Rc::clone(&world);
            world.clone().engine.spawn(async move { sweep(&world).await });
        }
    }
}

/// All ports of the healer are calls.
struct SweepPorts;

impl Ports for SweepPorts {
    type Ledger = Call;
    type Survey = Call;
    type Github = Call;
    type DeadLetters = Call;
    type Memory = Call;
    type Fleets = Call;
    type Queue = Call;
    type Retries = Call;
    type Bus = Call;
    type Clock = Call;
}

async fn sweep(world: &Rc<World>) {
    world.oracle.sweeps(world);
    let call = call(world, Function::Sweep);
    let function = Sweep::<SweepPorts> {
        ledger: call.clone(),
        survey: call.clone(),
        github: call.clone(),
        dead_letters: call.clone(),
        memory: call.clone(),
        fleets: call.clone(),
        queue: call.clone(),
        retries: call.clone(),
        bus: call.clone(),
        clock: call.clone(),
        stack: world.stack.clone(),
        stack_name: "runners".to_owned(),
        retry_interrupted_jobs: world.retries_interrupted_jobs,
    };
    let Some(report) = call.run(function.handle(&Healer::ALL)).await else { return };
    let mut healed = world.functions.healed.borrow_mut();
    for (healer, outcome) in report.healers {
        *healed.entry(healer.name()).or_default() += u64::from(outcome.healed);
        if !outcome.failures.is_empty() {
            world.tell("sweep", || format!("{}: {}", healer.name(), outcome.failures.join(" | ")));
        }
    }
}

/// A message of `deregister`'s retry queue: whether it is done with.
pub async fn clean_up(world: &Rc<World>, body: &str) -> bool {
    let Ok(again) = serde_json::from_str::<Again>(body) else { return false };
    let call = call(world, Function::Deregister);
    matches!(call.run(deregister_function(world, &call).clean_up(again)).await, Some(Ok(())))
}
