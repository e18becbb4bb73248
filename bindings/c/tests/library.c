/* The library against a server: RHOSYNC_TEST_SERVER says where it is. It has the users anna and ben, and the sources of the shop. */

#include <assert.h>
#include <pthread.h>
#include <rhosync.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>

#ifdef NDEBUG
#error the tests are assertions
#endif

#define CHECK(call)                                                                  \
    do {                                                                             \
        rhosync_code code_ = (call);                                                 \
        if (code_ != RHOSYNC_CODE_OK) {                                              \
            fprintf(stderr, "%s:%d: %s: %d %s\n", __FILE__, __LINE__, #call, code_, rhosync_message()); \
            abort();                                                                 \
        }                                                                            \
    } while (0)

static const char *server;

static rhosync_database *open_at(const char *file, const char *url) {
    const char *searched[] = {"name", NULL};
    const char *index[] = {"price", NULL};
    const char *const *indexes[] = {index, NULL};
    const rhosync_source sources[] = {{.name = "Product", .search = searched, .indexes = indexes}, {.name = "Merged"}};
    const rhosync_options options = {.server = url, .sources = sources, .source_count = 2};
    rhosync_database *database;
    CHECK(rhosync_open(file, &options, &database));
    return database;
}

static rhosync_database *open_as(const char *file, const char *login, const char *password) {
    rhosync_database *database = open_at(file, server);
    bool has_erased = true;
    CHECK(rhosync_sign_in(database, login, password, &has_erased));
    assert(!has_erased);
    return database;
}

static rhosync_report *sync_all(rhosync_database *database) {
    rhosync_report *report;
    CHECK(rhosync_sync(database, NULL, &report));
    if (report->ended != RHOSYNC_ENDED_COMPLETE) fprintf(stderr, "ended %d: %s\n", report->ended, report->reason);
    assert(report->ended == RHOSYNC_ENDED_COMPLETE);
    return report;
}

static void sync_only(rhosync_database *database) {
    rhosync_report_free(sync_all(database));
}

static const char *value_of(const rhosync_attribute *attributes, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(attributes[i].name, name) == 0) return attributes[i].value.text;
    return NULL;
}

static void progressed(void *context, uint64_t sent, uint64_t verdicts, uint64_t objects) {
    (void)sent;
    (void)verdicts;
    *(uint64_t *)context = objects;
}

static void an_app_works_offline_and_syncs(void) {
    rhosync_database *database = open_at("app.db", server);
    char *user;
    CHECK(rhosync_user(database, &user));
    assert(user == NULL);
    const rhosync_attribute lamp[] = {{"name", rhosync_text("Offshore lamp")}, {"price", rhosync_number(2.5)}};
    char *id;
    CHECK(rhosync_create(database, "Product", lamp, 2, &id));
    rhosync_report *report;
    CHECK(rhosync_sync(database, NULL, &report));
    assert(report->ended == RHOSYNC_ENDED_SIGNED_OUT);
    rhosync_report_free(report);

    assert(rhosync_sign_in(database, "anna", "wrong", NULL) == RHOSYNC_CODE_LOGIN_REFUSED);
    assert(strlen(rhosync_message()) > 0);
    CHECK(rhosync_sign_in(database, "anna", "anna's secret", NULL));
    assert(strlen(rhosync_message()) == 0);
    uint64_t objects = 0;
    const rhosync_sync_options options = {.progressed = progressed, .context = &objects};
    CHECK(rhosync_sync(database, &options, &report));
    assert(report->ended == RHOSYNC_ENDED_COMPLETE && report->applied_count == 1);
    assert(strcmp(report->applied[0].object, id) == 0);
    assert(objects == report->received);
    rhosync_report_free(report);
    rhosync_close(database);

    /* What is on disk is there when the app starts again, tokens and all. */
    database = open_at("app.db", server);
    CHECK(rhosync_user(database, &user));
    assert(strcmp(user, "anna") == 0);
    rhosync_string_free(user);
    const rhosync_attribute dearer[] = {{"price", rhosync_text("3")}};
    CHECK(rhosync_update(database, "Product", id, dearer, 1));
    rhosync_changes *pending;
    CHECK(rhosync_pending(database, &pending));
    assert(pending->count == 1 && pending->items[0].op == RHOSYNC_OP_UPDATE);
    assert(strcmp(value_of(pending->items[0].attributes, pending->items[0].attribute_count, "price"), "3") == 0);
    rhosync_changes_free(pending);
    const rhosync_value which[] = {rhosync_text(id)};
    rhosync_rows *rows;
    CHECK(rhosync_query(database, "SELECT price, pending FROM Product WHERE id = ?", which, 1, &rows));
    assert(rows->row_count == 1 && rows->column_count == 2 && strcmp(rows->columns[1], "pending") == 0);
    assert(strcmp(rows->values[0].text, "3") == 0 && rows->values[1].integer == 1);
    rhosync_rows_free(rows);
    sync_only(database);
    rhosync_objects *found;
    CHECK(rhosync_search(database, "Product", "offsh", 1, &found));
    assert(found->count == 1 && strcmp(found->items[0].id, id) == 0);
    assert(found->items[0].remote_id != NULL && !found->items[0].is_pending);
    rhosync_objects_free(found);
    CHECK(rhosync_list(database, "Product", 1000, 0, &found));
    assert(found->count > 1);
    rhosync_objects_free(found);
    rhosync_sources *sources;
    CHECK(rhosync_source_statuses(database, &sources));
    assert(sources->count == 2 && sources->items[0].is_begun && sources->items[0].problem_code == NULL);
    rhosync_sources_free(sources);
    char *json;
    CHECK(rhosync_diagnostics(database, &json));
    assert(strstr(json, "\"signed_in\": true") != NULL);
    rhosync_string_free(json);
    CHECK(rhosync_handle_ping(database, "{}", 0, &report));
    assert(report == NULL);
    rhosync_string_free(id);
    rhosync_close(database);
}

static void values_come_back_as_they_were(void) {
    rhosync_database *database = open_at("values.db", server);
    const rhosync_attribute all[] = {
        {"a", rhosync_text("ä")}, {"b", rhosync_boolean(true)}, {"c", rhosync_integer(-7)}, {"d", rhosync_number(0.5)}, {"e", rhosync_null()}};
    char *id;
    CHECK(rhosync_create(database, "Product", all, 5, &id));
    rhosync_objects *made;
    CHECK(rhosync_get(database, "Product", id, &made));
    assert(made->count == 1 && made->items[0].attribute_count == 5 && made->items[0].remote_id == NULL);
    const rhosync_attribute *attributes = made->items[0].attributes;
    assert(strcmp(attributes[0].value.text, "ä") == 0 && attributes[0].value.length == 2);
    assert(attributes[1].value.type_ == RHOSYNC_TYPE_BOOLEAN && attributes[1].value.integer == 1);
    assert(attributes[2].value.integer == -7 && attributes[3].value.number == 0.5);
    assert(attributes[4].value.type_ == RHOSYNC_TYPE_NULL);
    rhosync_objects_free(made);
    rhosync_string_free(id);
    rhosync_close(database);
}

static void the_back_end_is_searched(void) {
    rhosync_database *database = open_as("search.db", "anna", "anna's secret");
    const rhosync_attribute lamps[] = {{"name", rhosync_text("lamp")}, {"since", rhosync_integer(2024)}};
    rhosync_objects *found;
    CHECK(rhosync_search_remote(database, "Product", lamps, 2, &found));
    assert(found->count > 0 && found->items[0].is_found);
    rhosync_objects *all;
    CHECK(rhosync_list(database, "Product", 1000, 0, &all));
    assert(all->count == found->count);
    rhosync_objects_free(all);
    rhosync_objects_free(found);
    CHECK(rhosync_forget_found(database, "Product"));
    CHECK(rhosync_list(database, "Product", 1000, 0, &all));
    assert(all->count == 0);
    rhosync_objects_free(all);
    assert(rhosync_search_remote(database, "Nothing", NULL, 0, NULL) == RHOSYNC_CODE_UNKNOWN_SOURCE);
    rhosync_close(database);
}

static void a_source_is_narrowed_down_to_a_part(void) {
    rhosync_database *database = open_as("part.db", "anna", "anna's secret");
    sync_only(database);
    assert(rhosync_set_parameters(database, "Nothing", NULL, 0) == RHOSYNC_CODE_UNKNOWN_SOURCE);
    const rhosync_attribute since[] = {{"since", rhosync_integer(2024)}};
    CHECK(rhosync_set_parameters(database, "Product", since, 1));
    rhosync_report *report = sync_all(database);
    assert(report->removed_count == 1 && strcmp(report->removed[0].source, "Product") == 0);
    assert(report->removed[0].reason == RHOSYNC_REMOVAL_REASON_MOVED);
    rhosync_report_free(report);
    report = sync_all(database);
    assert(report->removed_count == 0);
    rhosync_report_free(report);
    rhosync_close(database);
}

static void a_refused_change_waits_with_its_reason(void) {
    rhosync_database *database = open_as("refused.db", "anna", "anna's secret");
    sync_only(database);
    const rhosync_attribute cheap[] = {{"name", rhosync_text("x")}, {"price", rhosync_text("-1")}};
    CHECK(rhosync_create(database, "Product", cheap, 2, NULL));
    rhosync_report *report = sync_all(database);
    assert(report->applied_count == 0 && report->failed.count == 1);
    rhosync_report_free(report);
    rhosync_changes *failed;
    CHECK(rhosync_failed(database, &failed));
    assert(failed->count == 1 && strstr(failed->items[0].reason, "negative") != NULL);
    const rhosync_attribute better[] = {{"name", rhosync_text("x")}, {"price", rhosync_text("1")}};
    CHECK(rhosync_retry(database, failed->items[0].id, better, 2));
    rhosync_changes_free(failed);
    report = sync_all(database);
    assert(report->applied_count == 1);
    rhosync_report_free(report);
    rhosync_close(database);
}

static void a_conflict_has_both_values(void) {
    rhosync_database *anna = open_as("anna.db", "anna", "anna's secret");
    rhosync_database *ben = open_as("ben.db", "ben", "ben's secret");
    const rhosync_attribute first[] = {{"name", rhosync_text("n")}, {"a", rhosync_text("1")}};
    char *mine;
    CHECK(rhosync_create(anna, "Merged", first, 2, &mine));
    sync_only(anna);
    sync_only(ben);
    rhosync_objects *made;
    CHECK(rhosync_get(anna, "Merged", mine, &made));
    char *theirs = strdup(made->items[0].remote_id);
    rhosync_objects_free(made);
    const rhosync_attribute bens[] = {{"a", rhosync_text("Ben's")}};
    CHECK(rhosync_update(ben, "Merged", theirs, bens, 1));
    sync_only(ben);
    const rhosync_attribute annas[] = {{"a", rhosync_text("Anna's")}};
    CHECK(rhosync_update(anna, "Merged", mine, annas, 1));
    rhosync_report *report = sync_all(anna);
    assert(report->failed.count == 1);
    const rhosync_change *failed = &report->failed.items[0];
    assert(failed->is_conflict && failed->has_current);
    assert(strcmp(value_of(failed->attributes, failed->attribute_count, "a"), "Anna's") == 0);
    assert(strcmp(value_of(failed->current, failed->current_count, "a"), "Ben's") == 0);
    CHECK(rhosync_discard(anna, failed->id));
    rhosync_report_free(report);
    free(theirs);
    rhosync_string_free(mine);
    rhosync_close(anna);
    rhosync_close(ben);
}

static void files_go_with_their_objects(void) {
    rhosync_database *anna = open_as("files.db", "anna", "anna's secret");
    rhosync_database *ben = open_as("theirs.db", "ben", "ben's secret");
    static uint8_t photo[1300001];
    for (size_t i = 0; i < sizeof photo; i++) photo[i] = (uint8_t)(i * i % 251);
    char *address, *empty;
    CHECK(rhosync_add_file(anna, "my photo.png", "image/png", photo, sizeof photo, &address));
    CHECK(rhosync_add_file(anna, "nothing", "text/plain", NULL, 0, &empty));
    const rhosync_attribute visits[] = {{"photo-rhoblob", rhosync_text(address)}, {"photo-rhoblob", rhosync_text(empty)}};
    for (size_t i = 0; i < 2; i++) CHECK(rhosync_create(anna, "Merged", &visits[i], 1, NULL));
    rhosync_file_status *status;
    CHECK(rhosync_file(anna, address, &status));
    assert(status->state == RHOSYNC_FILE_STATE_QUEUED && status->bytes == sizeof photo && status->sent == 0);
    rhosync_file_status_free(status);
    rhosync_report *report = sync_all(anna);
    assert(report->applied_count == 2 && report->failed.count == 0);
    rhosync_report_free(report);
    CHECK(rhosync_file(anna, address, &status));
    assert(status->state == RHOSYNC_FILE_STATE_HERE && strcmp(status->content_type, "image/png") == 0);
    rhosync_file_status_free(status);

    sync_only(ben);
    rhosync_content *content;
    CHECK(rhosync_read_file(ben, address, &content));
    assert(content == NULL);
    CHECK(rhosync_file(ben, address, &status));
    assert(status == NULL);
    CHECK(rhosync_want_file(ben, address));
    CHECK(rhosync_want_file(ben, empty));
    sync_only(ben);
    CHECK(rhosync_read_file(ben, address, &content));
    assert(content->length == sizeof photo && memcmp(content->bytes, photo, sizeof photo) == 0);
    rhosync_content_free(content);
    CHECK(rhosync_read_file(ben, empty, &content));
    assert(content != NULL && content->length == 0);
    rhosync_content_free(content);

    assert(rhosync_file(ben, "https://pictures.example/1.png", &status) == RHOSYNC_CODE_INVALID);
    assert(rhosync_add_file(ben, "x", "text/plain", NULL, 1, &address) == RHOSYNC_CODE_INVALID);
    assert(rhosync_add_file(ben, "x", "text/plain", photo, 1, NULL) == RHOSYNC_CODE_INVALID);
    assert(rhosync_change_key(ben, "of a file that has none") == RHOSYNC_CODE_INVALID);
    rhosync_string_free(address);
    rhosync_string_free(empty);
    rhosync_close(anna);
    rhosync_close(ben);

    const rhosync_source sources[] = {{.name = "Merged"}};
    const rhosync_options options = {.server = server, .sources = sources, .source_count = 1, .file_quota_bytes = 100};
    CHECK(rhosync_open("small.db", &options, &ben));
    assert(rhosync_add_file(ben, "x", "text/plain", photo, 101, &address) == RHOSYNC_CODE_INVALID);
    rhosync_close(ben);
}

static void changed(void *context, const char *const *sources) {
    assert(strcmp(sources[0], "Product") == 0 && sources[1] == NULL);
    ++*(int *)context;
}

static void watches_hear_of_changes_and_transactions_are_whole(void) {
    rhosync_database *database = open_at("watch.db", server);
    int heard = 0;
    uint64_t watch;
    CHECK(rhosync_watch_query(database, "SELECT name FROM Product", changed, &heard, &watch));
    char *id = rhosync_new_id();
    const rhosync_attribute chair[] = {{"name", rhosync_text("Chair")}};
    const rhosync_attribute order[] = {{"product", rhosync_text(id)}};
    const rhosync_operation both[] = {{.op = RHOSYNC_OP_CREATE, .source = "Product", .id = id, .attributes = chair, .attribute_count = 1},
                                      {.op = RHOSYNC_OP_CREATE, .source = "Merged", .attributes = order, .attribute_count = 1}};
    CHECK(rhosync_transaction(database, both, 2));
    assert(heard == 1);
    const rhosync_operation wrong[] = {both[1], {.op = RHOSYNC_OP_DELETE, .source = "Product", .id = "nothing"}};
    assert(rhosync_transaction(database, wrong, 2) == RHOSYNC_CODE_UNKNOWN_OBJECT);
    rhosync_unwatch(database, watch);
    CHECK(rhosync_delete(database, "Product", id));
    assert(heard == 1);
    rhosync_objects *orders;
    CHECK(rhosync_list(database, "Merged", 10, 0, &orders));
    assert(orders->count == 1);
    rhosync_objects_free(orders);
    rhosync_string_free(id);
    rhosync_close(database);
}

static void errors_have_kinds(void) {
    rhosync_database *database = open_at("errors.db", server);
    assert(rhosync_create(database, "Nothing", NULL, 0, NULL) == RHOSYNC_CODE_UNKNOWN_SOURCE);
    assert(strcmp(rhosync_message(), "the database has no source \"Nothing\"") == 0);
    rhosync_rows *rows;
    assert(rhosync_query(database, "DELETE FROM Product", NULL, 0, &rows) == RHOSYNC_CODE_INVALID);
    assert(rhosync_create(database, NULL, NULL, 0, NULL) == RHOSYNC_CODE_INVALID);
    assert(rhosync_create(database, "\xff", NULL, 0, NULL) == RHOSYNC_CODE_INVALID);
    assert(rhosync_create(NULL, "Product", NULL, 0, NULL) == RHOSYNC_CODE_INVALID);
    rhosync_close(database);
    rhosync_close(NULL);
    database = open_at("offline.db", "http://127.0.0.1:1");
    assert(rhosync_sign_in(database, "anna", "x", NULL) == RHOSYNC_CODE_OFFLINE);
    rhosync_close(database);
}

static void *syncs(void *database) {
    rhosync_report *report;
    CHECK(rhosync_sync(database, NULL, &report));
    return report;
}

static void a_sync_is_cancelled(void) {
    rhosync_close(open_as("cancel.db", "anna", "anna's secret"));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int silent = socket(AF_INET, SOCK_STREAM, 0);
    assert(silent >= 0 && bind(silent, (struct sockaddr *)&address, length) == 0 && listen(silent, 1) == 0);
    assert(getsockname(silent, (struct sockaddr *)&address, &length) == 0);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    rhosync_database *database = open_at("cancel.db", url);
    pthread_t thread;
    assert(pthread_create(&thread, NULL, syncs, database) == 0);
    int asked = accept(silent, NULL, NULL);
    assert(asked >= 0);
    rhosync_report *second;
    assert(rhosync_sync(database, NULL, &second) == RHOSYNC_CODE_SYNC_RUNNING);
    rhosync_cancel(database);
    void *ended;
    assert(pthread_join(thread, &ended) == 0);
    assert(((rhosync_report *)ended)->ended == RHOSYNC_ENDED_CANCELLED);
    rhosync_report_free(ended);
    close(asked);
    close(silent);
    rhosync_close(database);
}

static bool answers_nonsense(void *context, const rhosync_request *request, const rhosync_conversation *conversation) {
    assert(strcmp(request->method, "POST") == 0 && strstr(request->url, "/sync/v1/session") != NULL);
    assert(request->header_count == 1 && strcmp(request->headers[0].name, "Content-Type") == 0);
    assert(request->body_length > 0 && !rhosync_is_cancelled(conversation));
    ++*(int *)context;
    static const char answer[] = "{\"error\":{\"code\":\"overloaded\",\"message\":\"full\"}}";
    const rhosync_header headers[] = {{"retry-after", "7"}};
    return rhosync_answer_head(conversation, 503, headers, 1) && rhosync_answer_chunk(conversation, (const uint8_t *)answer, sizeof answer - 1);
}

static void the_app_may_bring_its_own_transport(void) {
    int asked = 0;
    const rhosync_transport transport = {.send = answers_nonsense, .context = &asked};
    const rhosync_source sources[] = {{.name = "Product"}};
    const rhosync_options options = {.server = "http://nowhere.test", .sources = sources, .source_count = 1, .transport = &transport};
    rhosync_database *database;
    CHECK(rhosync_open("transport.db", &options, &database));
    assert(rhosync_sign_in(database, "anna", "x", NULL) == RHOSYNC_CODE_SERVER_BUSY);
    assert(asked == 1 && strcmp(rhosync_message(), "the server is busy: full") == 0);
    rhosync_close(database);
}

int main(void) {
    server = getenv("RHOSYNC_TEST_SERVER");
    assert(server != NULL);
    an_app_works_offline_and_syncs();
    values_come_back_as_they_were();
    the_back_end_is_searched();
    a_source_is_narrowed_down_to_a_part();
    a_refused_change_waits_with_its_reason();
    a_conflict_has_both_values();
    files_go_with_their_objects();
    watches_hear_of_changes_and_transactions_are_whole();
    errors_have_kinds();
    a_sync_is_cancelled();
    the_app_may_bring_its_own_transport();
    puts("everything passed");
    return 0;
}
