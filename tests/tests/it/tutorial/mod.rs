//! The tutorial, done by a reader who types what it says, in a real browser.

mod reader;
mod terminals;
mod text;

use self::reader::Reader;

#[test]
fn a_reader_comes_to_the_end_of_the_tutorial() {
    let mut reader = Reader::open();
    reader.begin("What you need");
    reader.do_rest();
    reader.begin("Make the app");
    reader.do_rest();
    reader.take_own_ports();
    reader.begin("The office");
    reader.do_rest();
    reader.begin("Say what devices sync");
    reader.do_rest();

    reader.begin("Start the server");
    reader.do_rest();
    reader.add_a_user();
    reader.begin("Sign in to the web app");
    reader.sign_in();
    reader.picture("tutorial-visits.png");
    reader.edit("Yearly check of the lift", &[("Status", "under way")]);
    reader.browser.wait_for("li", "under way");
    reader.wait_until_sent();
    reader.do_rest();

    work_without_a_network(&mut reader);
    see_a_refusal(&mut reader);
    see_two_conflicts(&mut reader);

    reader.begin("Live changes");
    let first = reader.open_window();
    reader.wait_for_state("Up to date");
    reader.do_rest();
    reader.browser.wait_for("li", "Till is stuck");
    let second = reader.browser.switch_to(first);
    reader.browser.wait_for("li", "Till is stuck");
    let first = reader.browser.switch_to(second);
    reader.browser.close_tab(first);
    reader.look_at_the_device();

    reader.begin("Add a source");
    reader.do_next();
    reader.do_rest();
    reader.restart("server");
    reader.open_app();
    reader.browser.wait_for(
        "section",
        "In the van: 3 × Igniter, 5 × Thermostat, 2 × V-belt",
    );
    reader.sign_out();
    reader.end();
}

fn work_without_a_network(reader: &mut Reader) {
    reader.begin("Work without a network");
    reader.stop(["server", "office"]);
    reader.open_app();
    reader.wait_for_state("Offline");
    reader.edit("Compressor is loud", &[("Status", "done"), ("Hours", "2")]);
    reader.wait_for_state("Offline · 1 not sent");
    reader.picture("tutorial-offline.png");
    reader.add_visit("Hotel Aurora", "16:30", "Sauna stays cold");
    reader.wait_for_state("Offline · 2 not sent");
    reader.open_app();
    reader.wait_for_state("Offline · 2 not sent");
    reader.browser.wait_for("li", "Sauna stays cold");
    reader.start_again(["office", "server"]);
    reader.wait_until_sent();
    reader.wait_for_state("Up to date");
    reader.do_rest();
}

fn see_a_refusal(reader: &mut Reader) {
    reader.begin("The office refuses something");
    reader.edit("Radiators in room 12 stay cold", &[("Hours", "20")]);
    reader.browser.wait_for(
        "form",
        "The office refuses this: A visit takes 12 hours at most.",
    );
    reader.picture("tutorial-refused.png");
    reader.assert_usable();
    reader.browser.fill("Your hours", "2");
    reader.browser.press("Try again");
    reader.browser.wait_for("li", "planned, 2 h");
    reader.wait_until_decided();
    reader.wait_until_sent();
    reader.do_rest();
}

fn see_two_conflicts(reader: &mut Reader) {
    reader.begin("Two change the same");
    reader.browser.tick("Work offline");
    reader.edit(
        "Yearly check of the lift",
        &[("Status", "done"), ("Note", "Rope is worn.")],
    );
    reader.wait_for_state("1 not sent");
    reader.do_next();
    reader.wait_until_said("office", "RhoSync knows of visit 2");
    reader.browser.tick("Work offline");
    reader
        .browser
        .wait_for("form", "The office has: Bring the long ladder.");
    reader.picture("tutorial-conflict.png");
    reader.assert_usable();
    assert_eq!(reader.browser.value_of("Your note"), "Rope is worn.");
    reader
        .browser
        .fill("Your note", "Rope is worn. Bring the long ladder.");
    reader.browser.press("Keep mine");
    reader.wait_until_decided();
    reader
        .browser
        .wait_for("li", "Rope is worn. Bring the long ladder.");
    reader.wait_until_sent();
    reader.do_next();

    reader.browser.tick("Work offline");
    reader.edit("Compressor is loud", &[("Note", "Called, nobody there.")]);
    reader.wait_for_state("1 not sent");
    reader.do_next();
    reader.wait_until_said("office", "RhoSync knows of visit 3");
    reader.browser.tick("Work offline");
    reader
        .browser
        .wait_for("form", "The office has: Comes on Friday.");
    reader.browser.press("Take theirs");
    reader.wait_until_decided();
    reader.browser.wait_for("li", "Comes on Friday.");
    reader
        .browser
        .wait_until_gone("li", "Called, nobody there.");
    reader.wait_for_state("Up to date");
    reader.do_rest();
}
