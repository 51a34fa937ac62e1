//! Virtual time for one thread: actors are futures, time jumps to whatever is due next. The same calls in the same order give the same run.
//!
//! Ours rather than a runtime's paused clock, because a story needs what those do not give: an actor that is dropped at any `.await`, an order that is the
//! same on every machine, and a step that costs tens of nanoseconds. It must never look at a real clock, nor run anything in parallel.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Milliseconds since 1970, in the story's world.
pub type Millis = u64;

type Actor = Pin<Box<dyn Future<Output = ()>>>;

/// Names an actor; never used again for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActorId {
    slot: usize,
    generation: u64,
}

/// The clock and the actors. Clones are the same engine.
#[derive(Clone)]
pub struct Engine(Rc<Inner>);

struct Inner {
    now: Cell<Millis>,
    serial: Cell<u64>,
    steps: Cell<u64>,
    timers: RefCell<BinaryHeap<Reverse<Timer>>>,
    ready: Arc<Ready>,
    actors: RefCell<Vec<Place>>,
    free: RefCell<Vec<usize>>,
}

struct Place {
    generation: u64,
    actor: Option<Actor>,
    waker: Option<Waker>,
}

struct Timer {
    at: Millis,
    serial: u64,
    waker: Waker,
}

impl PartialEq for Timer {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Timer {}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timer {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.serial).cmp(&(other.at, other.serial))
    }
}

/// The actors that may go on, in the order in which they became able to. Behind a lock only because a waker must be `Send`.
#[derive(Default)]
struct Ready(Mutex<VecDeque<ActorId>>);

impl Ready {
    fn push(&self, id: ActorId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(id);
    }

    fn pop(&self) -> Option<ActorId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

struct Bell {
    id: ActorId,
    ready: Arc<Ready>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ready.push(self.id);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.push(self.id);
    }
}

impl Engine {
    /// An engine without actors, whose clock stands at `now`.
    #[must_use]
    pub fn new(now: Millis) -> Self {
        Self(Rc::new(Inner {
            now: Cell::new(now),
            serial: Cell::new(0),
            steps: Cell::new(0),
            timers: RefCell::default(),
            ready: Arc::default(),
            actors: RefCell::default(),
            free: RefCell::default(),
        }))
    }

    /// The time in the story.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.0.now.get()
    }

    /// How often an actor has gone on so far: the measure of how much a story does.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.0.steps.get()
    }

    /// Starts an actor: it takes its first step when this step is over.
    pub fn spawn(&self, actor: impl Future<Output = ()> + 'static) -> ActorId {
        let mut actors = self.0.actors.borrow_mut();
        let slot = self.0.free.borrow_mut().pop().unwrap_or_else(|| {
            actors.push(Place { generation: 0, actor: None, waker: None });
            actors.len() - 1
        });
        let place = &mut actors[slot];
        place.generation += 1;
        let id = ActorId { slot, generation: place.generation };
        place.actor = Some(Box::pin(actor));
        place.waker = Some(Waker::from(Arc::new(Bell { id, ready: Arc::clone(&self.0.ready) })));
        self.0.ready.push(id);
        id
    }

    /// Ends an actor where it stands, in the middle of whatever it waits for. An actor that kills itself goes on to its next wait.
    pub fn kill(&self, id: ActorId) {
        let killed = {
            let mut actors = self.0.actors.borrow_mut();
            match actors.get_mut(id.slot) {
                Some(place) if place.generation == id.generation && place.waker.is_some() => {
                    // From here on nothing wakes it; `None` for one that is just taking a step.
                    place.generation += 1;
                    place.waker = None;
                    let actor = place.actor.take();
                    if actor.is_some() {
                        self.0.free.borrow_mut().push(id.slot);
                    }
                    actor
                }
                _ => None,
            }
        };
        drop(killed);
    }

    /// Ends all actors where they stand, and their timers: what they hold is free again. They hold the world, and the world holds them; without this no story
    /// would ever be forgotten.
    pub fn end(&self) {
        self.0.timers.borrow_mut().clear();
        let actors = std::mem::take(&mut *self.0.actors.borrow_mut());
        self.0.free.borrow_mut().clear();
        // Outside of the borrow: what an actor holds may do something when it is dropped.
        drop(actors);
    }

    /// Waits.
    #[must_use]
    pub fn sleep(&self, millis: Millis) -> Sleep {
        self.sleep_until(self.now() + millis)
    }

    /// Waits until a time; a time that has passed is now.
    #[must_use]
    pub fn sleep_until(&self, at: Millis) -> Sleep {
        Sleep { engine: self.clone(), at, asked: false }
    }

    /// When the next timer of an actor is due.
    #[must_use]
    pub fn next_timer(&self) -> Option<Millis> {
        self.0.timers.borrow().peek().map(|timer| timer.0.at)
    }

    /// Lets every actor go on that can, without letting time pass. Returns whether any could.
    #[must_use]
    pub fn run_ready(&self) -> bool {
        let mut any = false;
        while let Some(id) = self.0.ready.pop() {
            any |= self.step(id);
        }
        any
    }

    /// Lets time pass to `now`, which wakes whoever waited for it.
    pub fn advance(&self, now: Millis) {
        self.0.now.set(self.now().max(now));
        let mut timers = self.0.timers.borrow_mut();
        while timers.peek().is_some_and(|timer| timer.0.at <= now) {
            if let Some(Reverse(timer)) = timers.pop() {
                timer.waker.wake();
            }
        }
    }

    fn step(&self, id: ActorId) -> bool {
        let (mut actor, waker) = {
            let mut actors = self.0.actors.borrow_mut();
            let Some(place) = actors.get_mut(id.slot).filter(|place| place.generation == id.generation) else { return false };
            let (Some(actor), Some(waker)) = (place.actor.take(), place.waker.clone()) else { return false };
            (actor, waker)
        };
        self.0.steps.set(self.0.steps.get() + 1);
        let over = actor.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let dropped = {
            let mut actors = self.0.actors.borrow_mut();
            let place = &mut actors[id.slot];
            let killed = place.generation != id.generation;
            if over || killed {
                place.generation += u64::from(!killed);
                place.waker = None;
                self.0.free.borrow_mut().push(id.slot);
                Some(actor)
            } else {
                place.actor = Some(actor);
                None
            }
        };
        // Outside of the borrow: what an actor holds may do something when it is dropped.
        drop(dropped);
        true
    }

    fn wake_at(&self, at: Millis, waker: Waker) {
        let serial = self.0.serial.get() + 1;
        self.0.serial.set(serial);
        self.0.timers.borrow_mut().push(Reverse(Timer { at, serial, waker }));
    }
}

/// A wait for a time.
pub struct Sleep {
    engine: Engine,
    at: Millis,
    asked: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.engine.now() >= self.at {
            return Poll::Ready(());
        }
        if !self.asked {
            self.asked = true;
            self.engine.wake_at(self.at, context.waker().clone());
        }
        Poll::Pending
    }
}

/// Something that happens at most once and that actors can wait for. Clones are the same.
#[derive(Clone, Default)]
pub struct Flag(Rc<FlagInner>);

#[derive(Default)]
struct FlagInner {
    raised: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

impl Flag {
    /// It happens.
    pub fn raise(&self) {
        self.0.raised.set(true);
        self.0.waiting.borrow_mut().drain(..).for_each(Waker::wake);
    }

    /// It has not happened (again).
    pub fn lower(&self) {
        self.0.raised.set(false);
    }

    /// Whether it has happened.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.0.raised.get()
    }

    /// Waits for it.
    pub async fn raised(&self) {
        std::future::poll_fn(|context| {
            if self.is_raised() {
                return Poll::Ready(());
            }
            let mut waiting = self.0.waiting.borrow_mut();
            if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                waiting.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

/// What came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First<A, B> {
    /// The first of the two; also if both are there at once.
    Left(A),
    /// The second.
    Right(B),
}

/// Waits for whichever comes first and drops the other.
pub async fn first<A, B>(left: impl Future<Output = A>, right: impl Future<Output = B>) -> First<A, B> {
    let (mut left, mut right) = (Box::pin(left), Box::pin(right));
    std::future::poll_fn(move |context| {
        if let Poll::Ready(value) = left.as_mut().poll(context) {
            return Poll::Ready(First::Left(value));
        }
        right.as_mut().poll(context).map(First::Right)
    })
    .await
}

/// A value that one actor waits for and another gives. Clones are the same.
pub struct Given<T>(Rc<(RefCell<Option<T>>, Flag)>);

impl<T> Clone for Given<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T> Default for Given<T> {
    fn default() -> Self {
        Self(Rc::new((RefCell::new(None), Flag::default())))
    }
}

impl<T> Given<T> {
    /// Gives the value.
    pub fn give(&self, value: T) {
        *self.0.0.borrow_mut() = Some(value);
        self.0.1.raise();
    }

    /// Waits for the value; taken once.
    pub async fn take(&self) -> Option<T> {
        self.0.1.raised().await;
        self.0.0.borrow_mut().take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_frees_what_actors_hold_that_still_wait() {
        let engine = Engine::new(0);
        let held = Rc::new(());
        let (own, other) = (engine.clone(), Rc::clone(&held));
        engine.spawn(async move {
            own.sleep(1_000).await;
            drop(other);
        });
        assert!(engine.run_ready());
        assert_eq!(Rc::strong_count(&held), 2);
        engine.end();
        assert_eq!((Rc::strong_count(&held), engine.next_timer()), (1, None));
    }
}
