//! A day of two users with three devices: everything that happens to devices in the field, in one story, at the end of
//! which everybody has the same, and nothing was done twice.

use serde_json::json;
use sync_client::rhoconnect::{ClientError, Operation, Start, SyncReport};
use test_support::{Deployment, Device, Loss, Options, Source, converge};

/// Products in the back end when the day begins: two full pages and a bit.
const PRODUCTS: usize = 120;

/// Shorthand for the source of most chapters.
const PRODUCT: &str = "Product";

/// What happens between the chapters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interlude {
    Nothing,
    /// The host's process is killed and started again.
    Kill,
}

struct Story {
    deployment: Deployment,
    anna_phone: Device,
    anna_tablet: Device,
    ben_phone: Device,
    interlude: Interlude,
}

#[test]
fn a_day_in_the_field() {
    tell(Interlude::Nothing);
}

#[test]
fn a_day_in_the_field_with_a_host_that_is_killed_between_the_chapters() {
    tell(Interlude::Kill);
}

fn tell(interlude: Interlude) {
    let deployment = Deployment::start(Options {
        products: PRODUCTS as u32,
        ..Options::default()
    });
    deployment.create_user("anna");
    deployment.create_user("ben");
    let mut story = Story {
        anna_phone: deployment.device("anna"),
        anna_tablet: deployment.device("anna"),
        ben_phone: deployment.device("ben"),
        deployment,
        interlude,
    };
    let chapters: &[fn(&mut Story)] = &[
        first_sync_comes_in_pages,
        changes_come_from_every_side,
        offline_edits_are_merged,
        lost_answers_of_pulls_are_asked_for_again,
        lost_pushes_are_sent_again,
        refusals_reach_the_device,
        a_back_end_out_of_order_is_waited_for,
        a_back_end_that_answers_late_or_never_is_asked_once_more,
        notes_are_pushed_by_the_back_end,
        customers_are_copied_per_user,
    ];
    for chapter in chapters {
        chapter(&mut story);
        story.rest();
    }
    assert_eq!(
        story.products().len(),
        story.deployment.back_end().objects("products").len()
    );
}

impl Story {
    /// The end of a chapter: nothing is wrong any more, and everybody has the same.
    fn rest(&mut self) {
        self.deployment.back_end().heal();
        if self.interlude == Interlude::Kill {
            self.deployment.kill_host();
            self.deployment.start_host();
        }
        self.settle();
        self.deployment.back_end().assert_no_duplicates();
    }

    fn settle(&mut self) {
        converge(
            &self.deployment,
            Source::PRODUCTS,
            &mut [
                &mut self.anna_phone,
                &mut self.anna_tablet,
                &mut self.ben_phone,
            ],
        );
    }

    fn products(&self) -> sync_client::rhoconnect::Objects {
        self.anna_phone.objects(PRODUCT)
    }

    /// The ids of `N` products that everybody has, from the `first` on.
    fn some<const N: usize>(&self, first: usize) -> [String; N] {
        let mut ids = self.products().into_keys().skip(first);
        std::array::from_fn(|_| ids.next().expect("enough products"))
    }
}

fn sync(device: &mut Device) -> SyncReport {
    device.sync(PRODUCT).expect("to sync")
}

fn first_sync_comes_in_pages(story: &mut Story) {
    let report = sync(&mut story.anna_phone);
    // Two full pages, the rest, and the answer to its acknowledgement.
    assert_eq!(report.pages, 4);
    assert_eq!(report.applied.added.len(), PRODUCTS);
    let again = sync(&mut story.anna_phone);
    assert_eq!((again.pages, again.applied.added.len()), (1, 0));
}

fn changes_come_from_every_side(story: &mut Story) {
    let [by_phone, by_tablet, by_ben, by_back_end] = story.some(0);
    let [removed_by_phone, removed_by_ben, removed_by_back_end] = story.some(4);
    let phone = story.anna_phone.replica_mut(PRODUCT);
    phone.create([
        ("name", "made by Anna's phone"),
        ("price", "12.50"),
        ("quantity", "3"),
    ]);
    assert!(phone.update(&by_phone, [("price", "1.25"), ("brand", "Anna's phone")]));
    assert!(phone.delete(&removed_by_phone));
    let tablet = story.anna_tablet.replica_mut(PRODUCT);
    tablet.create([("name", "made by Anna's tablet")]);
    assert!(tablet.update(&by_tablet, [("brand", "Anna's tablet")]));
    let ben = story.ben_phone.replica_mut(PRODUCT);
    ben.create([("name", "made by Ben"), ("sku", "a:b:^rho&:{c}/ż")]);
    assert!(ben.update(&by_ben, [("name", "renamed by Ben")]));
    assert!(ben.delete(&removed_by_ben));
    let back_end = story.deployment.back_end();
    back_end.create("products", &json!({"name": "made by the back end"}));
    back_end.update(
        "products",
        &by_back_end,
        &json!({"brand": "back end", "price": 7}),
    );
    back_end.delete("products", &removed_by_back_end);

    story.settle();
    for name in [
        "made by Anna's phone",
        "made by Anna's tablet",
        "made by Ben",
        "made by the back end",
        "renamed by Ben",
    ] {
        story.ben_phone.id_of(PRODUCT, name);
    }
    let seen_by_ben = |id: &str| story.ben_phone.get(PRODUCT, id);
    let brand = |id: &str| seen_by_ben(id).expect("a product")["brand"].clone();
    assert_eq!(brand(&by_phone), "Anna's phone");
    assert_eq!(brand(&by_tablet), "Anna's tablet");
    assert_eq!(brand(&by_back_end), "back end");
    for gone in [removed_by_phone, removed_by_ben, removed_by_back_end] {
        assert_eq!(seen_by_ben(&gone), None);
    }
    let odd = story.anna_phone.id_of(PRODUCT, "made by Ben");
    let odd = story.anna_phone.get(PRODUCT, &odd).expect("Ben's product");
    assert_eq!(odd["sku"], "a:b:^rho&:{c}/ż");
}

fn offline_edits_are_merged(story: &mut Story) {
    let [shared, contested, doomed] = story.some(0);
    let tablet = story.anna_tablet.replica_mut(PRODUCT);
    assert!(tablet.update(&shared, [("name", "the tablet's name")]));
    assert!(tablet.update(&contested, [("brand", "the tablet's, sent first")]));
    assert!(tablet.update(&doomed, [("brand", "nobody will see")]));
    let phone = story.ben_phone.replica_mut(PRODUCT);
    assert!(phone.update(&shared, [("brand", "Ben's brand")]));
    assert!(phone.update(&contested, [("brand", "Ben's, sent last")]));
    assert!(phone.delete(&doomed));

    // Ben removes what the tablet has changed; the tablet hears of it only after it has sent its change.
    sync(&mut story.anna_tablet);
    sync(&mut story.ben_phone);
    story.settle();
    let shared = story.anna_phone.get(PRODUCT, &shared).expect("a product");
    assert_eq!(
        (&*shared["name"], &*shared["brand"]),
        ("the tablet's name", "Ben's brand")
    );
    let contested = story.anna_phone.get(PRODUCT, &contested);
    assert_eq!(contested.expect("a product")["brand"], "Ben's, sent last");
    assert_eq!(story.anna_tablet.get(PRODUCT, &doomed), None);
}

fn lost_answers_of_pulls_are_asked_for_again(story: &mut Story) {
    let back_end = story.deployment.back_end();
    for number in 0..70 {
        back_end.create("products", &json!({"name": format!("delivery {number}")}));
    }
    let [changed] = story.some(0);
    back_end.update("products", &changed, &json!({"brand": "changed meanwhile"}));

    // The page itself is lost: it is asked for without acknowledging anything.
    story.anna_phone.network().lose([Loss::Answer]);
    assert_offline(story.anna_phone.sync(PRODUCT));
    // The answer to the first acknowledgement is lost: devices in the field begin anew, without a token …
    story.anna_phone.network().lose_after(1, Loss::Answer);
    assert_offline(story.anna_phone.sync(PRODUCT));
    sync(&mut story.anna_phone);
    // … and others acknowledge once more what they have acknowledged before.
    story.anna_tablet.network().lose_after(1, Loss::Answer);
    assert_offline(story.anna_tablet.sync(PRODUCT));
    let again = story.anna_tablet.sync_from(PRODUCT, Start::Acknowledge);
    assert!(again.expect("to sync").applied.added.len() >= 20);

    // Without an acknowledgement the same page comes again, and acknowledging it twice is the same as once.
    let client = story.ben_phone.client();
    let first = client.pull(PRODUCT, None, 30).expect("a page");
    let again = client.pull(PRODUCT, None, 30).expect("the page once more");
    assert_eq!(first.command.insert, again.command.insert);
    assert_eq!(first.command.insert.len(), 30);
    let next = client
        .pull(PRODUCT, again.token, 30)
        .expect("the next page");
    let next_again = client.pull(PRODUCT, again.token, 30).expect("it once more");
    assert_eq!(next.command.insert, next_again.command.insert);
    let ids = |page: &sync_client::rhoconnect::Page| {
        page.command.insert.keys().cloned().collect::<Vec<_>>()
    };
    assert!(ids(&first).iter().all(|id| !ids(&next).contains(id)));
    for page in [first, next] {
        story.ben_phone.replica_mut(PRODUCT).apply(page);
    }
}

/// The back end does not help here: it takes every request for a new one.
fn lost_pushes_are_sent_again(story: &mut Story) {
    story.deployment.back_end().recognise_repetitions(false);
    for (number, loss) in [Loss::Answer, Loss::Request, Loss::Answer, Loss::Answer]
        .into_iter()
        .enumerate()
    {
        let [updated, removed] = story.some(10);
        let phone = story.anna_phone.replica_mut(PRODUCT);
        phone.create([("name", format!("push {number}, {loss:?} lost"))]);
        phone.create([("name", format!("push {number}, second"))]);
        assert!(phone.update(&updated, [("brand", format!("brand of push {number}"))]));
        assert!(phone.delete(&removed));
        story.anna_phone.network().lose([loss, loss]);
        assert_offline(story.anna_phone.sync(PRODUCT));
        // Meanwhile the user goes on.
        let phone = story.anna_phone.replica_mut(PRODUCT);
        assert!(phone.update(&updated, [("quantity", number.to_string())]));
        assert_offline(story.anna_phone.sync(PRODUCT));
        sync(&mut story.anna_phone);

        story.settle();
        let updated = story.ben_phone.get(PRODUCT, &updated).expect("a product");
        assert_eq!(updated["brand"], format!("brand of push {number}"));
        assert_eq!(updated["quantity"], number.to_string());
        assert_eq!(story.ben_phone.get(PRODUCT, &removed), None);
        story
            .ben_phone
            .id_of(PRODUCT, &format!("push {number}, second"));
    }
    story.deployment.back_end().recognise_repetitions(true);
}

fn refusals_reach_the_device(story: &mut Story) {
    let [dear, kept, renamed] = story.some(20);
    let before = story.products();
    let phone = story.anna_phone.replica_mut(PRODUCT);
    let nameless = phone.create([("brand", "of a product without a name")]);
    phone.create([("name", "made beside refusals")]);
    assert!(phone.update(&dear, [("price", "-1"), ("brand", "goes with it")]));
    assert!(phone.update(&renamed, [("price", "not a number")]));
    assert!(phone.delete(&kept));
    let refusal = json!({"effect": {"error": {"status": 422}}, "method": "DELETE", "times": 1});
    story.deployment.back_end().fault(&refusal);

    let mut rejections = sync(&mut story.anna_phone).applied.rejections;
    rejections.sort_by_key(|rejection| (rejection.operation, rejection.id.clone()));
    let told: Vec<_> = rejections
        .iter()
        .map(|it| (it.operation, &*it.id, &*it.message))
        .collect();
    let mut expected = vec![
        (Operation::Create, &*nameless, "name must not be empty"),
        (Operation::Update, &*dear, "price must not be negative"),
        (
            Operation::Update,
            &*renamed,
            "price: \"not a number\" is not a number",
        ),
        (Operation::Delete, &*kept, "injected fault"),
    ];
    expected.sort();
    assert_eq!(told, expected);
    assert_eq!(story.anna_phone.get(PRODUCT, &nameless), None);
    for id in [dear, kept, renamed] {
        assert_eq!(story.anna_phone.get(PRODUCT, &id).as_ref(), before.get(&id));
    }
    story.anna_phone.id_of(PRODUCT, "made beside refusals");
    let again = sync(&mut story.anna_phone);
    assert_eq!(again.applied.rejections, [], "errors are told once");
}

fn a_back_end_out_of_order_is_waited_for(story: &mut Story) {
    let back_end = story.deployment.back_end().clone();
    back_end.fault(&json!({"effect": {"error": {"status": 503}}}));
    let [updated, removed] = story.some(30);
    let before = story.ben_phone.objects(PRODUCT);
    let phone = story.anna_phone.replica_mut(PRODUCT);
    phone.create([("name", "made while nobody answered")]);
    assert!(phone.update(&updated, [("brand", "changed while nobody answered")]));
    assert!(phone.delete(&removed));

    // The server takes everything in, and says what is wrong with the source.
    let report = sync(&mut story.anna_phone);
    assert_eq!(report.pushed.total(), 3);
    assert_eq!(report.applied.rejections, []);
    let kinds: Vec<_> = report
        .applied
        .source_errors
        .iter()
        .map(|error| &*error.kind)
        .collect();
    assert_eq!(kinds, ["query-error"]);
    assert!(story.anna_phone.is_waiting(PRODUCT));
    // Others keep what they have.
    sync(&mut story.ben_phone);
    assert_eq!(story.ben_phone.objects(PRODUCT), before);

    back_end.heal();
    story.settle();
    story.ben_phone.id_of(PRODUCT, "made while nobody answered");
    let updated = story.ben_phone.get(PRODUCT, &updated).expect("a product");
    assert_eq!(updated["brand"], "changed while nobody answered");
    assert_eq!(story.ben_phone.get(PRODUCT, &removed), None);
}

fn a_back_end_that_answers_late_or_never_is_asked_once_more(story: &mut Story) {
    let faults = [
        ("never asked", json!({"effect": "hang", "stage": "before"})),
        (
            "done, not answered",
            json!({"effect": "hang", "stage": "after"}),
        ),
        ("done, answer dropped", json!({"effect": "drop"})),
        (
            "done, answered too late",
            json!({"effect": {"delay": {"ms": 3_000}}, "stage": "after"}),
        ),
    ];
    for (what, mut fault) in faults {
        let repeated = story.deployment.back_end().writes_repeated();
        let done = story.deployment.back_end().writes_done();
        for method in ["POST", "PATCH", "DELETE"] {
            fault["method"] = json!(method);
            fault["times"] = json!(1);
            story.deployment.back_end().fault(&fault);
        }
        let [updated, removed] = story.some(40);
        let phone = story.anna_phone.replica_mut(PRODUCT);
        phone.create([("name", what)]);
        assert!(phone.update(&updated, [("brand", what)]));
        assert!(phone.delete(&removed));
        sync(&mut story.anna_phone);

        story.deployment.back_end().heal();
        story.settle();
        let id = story.ben_phone.id_of(PRODUCT, what);
        assert!(story.ben_phone.get(PRODUCT, &id).is_some());
        let updated = story.ben_phone.get(PRODUCT, &updated).expect("a product");
        assert_eq!(updated["brand"], what);
        assert_eq!(story.ben_phone.get(PRODUCT, &removed), None);
        let back_end = story.deployment.back_end();
        assert_eq!(back_end.writes_done() - done, 3, "{what}");
        let expected = if what == "never asked" { 0 } else { 3 };
        assert_eq!(back_end.writes_repeated() - repeated, expected, "{what}");
    }
}

fn notes_are_pushed_by_the_back_end(story: &mut Story) {
    let admin = story.deployment.admin();
    let notes = json!({"n1": {"text": "call Ben", "urgent": true}, "n2": {"text": "lunch"}});
    admin.push_objects("Note", "anna", &notes);
    let phone = &mut story.anna_phone;
    phone.sync("Note").expect("to sync");
    assert_eq!(phone.get("Note", "n1").expect("a note")["text"], "call Ben");
    assert_eq!(phone.get("Note", "n1").expect("a note")["urgent"], "true");
    story.ben_phone.sync("Note").expect("to sync");
    assert!(
        story.ben_phone.objects("Note").is_empty(),
        "notes are their user's"
    );

    // Her tablet changes one, the back end another, and removes the first.
    story.anna_tablet.sync("Note").expect("to sync");
    let tablet = story.anna_tablet.replica_mut("Note");
    assert!(tablet.update("n2", [("text", "dinner")]));
    story.anna_tablet.sync("Note").expect("to sync");
    admin.push_objects("Note", "anna", &json!({"n2": {"where": "at home"}}));
    admin.push_deletes("Note", "anna", &["n1", "unknown"]);
    let expected = json!({"n2": {"text": "dinner", "where": "at home"}});
    for device in [&mut story.anna_phone, &mut story.anna_tablet] {
        device.sync("Note").expect("to sync");
        assert_eq!(json!(device.objects("Note")), expected);
    }
}

fn customers_are_copied_per_user(story: &mut Story) {
    let ours = &mut [
        &mut story.anna_phone,
        &mut story.anna_tablet,
        &mut story.ben_phone,
    ];
    converge(&story.deployment, Source::CUSTOMERS, ours);
    let id = story
        .anna_phone
        .objects("Customer")
        .into_keys()
        .next()
        .expect("a customer");
    let phone = story.anna_phone.replica_mut("Customer");
    assert!(phone.update(&id, [("city", "Łódź")]));
    phone.create([("name", "New Customer"), ("email", "new@example.com")]);
    let ours = &mut [
        &mut story.anna_phone,
        &mut story.anna_tablet,
        &mut story.ben_phone,
    ];
    converge(&story.deployment, Source::CUSTOMERS, ours);
    assert_eq!(
        story.ben_phone.get("Customer", &id).expect("it")["city"],
        "Łódź"
    );
}

#[track_caller]
fn assert_offline<T: std::fmt::Debug>(result: Result<T, ClientError>) {
    assert!(
        result.as_ref().is_err_and(ClientError::is_offline),
        "{result:?}"
    );
}
