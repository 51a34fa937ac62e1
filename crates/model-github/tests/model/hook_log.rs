//! The log of deliveries by typed calls: who may read it, in which pages, and what asking again does.

use crate::story::{APP, SECOND, Story, job, json};
use fargate_runners_model_github::{Answer, ApiError, Caller, DeliveryId, HookId, HookOwner, LogOf, NewHook, Scope};

fn app() -> Caller {
    Caller::App(APP.to_string())
}

fn status<T>(result: Result<T, ApiError>) -> Option<u16> {
    result.err().and_then(|error| error.status())
}

fn own_hook(story: &mut Story, url: &str) -> HookId {
    let owner = HookOwner::Organization("octo-org".into());
    story.github.add_hook(NewHook { owner, url: url.into(), secret: "another".into() })
}

#[test]
fn an_app_walks_its_log_from_the_newest_to_the_oldest() {
    let mut story = Story::new();
    for _ in 0..25 {
        story.queue(job());
    }
    story.after(SECOND);
    story.receive();
    story.queue(job());
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = story.github.list_deliveries(story.now, &app(), &LogOf::App, cursor, 10).expect("its own");
        seen.extend(page.deliveries.iter().map(|delivery| delivery.id.0));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 25, "what is on its way is not in it");
    assert!(seen.is_sorted_by(|newer, older| newer > older));
}

#[test]
fn what_failed_is_sent_again_when_asked_for_and_may_fail_again() {
    let mut story = Story::new();
    story.queue(job());
    story.after(SECOND);
    let failed = story.github.take_deliveries(story.now).remove(0);
    story.github.answered(story.now, failed.id, Answer::Status(500));
    for expected in [Answer::TimedOut, Answer::Status(202)] {
        let newest = story.github.list_deliveries(story.now, &app(), &LogOf::App, None, 1).expect("its own").deliveries.remove(0);
        assert!(newest.guid == failed.guid && !newest.answer.expect("ended").ok());
        story.github.redeliver_as(story.now, &app(), &LogOf::App, newest.id).expect("accepted");
        story.after(SECOND);
        let again = story.github.take_deliveries(story.now).remove(0);
        story.github.answered(story.now, again.id, expected);
    }
    let log = story.github.list_deliveries(story.now, &app(), &LogOf::App, None, 100).expect("its own").deliveries;
    assert_eq!(
        log.iter().map(|delivery| (delivery.redelivery, delivery.answer.expect("ended").ok())).collect::<Vec<_>>(),
        [(true, true), (true, false), (false, false)]
    );
    assert_eq!(status(story.github.redeliver_as(story.now, &app(), &LogOf::App, DeliveryId(1))), Some(404));
}

#[test]
fn a_log_is_its_owners_only() {
    let mut story = Story::new();
    let hook = own_hook(&mut story, "http://localhost/own");
    story.queue(job());
    story.after(SECOND);
    story.receive();
    let of_hook = LogOf::Hook(Story::organization(), hook);
    let token = story.github.exchange_token(story.now, &app(), story.installation, None).expect("granted").token;
    let (pat, token, now) = (Story::caller(), Caller::Token(token), story.now);
    let mut read = |caller: &Caller, log: &LogOf| {
        let page = story.github.list_deliveries(now, caller, log, None, 100);
        page.map(|page| page.deliveries.len()).map_err(|error| error.status())
    };
    assert_eq!((read(&app(), &LogOf::App), read(&pat, &of_hook)), (Ok(1), Ok(1)));
    assert_eq!((read(&pat, &LogOf::App), read(&token, &LogOf::App)), (Err(Some(401)), Err(Some(401))));
    assert_eq!(read(&token, &of_hook), Err(Some(403)), "nothing about webhooks was granted");
    assert_eq!(read(&pat, &LogOf::Hook(Scope::Enterprise("big".into()), hook)), Err(Some(404)));
}

#[test]
fn the_webhooks_of_an_organisation_are_listed_with_their_addresses() {
    let mut story = Story::new();
    let (one, two) = (own_hook(&mut story, "http://localhost/one"), own_hook(&mut story, "http://localhost/two"));
    let listed = story.github.list_hooks(story.now, &Story::caller(), &Story::organization()).expect("listed");
    assert_eq!(
        listed.iter().map(|hook| (hook.id, hook.url.as_str())).collect::<Vec<_>>(),
        [(one, "http://localhost/one"), (two, "http://localhost/two")]
    );
    let listed = json(&story.get("/orgs/octo-org/hooks"));
    assert_eq!((&listed[1]["id"], &listed[1]["config"]["url"]), (&two.0.into(), &"http://localhost/two".into()));
    assert_eq!(story.get("/repos/octo-org/hello/hooks").body, "[]");
    assert_eq!(story.get("/repos/octo-org/unknown/hooks").status, 404);
}
