//! Where a function runs: a host with a clock of its own and what it has read before; and one call of a function on it, which may die at any wait.

use crate::engine::Millis;
use crate::faults::Fault;
use crate::world::World;
use fargate_runners_core::ids::{FleetName, TaskId};
use fargate_runners_core::record::{Slot, View};
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{FleetList, PortError, Retry};
use fargate_runners_use_cases::register::Kept;
use fargate_runners_use_cases::scale::Sizes;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Which function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
// The names say it.
pub enum Function {
    Webhook,
    Register,
    Deregister,
    Scale,
    Sweep,
}

impl Function {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Register => "register",
            Self::Deregister => "deregister",
            Self::Scale => "scale",
            Self::Sweep => "sweep",
        }
    }

    /// Its time limit, as in the template.
    #[must_use]
    pub const fn limit(self) -> Millis {
        match self {
            Self::Webhook => 10_000,
            Self::Register => 25_000,
            Self::Deregister | Self::Scale => 30_000,
            Self::Sweep => 300_000,
        }
    }
}

/// A host of a function, used for one call after the other.
#[derive(Debug, Default)]
pub struct Host {
    /// How wrong its clock is, in milliseconds.
    pub skew: i64,
    /// The fleets as it read them last.
    pub fleets: RefCell<Option<Arc<FleetList>>>,
    /// How large the fleets were when it looked at them last.
    pub sizes: Sizes,
    /// The tasks that it minted for last.
    pub kept: Kept,
}

/// One call of a function. Clones are the same call.
#[derive(Clone)]
pub struct Call(Rc<CallInner>);

struct CallInner {
    world: Rc<World>,
    function: Function,
    host: Rc<Host>,
    deadline: Millis,
    dead: Cell<bool>,
    /// The message group whose batch this is, where it is one.
    group: RefCell<Vec<String>>,
    /// The tasks that were protected by a fleet's records when it last read them.
    read_as_protected: RefCell<BTreeMap<FleetName, BTreeSet<TaskId>>>,
}

impl Call {
    /// A call that begins now.
    #[must_use]
    pub fn new(world: &Rc<World>, function: Function, host: Rc<Host>) -> Self {
        let deadline = world.now() + function.limit();
        world.meter.begins(function);
        Self(Rc::new(CallInner {
            world: Rc::clone(world),
            function,
            host,
            deadline,
            dead: Cell::new(false),
            group: RefCell::default(),
            read_as_protected: RefCell::default(),
        }))
    }

    /// Notes for which message groups it works.
    pub fn works_for(&self, groups: Vec<String>) {
        *self.0.group.borrow_mut() = groups;
    }

    /// Whether it works for the message group of this fleet.
    #[must_use]
    pub fn is_in_group(&self, fleet: &str) -> bool {
        self.0.group.borrow().iter().any(|group| group == fleet)
    }

    /// Notes what a fleet's records, which it has read, say of protection.
    pub fn reads(&self, view: &View) {
        let now = self.clock();
        let tasks = view.tasks.values().map(Slot::get);
        let protected = tasks.filter(|task| task.protected_until.is_some_and(|until| until > now)).map(|task| task.task_id.clone());
        self.0.read_as_protected.borrow_mut().insert(view.fleet().clone(), protected.collect());
    }

    /// Whether it can know that ECS protects the task.
    #[must_use]
    pub fn has_read_as_protected(&self, fleet: &FleetName, task: &str) -> bool {
        self.0.read_as_protected.borrow().get(fleet).is_some_and(|tasks| tasks.iter().any(|known| known.as_str() == task))
    }

    /// The world.
    #[must_use]
    pub fn world(&self) -> &Rc<World> {
        &self.0.world
    }

    /// The function.
    #[must_use]
    pub fn function(&self) -> Function {
        self.0.function
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.0.host
    }

    /// The time by the host's clock.
    #[must_use]
    pub fn clock(&self) -> Timestamp {
        Timestamp::from_millis(self.0.world.now().saturating_add_signed(self.0.host.skew))
    }

    /// Tells what it does.
    pub fn tell(&self, what: impl FnOnce() -> String) {
        self.0.world.tell(self.0.function.name(), what);
    }

    /// On the way to a service: it takes a while, in which the function may die; or the service has no room, or breaks before it has done anything.
    pub async fn enter(&self, what: &'static str) -> Result<(), PortError> {
        let world = &self.0.world;
        world.meter.called(what);
        let slow = if world.strikes(Fault::CallSlow) { world.faults.between(Fault::CallSlow, 1_000, 8_000) } else { 0 };
        self.pass(world.between(1, 12) + slow).await;
        if world.strikes(Fault::CallThrottled) {
            return Err(PortError::bare(what, Retry::Throttled));
        }
        if world.strikes(Fault::CallFailedBefore) {
            return Err(PortError::bare(what, Retry::UnknownEffect));
        }
        Ok(())
    }

    /// On the way back: the function may die before it hears, or the answer is lost.
    pub async fn leave(&self, what: &'static str) -> Result<(), PortError> {
        if self.0.world.strikes(Fault::FunctionDies) {
            self.die().await;
        }
        if self.0.world.strikes(Fault::CallFailedAfter) {
            return Err(PortError::bare(what, Retry::UnknownEffect));
        }
        Ok(())
    }

    /// Time passes; the function may die, by chance or because its time is over.
    pub async fn pass(&self, millis: Millis) {
        let world = &self.0.world;
        if world.strikes(Fault::FunctionDies) {
            world.engine.sleep(millis / 2).await;
            self.die().await;
        }
        let until = world.now() + millis;
        if until > self.0.deadline {
            world.engine.sleep_until(self.0.deadline).await;
            self.die().await;
        }
        world.engine.sleep_until(until).await;
    }

    /// A service takes this much longer, where anything is measured.
    pub async fn takes(&self, millis: Millis) {
        if millis > 0 {
            self.pass(millis).await;
        }
    }

    async fn die(&self) {
        self.tell(|| "dies".to_owned());
        self.0.dead.set(true);
        std::future::pending::<()>().await;
    }

    /// Runs a function's future until it answers or dies (`None`).
    pub async fn run<T>(&self, body: impl Future<Output = T>) -> Option<T> {
        Mortal { body: Box::pin(body), call: self.clone() }.await
    }
}

impl Drop for CallInner {
    fn drop(&mut self) {
        self.world.meter.ends(self.function);
    }
}

struct Mortal<T> {
    body: Pin<Box<T>>,
    call: Call,
}

impl<T: Future> Future for Mortal<T> {
    type Output = Option<T::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.body.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending if self.call.0.dead.get() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}
