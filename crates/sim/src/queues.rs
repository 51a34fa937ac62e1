//! The bus and the queues, as AWS promises them and no better: at least once, the bus in any order, a FIFO group one batch at a time, a message that failed
//! again after its visibility timeout, and after too many tries in a dead-letter queue.

use crate::engine::Millis;
use crate::faults::Fault;
use crate::functions;
use crate::world::World;
use fargate_runners_core::events::{Event, EventError};
use fargate_runners_core::ids::FleetName;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{DeadLetter, DeadLetterSource};
use fargate_runners_use_cases::scale::Message;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

/// The visibility timeouts and the tries of the template's queues.
const FLEETS_VISIBILITY: Millis = 180_000;
const FLEETS_TRIES: u32 = 10;
const WAKE_UP_VISIBILITY: Millis = 180_000;
const RETRY_VISIBILITY: Millis = 150_000;
const STANDARD_TRIES: u32 = 5;

/// A FIFO queue drops what bears the id of a message of the last five minutes.
const DEDUPLICATION: Millis = 300_000;

/// For how long nobody else sees a dead letter that was received.
const DEAD_VISIBILITY: Millis = 180_000;

/// A batch of the fleets' queue has at most this many messages.
const BATCH: usize = 10;

/// A message that has waited for longer than this in its group was held up by something else than its own group's work: R6 speaks of minutes. The time in
/// which the group stood still, because a function had died and the queue hid what it had, is no work and does not count.
const HELD_UP: Millis = 15 * 60_000;

#[derive(Default)]
struct Group {
    messages: VecDeque<Queued>,
    works: bool,
    /// For how long it has stood still in all.
    stood_still: Millis,
}

struct Queued {
    message: Message,
    since: Millis,
    /// For how long its group had stood still before it came.
    stood_still: Millis,
    tries: u32,
}

struct Dead {
    letter: DeadLetter,
    visible_at: Millis,
}

/// The bus and the queues.
#[derive(Default)]
pub struct Queues {
    groups: RefCell<BTreeMap<String, Group>>,
    dead: RefCell<BTreeMap<DeadLetterSource, Vec<Dead>>>,
    seen: RefCell<BTreeMap<(String, String), Millis>>,
    serial: Cell<u64>,
    on_the_way: Cell<u64>,
    held: Cell<bool>,
    handed_back: Cell<u64>,
}

impl Queues {
    /// An event comes onto the bus: each fleet's own rule sends it into the fleet's group.
    pub fn publish(&self, world: &Rc<World>, event: &Event) -> Result<(), EventError> {
        let fleet = event.fleet().to_string();
        world.tell("bus", || format!("{} for {fleet}", event.detail_type()));
        // What is noted in the ledger no rule sends on.
        let is_for_listeners = matches!(event, Event::RunnerLost(_)) || matches!(event, Event::Job(job) if job.noted);
        if is_for_listeners || !world.book.borrow().has_rule(&fleet) {
            return Ok(());
        }
        let body = event.to_message()?;
        if world.strikes(Fault::EventDeadLettered) {
            self.park(DeadLetterSource::Events, &self.id(), &body, false);
            return Ok(());
        }
        let copies = 1 + usize::from(world.strikes(Fault::EventRepeated));
        for _ in 0..copies {
            let late = if world.strikes(Fault::EventDelayed) { world.faults.between(Fault::EventDelayed, 30_000, 600_000) } else { 0 };
            let delay = world.between(15, 400) + late;
            let (queues_world, fleet, body) = (Rc::clone(world), fleet.clone(), body.clone());
            self.on_the_way.set(self.on_the_way.get() + 1);
            world.engine.spawn(async move {
                queues_world.engine.sleep(delay).await;
                let queues = &queues_world.queues;
                queues.on_the_way.set(queues.on_the_way.get() - 1);
                queues.enqueue(&queues_world, &fleet, queues.id(), body);
                if queues_world.strikes(Fault::MessagePoisoned) {
                    queues.enqueue(&queues_world, &fleet, queues.id(), "{\"not\": \"an event\"}".to_owned());
                }
            });
        }
        Ok(())
    }

    /// A message for a fleet's group that does not come from the bus.
    pub fn forward(&self, world: &Rc<World>, fleet: &FleetName, id: &str, body: &str) {
        let key = (fleet.to_string(), id.to_owned());
        let now = world.now();
        self.seen.borrow_mut().retain(|_, at| now < *at + DEDUPLICATION);
        if self.seen.borrow_mut().insert(key, now).is_none() {
            self.enqueue(world, fleet.as_str(), self.id(), body.to_owned());
        }
    }

    /// A message for the wake-up queue.
    pub fn wake_up(&self, world: &Rc<World>, fleet: &FleetName, delay: Duration, due: Timestamp) {
        let event = Event::LookAgain(fargate_runners_core::events::LookAgain { fleet: fleet.clone(), due: Some(due) });
        let Ok(body) = event.to_message() else { return };
        if world.strikes(Fault::WakeUpLost) {
            return self.park(DeadLetterSource::WakeUps, &self.id(), &body, false);
        }
        let copies = 1 + usize::from(world.strikes(Fault::WakeUpRepeated));
        for _ in 0..copies {
            let message = Message { id: self.id(), body: body.clone() };
            let (world, delay) = (Rc::clone(world), millis(delay) + world.between(5, 500));
            self.on_the_way.set(self.on_the_way.get() + 1);
            world.clone().engine.spawn(async move {
                world.engine.sleep(delay).await;
                world.queues.on_the_way.set(world.queues.on_the_way.get() - 1);
                for _ in 0..STANDARD_TRIES {
                    if functions::forward(&world, message.clone()).await {
                        return;
                    }
                    world.engine.sleep(WAKE_UP_VISIBILITY).await;
                }
                world.queues.park(DeadLetterSource::WakeUps, &message.id, &message.body, false);
            });
        }
    }

    /// A message for `deregister`'s retry queue.
    pub fn retry(&self, world: &Rc<World>, body: &str, delay: Duration) {
        let (id, body, delay) = (self.id(), body.to_owned(), millis(delay));
        let world = Rc::clone(world);
        world.clone().engine.spawn(async move {
            world.engine.sleep(delay).await;
            for _ in 0..STANDARD_TRIES {
                if functions::clean_up(&world, &body).await {
                    return;
                }
                world.engine.sleep(RETRY_VISIBILITY).await;
            }
            world.queues.park(DeadLetterSource::Retries, &id, &body, false);
        });
    }

    /// A message becomes a dead letter.
    pub fn park(&self, source: DeadLetterSource, id: &str, body: &str, parked: bool) {
        let letter = DeadLetter { id: id.to_owned(), body: body.to_owned(), receipt: self.id(), parked };
        self.dead.borrow_mut().entry(source).or_default().push(Dead { letter, visible_at: 0 });
    }

    /// Receives up to ten dead letters.
    pub fn receive_dead(&self, source: DeadLetterSource, now: Millis) -> Vec<DeadLetter> {
        let mut dead = self.dead.borrow_mut();
        let visible = dead.entry(source).or_default().iter_mut().filter(|dead| dead.visible_at <= now).take(BATCH);
        visible
            .map(|dead| {
                dead.visible_at = now + DEAD_VISIBILITY;
                dead.letter.clone()
            })
            .collect()
    }

    /// Removes a dead letter.
    pub fn remove_dead(&self, source: DeadLetterSource, receipt: &str) {
        self.dead.borrow_mut().entry(source).or_default().retain(|dead| dead.letter.receipt != receipt);
    }

    /// Dead letters that nobody put aside on purpose.
    #[must_use]
    pub fn dead(&self) -> Vec<(DeadLetterSource, DeadLetter)> {
        let dead = self.dead.borrow();
        let all = dead.iter().flat_map(|(source, dead)| dead.iter().map(|dead| (*source, dead.letter.clone())));
        all.filter(|(_, letter)| !letter.parked).collect()
    }

    /// How many messages wait or are on their way.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        let groups: usize = self.groups.borrow().values().map(|group| group.messages.len()).sum();
        self.on_the_way.get() + groups as u64
    }

    /// From here on nobody works on the fleets' queue.
    pub fn hold(&self) {
        self.held.set(true);
    }

    /// Work goes on, with all that has come meanwhile as one batch, in the order in which it came. Returns whether it fits into one.
    pub fn release_as_one_batch(&self, world: &Rc<World>) -> bool {
        self.held.set(false);
        let mut batch: Vec<(String, Queued)> = Vec::new();
        for (name, group) in self.groups.borrow_mut().iter_mut().filter(|(_, group)| !group.messages.is_empty()) {
            group.works = true;
            batch.extend(group.messages.drain(..).map(|queued| (name.clone(), queued)));
        }
        batch.sort_by_key(|(_, queued)| queued.since);
        let fits = batch.len() <= BATCH;
        let world = Rc::clone(world);
        world.clone().engine.spawn(async move {
            for name in carry_out(&world, batch).await {
                let world = Rc::clone(&world);
                world.clone().engine.spawn(async move { work(&world, &name).await });
            }
        });
        fits
    }

    /// How many messages of the fleets' queue have such a body.
    #[must_use]
    pub fn count_waiting(&self, such: impl Fn(&str) -> bool) -> usize {
        self.groups.borrow().values().flat_map(|group| &group.messages).filter(|queued| such(&queued.message.body)).count()
    }

    /// How often a message of the fleets' queue had to come again.
    #[must_use]
    pub fn handed_back(&self) -> u64 {
        self.handed_back.get()
    }

    fn id(&self) -> String {
        self.serial.set(self.serial.get() + 1);
        format!("m{}", self.serial.get())
    }

    fn enqueue(&self, world: &Rc<World>, group: &str, id: String, body: String) {
        world.meter.event(group, world.now());
        let starts = {
            let mut groups = self.groups.borrow_mut();
            let found = groups.entry(group.to_owned()).or_default();
            let stood_still = found.stood_still;
            found.messages.push_back(Queued { message: Message { id, body }, since: world.now(), stood_still, tries: 0 });
            !self.held.get() && !std::mem::replace(&mut found.works, true)
        };
        if starts {
            let (world, group) = (Rc::clone(world), group.to_owned());
            world.clone().engine.spawn(async move { work(&world, &group).await });
        }
    }

    /// The next batch: this group's oldest messages, and now and then some of another group that has none under way.
    fn take(&self, world: &World, group: &str) -> Vec<(String, Queued)> {
        let mut groups = self.groups.borrow_mut();
        let mut batch: Vec<(String, Queued)> = Vec::new();
        if let Some(found) = groups.get_mut(group) {
            while batch.len() < BATCH
                && !self.held.get()
                && let Some(queued) = found.messages.pop_front()
            {
                batch.push((group.to_owned(), queued));
            }
            found.works = !batch.is_empty();
            world.meter.batch(batch.len(), found.messages.len());
        }
        if !batch.is_empty() && batch.len() < BATCH && world.between(0, 9) == 0 {
            let other = groups.iter_mut().find(|(name, other)| *name != group && !other.works && !other.messages.is_empty());
            if let Some((name, other)) = other
                && let Some(queued) = other.messages.pop_front()
            {
                other.works = true;
                batch.push((name.clone(), queued));
            }
        }
        batch
    }

    /// For how long a group has stood still in all.
    fn stood_still(&self, group: &str) -> Millis {
        self.groups.borrow().get(group).map_or(0, |group| group.stood_still)
    }

    fn has_stood_still(&self, names: &[String], time: Millis) {
        let mut groups = self.groups.borrow_mut();
        for name in names {
            groups.entry(name.clone()).or_default().stood_still += time;
        }
    }

    /// Puts what failed back where it was, or away for good. Returns whether anything is left to wait for.
    fn put_back(&self, failed: Vec<(String, Queued)>) -> bool {
        let mut any = false;
        for (group, mut queued) in failed.into_iter().rev() {
            queued.tries += 1;
            self.handed_back.set(self.handed_back.get() + 1);
            if queued.tries >= FLEETS_TRIES {
                self.park(DeadLetterSource::Fleets, &queued.message.id, &queued.message.body, false);
            } else {
                any = true;
                self.groups.borrow_mut().entry(group).or_default().messages.push_front(queued);
            }
        }
        any
    }
}

/// Works on a group until it is empty.
async fn work(world: &Rc<World>, group: &str) {
    world.engine.sleep(world.between(1, 20)).await;
    loop {
        let batch = world.queues.take(world, group);
        if batch.is_empty() {
            return;
        }
        for other in carry_out(world, batch).await.into_iter().filter(|name| *name != group) {
            // The other group goes on by itself.
            let world = Rc::clone(world);
            world.clone().engine.spawn(async move { Box::pin(work(&world, &other)).await });
        }
    }
}

/// Works on one batch. Returns its groups.
async fn carry_out(world: &Rc<World>, batch: Vec<(String, Queued)>) -> Vec<String> {
    for (name, queued) in &batch {
        // Whoever came while the group stood still has waited for a part of that only.
        let stood_still = world.queues.stood_still(name) - queued.stood_still;
        let waited = (world.now() - queued.since).saturating_sub(stood_still);
        if waited > HELD_UP {
            let minutes = waited / 60_000;
            world.oracle.violation(world, "R6", format!("a message of {name} was held up for {minutes} minutes in its queue"));
        }
    }
    let mut names: Vec<String> = batch.iter().map(|(name, _)| name.clone()).collect();
    names.sort();
    names.dedup();
    let messages = batch.iter().map(|(_, queued)| queued.message.clone()).collect();
    let failed = functions::scale(world, names.clone(), messages).await;
    let failed: Vec<_> =
        batch.into_iter().filter(|(_, queued)| failed.as_ref().is_none_or(|ids| ids.contains(&queued.message.id))).collect();
    if world.queues.put_back(failed) {
        world.engine.sleep(FLEETS_VISIBILITY).await;
        world.queues.has_stood_still(&names, FLEETS_VISIBILITY);
    }
    names
}

fn millis(duration: Duration) -> Millis {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
