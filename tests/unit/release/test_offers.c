#include "service/release/offers.h"

#include "tests/unit/engine/world.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <cmocka.h>

/* A ruleset in a folder, versions beside it, and who hears of what becomes of it. */
struct door {
    struct world world;
    struct versions *versions;
    struct offers *offers;
    struct offer_report report;
    char dir[256], ids[8][OFFER_ID_BYTES], heard[256];
    enum status gate_says, publish_says;
    int judged, published, activated, named;
    bool refuses_another; /* while one is judged */
};

static enum status judge(void *user, struct snapshot *active, struct snapshot *candidate,
                         struct gate_report *ret_gate)
{
    struct door *d = user;
    d->judged++;
    assert_string_not_equal(active->id_text, candidate->id_text);
    if (d->refuses_another) {
        static struct offer_report other;
        static const struct diag_list why;
        const struct offer broken = {.from = OFFER_PUT, .who = "bob", .at_once = true};
        offers_refuse(d->offers, &broken, &why, &other);
        assert_int_equal(other.result, OFFER_BUSY);
    }
    *ret_gate = (struct gate_report){.is_judged = true, .is_refused = d->gate_says != ST_OK};
    snprintf(ret_gate->why, sizeof ret_gate->why, "flags twice as many");
    return d->gate_says;
}

static void activated(void *user, const struct offer *offer, struct snapshot *before,
                      struct snapshot *after, const struct gate_report *gate)
{
    struct door *d = user;
    (void)offer;
    (void)gate;
    d->activated++;
    assert_string_not_equal(before->id_text, after->id_text);
}

static void note(void *user, const struct offer *offer, const struct offer_report *report)
{
    struct door *d = user;
    size_t len = strlen(d->heard);
    snprintf(d->heard + len, sizeof d->heard - len, "%s %s;", offer_from_text(offer->from),
             offer_result_text(report->result));
}

static enum status publish(void *user, const struct offer *offer, const struct snapshot *snap,
                           char *ret_why)
{
    struct door *d = user;
    (void)offer;
    (void)snap;
    d->published++;
    snprintf(ret_why, OFFER_NOTE_MAX, "Redis is away");
    return d->publish_says;
}

static void named(void *user, const char *path)
{
    struct door *d = user;
    d->named = path == NULL ? 0 : d->named + 1;
}

static const char *active(struct door *d)
{
    static char id[OFFER_ID_BYTES];
    struct snapshot *s = snapshot_current(d->world.snapshots);
    memcpy(id, s->id_text, sizeof id);
    snapshot_unref(s);
    return id;
}

static int set_up(void **state)
{
    static struct door d;
    static struct diag_list diags;
    char why[256];
    d = (struct door){.gate_says = ST_OK};
    world_open(&d.world, world_ruleset, world_rules, NULL);
    snprintf(d.dir, sizeof d.dir, "%s-versions", d.world.folder);
    if (versions_open(d.dir, 8, &d.versions, why) != ST_OK)
        return -1;
    struct offers_options o = {d.world.snapshots, d.versions, 256,    "", &d, named, judge,
                               activated,         note,       publish};
    d.offers = offers_new(&o);
    if (offers_begin(d.offers, "local", &diags) != ST_OK)
        return -1;
    strcpy(d.ids[0], active(&d));
    *state = &d;
    return 0;
}

static int tear_down(void **state)
{
    struct door *d = *state;
    offers_free(d->offers);
    versions_close(d->versions);
    world_close(&d->world);
    return files_remove(d->dir) == ST_OK ? 0 : -1;
}

/* The rules of world.h with another id: a ruleset of its own, number `n`. */
static void write_rules(struct door *d, int n)
{
    char rules[256];
    snprintf(rules, sizeof rules, "rules: [{id: r%d, when: amount > %d.0, score: 80}]\n", n, n);
    world_write(&d->world, "rules.yaml", rules);
}

static enum offer_result offer(struct door *d, struct offer offer)
{
    offer.path = offer.path != NULL ? offer.path : d->world.ruleset;
    offer.who = "alice";
    offers_run(d->offers, &offer, &d->report);
    return d->report.result;
}

static enum offer_result offer_of(struct door *d, enum offer_from from)
{
    return offer(d, (struct offer){.from = from});
}

static void a_good_one_becomes_active_is_kept_published_and_told(void **state)
{
    struct door *d = *state;
    struct version kept;
    write_rules(d, 1);
    assert_int_equal(offer_of(d, OFFER_PUT), OFFER_LOADED);
    assert_string_equal(d->report.ruleset, active(d));
    assert_string_equal(d->report.previous, d->ids[0]);
    assert_true(d->report.is_kept && d->report.is_published);
    assert_string_equal(d->report.note, "");
    assert_int_equal(versions_find(d->versions, active(d), &kept), ST_OK);
    assert_string_equal(kept.who, "alice");
    assert_string_equal(d->heard, "PUT loaded;");
    assert_int_equal(d->judged, 1);
    assert_int_equal(d->published, 1);
    assert_int_equal(d->activated, 1);
}

static void a_broken_one_changes_nothing_and_every_reason_is_in_the_report(void **state)
{
    struct door *d = *state;
    world_write(&d->world, "rules.yaml",
                "rules: [{id: a, when: amuont > 1}, {id: b, when: 1 +}]\n");
    assert_int_equal(offer_of(d, OFFER_FILE), OFFER_REFUSED);
    assert_true(d->report.diags.errors >= 2);
    assert_string_equal(active(d), d->ids[0]);
    assert_string_equal(d->heard, "file refused;");
    assert_int_equal(d->judged + d->published + d->activated, 0);
    assert_int_equal(d->named, 2); /* the ruleset file and the rules: both are to be watched */
}

static void the_same_again_is_unchanged_and_nobody_hears_of_it(void **state)
{
    struct door *d = *state;
    assert_int_equal(offer_of(d, OFFER_SIGHUP), OFFER_UNCHANGED);
    assert_string_equal(d->heard, "");
    assert_int_equal(d->judged + d->activated, 0);
}

static void the_gate_may_refuse_and_may_be_forced(void **state)
{
    struct door *d = *state;
    d->gate_says = ST_CONFLICT;
    write_rules(d, 1);
    assert_int_equal(offer_of(d, OFFER_PUT), OFFER_GATED);
    assert_string_equal(d->report.gate.why, "flags twice as many");
    assert_string_equal(active(d), d->ids[0]);
    assert_int_equal(offer(d, (struct offer){.from = OFFER_PUT, .force = true}), OFFER_LOADED);
    assert_true(d->report.gate.is_refused);
    struct snapshot *now = snapshot_current(d->world.snapshots);
    assert_true(now->was_forced);
    snapshot_unref(now);
    assert_string_equal(d->heard, "PUT gated;PUT loaded;");
}

static void a_dry_run_says_what_would_be_and_changes_nothing(void **state)
{
    struct door *d = *state;
    struct version kept;
    write_rules(d, 1);
    assert_int_equal(offer(d, (struct offer){.from = OFFER_PUT, .dry_run = true}), OFFER_CHECKED);
    assert_string_equal(active(d), d->ids[0]);
    assert_int_equal(versions_find(d->versions, d->report.ruleset, &kept), ST_NOT_FOUND);
    assert_int_equal(d->judged, 1);
    assert_int_equal(d->published + d->activated, 0);
}

static void an_offer_for_another_than_the_active_one_is_a_mismatch(void **state)
{
    struct door *d = *state;
    struct offer o = {.from = OFFER_PUT, .if_match = "0000000000000000"};
    write_rules(d, 1);
    assert_int_equal(offer(d, o), OFFER_MISMATCH);
    o.if_match = "*";
    assert_int_equal(offer(d, o), OFFER_LOADED);
    o.if_match = d->report.ruleset;
    char id[OFFER_ID_BYTES];
    strcpy(id, d->report.ruleset);
    o.if_match = id;
    write_rules(d, 2);
    assert_int_equal(offer(d, o), OFFER_LOADED);
    o.if_match = "";
    write_rules(d, 3);
    assert_int_equal(offer(d, o), OFFER_MISMATCH);
    char ids[2 * OFFER_ID_BYTES];
    snprintf(ids, sizeof ids, "0000000000000000 %s", d->report.previous);
    o.if_match = ids;
    assert_int_equal(offer(d, o), OFFER_LOADED);
}

static void what_cannot_be_published_is_active_here_and_says_so(void **state)
{
    struct door *d = *state;
    d->publish_says = ST_UNAVAILABLE;
    write_rules(d, 1);
    assert_int_equal(offer_of(d, OFFER_PUT), OFFER_LOADED);
    assert_false(d->report.is_published);
    assert_string_equal(d->report.note, "it is active here alone: Redis is away");
    assert_string_equal(active(d), d->report.ruleset);
}

static void what_is_sent_again_is_published_again(void **state)
{
    struct door *d = *state;
    d->publish_says = ST_UNAVAILABLE;
    write_rules(d, 1);
    assert_int_equal(offer_of(d, OFFER_PUT), OFFER_LOADED);
    d->publish_says = ST_OK;
    assert_int_equal(offer(d, (struct offer){.from = OFFER_PUT, .dry_run = true}), OFFER_UNCHANGED);
    assert_false(d->report.is_published);
    assert_int_equal(offer_of(d, OFFER_PUT), OFFER_UNCHANGED);
    assert_true(d->report.is_published);
    assert_int_equal(offer_of(d, OFFER_REDIS), OFFER_UNCHANGED);
    assert_int_equal(d->published, 2);
    assert_string_equal(d->heard, "PUT loaded;PUT unchanged;");
}

static void one_that_does_not_wait_is_not_even_refused_while_another_is_judged(void **state)
{
    struct door *d = *state;
    d->refuses_another = true;
    write_rules(d, 1);
    assert_int_equal(offer_of(d, OFFER_PUT), OFFER_LOADED);
    assert_int_equal(d->judged, 1);
    assert_string_equal(d->heard, "PUT loaded;");
}

static void only_what_is_sent_is_published_and_only_what_is_new_is_judged(void **state)
{
    static const struct {
        enum offer_from from;
        int judged, published;
    } rows[] = {{OFFER_SIGHUP, 1, 0}, {OFFER_FILE, 1, 0},  {OFFER_PUT, 1, 1},
                {OFFER_REDIS, 1, 0},  {OFFER_DRIFT, 0, 1}, {OFFER_ROLLBACK, 0, 1}};
    struct door *d = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        d->judged = d->published = 0;
        write_rules(d, (int)i + 1);
        assert_int_equal(offer_of(d, rows[i].from), OFFER_LOADED);
        assert_int_equal(d->judged, rows[i].judged);
        assert_int_equal(d->published, rows[i].published);
    }
}

static void what_is_sent_may_not_name_our_files(void **state)
{
    struct door *d = *state;
    char ruleset[4096];
    snprintf(ruleset, sizeof ruleset, "%s", world_ruleset);
    char *at = strstr(ruleset, "[rules.yaml]");
    assert_non_null(at);
    strcpy(at, "[/etc/hostname]\n");
    world_write(&d->world, "ruleset.yaml", ruleset);
    assert_int_equal(offer_of(d, OFFER_PUT), OFFER_REFUSED);
    assert_string_equal(d->report.diags.items[0].message, "this file is outside of the bundle");
}

static void names_in_diagnostics_are_those_of_the_sender(void **state)
{
    struct door *d = *state;
    world_write(&d->world, "rules.yaml", "rules: [{id: a, when: amuont > 1}]\n");
    assert_int_equal(offer(d, (struct offer){.from = OFFER_PUT, .folder = d->world.folder}),
                     OFFER_REFUSED);
    assert_string_equal(d->report.diags.items[0].file, "rules.yaml");
}

static enum status roll_back(struct door *d, const char *id)
{
    const struct offer back = {.from = OFFER_ROLLBACK, .who = "bob"};
    return offers_roll_back(d->offers, id, &back, &d->report);
}

static void going_back_is_one_call_to_the_one_before_or_to_any(void **state)
{
    struct door *d = *state;
    for (int i = 1; i <= 3; i++) {
        write_rules(d, i);
        assert_int_equal(offer_of(d, OFFER_FILE), OFFER_LOADED);
        strcpy(d->ids[i], active(d));
    }
    assert_int_equal(roll_back(d, NULL), ST_OK);
    assert_int_equal(d->report.result, OFFER_LOADED);
    assert_string_equal(active(d), d->ids[2]);
    assert_int_equal(roll_back(d, NULL), ST_OK); /* and forth */
    assert_string_equal(active(d), d->ids[3]);
    assert_int_equal(roll_back(d, d->ids[0]), ST_OK);
    assert_string_equal(active(d), d->ids[0]);
    assert_int_equal(roll_back(d, "0000000000000000"), ST_NOT_FOUND);
}

static void a_version_that_was_damaged_is_refused(void **state)
{
    struct door *d = *state;
    char path[FILES_PATH_MAX];
    write_rules(d, 1);
    assert_int_equal(offer_of(d, OFFER_FILE), OFFER_LOADED);
    versions_path(d->versions, d->ids[0], path);
    strcpy(strrchr(path, '/'), "/rules.yaml");
    assert_int_equal(files_write(path, span_str("rules: [{id: x, when: true, score: 1}]\n")),
                     ST_OK);
    assert_int_equal(roll_back(d, d->ids[0]), ST_OK);
    assert_int_equal(d->report.result, OFFER_REFUSED);
    assert_non_null(strstr(d->report.diags.items[d->report.diags.count - 1].message, "is damaged"));
}

static void a_restart_goes_by_what_was_noted(void **state)
{
    struct door *d = *state;
    char id[VERSION_ID_BYTES], file_id[VERSION_ID_BYTES];
    write_rules(d, 1);
    assert_int_equal(offer_of(d, OFFER_FILE), OFFER_LOADED);
    strcpy(file_id, active(d));
    assert_false(versions_choose(d->versions, file_id, id));
    write_rules(d, 2);
    assert_int_equal(offer_of(d, OFFER_PUT), OFFER_LOADED);
    assert_true(versions_choose(d->versions, file_id, id));
    assert_string_equal(id, active(d));
    write_rules(d, 1);
    assert_int_equal(offer_of(d, OFFER_SIGHUP), OFFER_LOADED);
    assert_false(versions_choose(d->versions, file_id, id));
}

static void a_file_that_was_touched_does_not_undo_a_rollback(void **state)
{
    struct door *d = *state;
    write_rules(d, 1);
    assert_int_equal(offer_of(d, OFFER_FILE), OFFER_LOADED);
    assert_int_equal(roll_back(d, NULL), ST_OK);
    assert_int_equal(offer_of(d, OFFER_FILE), OFFER_UNCHANGED);
    assert_string_equal(active(d), d->ids[0]);
    assert_int_equal(offer_of(d, OFFER_SIGHUP), OFFER_LOADED); /* who asks by name gets it */
    assert_int_equal(roll_back(d, NULL), ST_OK);
    write_rules(d, 2);
    assert_int_equal(offer_of(d, OFFER_FILE), OFFER_LOADED);
}

static void a_restart_does_not_load_a_file_that_the_gate_refused(void **state)
{
    struct door *d = *state;
    char id[VERSION_ID_BYTES];
    write_rules(d, 1);
    d->gate_says = ST_CONFLICT;
    assert_int_equal(offer(d, (struct offer){.from = OFFER_FILE, .dry_run = true}), OFFER_GATED);
    assert_false(versions_choose(d->versions, d->report.ruleset, id));
    assert_int_equal(offer_of(d, OFFER_FILE), OFFER_GATED);
    assert_true(versions_choose(d->versions, d->report.ruleset, id));
    assert_string_equal(id, d->ids[0]);
}

static void with_a_full_disk_too_it_goes_back_to_the_one_before(void **state)
{
    struct door *d = *state;
    struct rlimit all, little;
    write_rules(d, 1);
    assert_int_equal(offer_of(d, OFFER_FILE), OFFER_LOADED);
    strcpy(d->ids[1], active(d));
    write_rules(d, 2);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
    little = (struct rlimit){16, all.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    enum offer_result result = offer_of(d, OFFER_FILE);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
    assert_int_equal(result, OFFER_LOADED);
    assert_false(d->report.is_kept);
    assert_true(d->report.note[0] != '\0');
    assert_int_equal(roll_back(d, NULL), ST_OK);
    assert_string_equal(active(d), d->ids[1]);
}

static void metrics_tell_what_became_of_each(void **state)
{
    struct door *d = *state;
    static char bytes[32 << 10];
    struct text out;
    write_rules(d, 1);
    offer_of(d, OFFER_PUT);
    world_write(&d->world, "rules.yaml", "rules: [{");
    offer_of(d, OFFER_FILE);
    text_init(&out, bytes, sizeof bytes - 1);
    offers_metrics(d->offers, &out);
    bytes[out.len] = '\0';
    assert_non_null(strstr(bytes, "reloads_total{result=\"loaded\",source=\"PUT\"} 1\n"));
    assert_non_null(strstr(bytes, "reloads_total{result=\"refused\",source=\"file\"} 1\n"));
    assert_non_null(strstr(bytes, "sluice_ruleset_last_reload_successful 0\n"));
}

static void a_report_is_json_with_every_diagnostic(void **state)
{
    struct door *d = *state;
    static char bytes[OFFER_REPORT_BYTES];
    struct text out;
    world_write(&d->world, "rules.yaml", "rules: [{id: a, when: amuont > 1, score: 1}]\n");
    offer(d, (struct offer){.from = OFFER_PUT, .folder = d->world.folder, .dry_run = true});
    text_init(&out, bytes, sizeof bytes - 1);
    offer_report_write(&d->report, &out);
    bytes[out.len] = '\0';
    char wanted[512];
    snprintf(wanted, sizeof wanted,
             "{\"result\":\"refused\",\"ruleset\":null,\"previous\":\"%s\",\"dry_run\":true,"
             "\"diagnostics\":[{\"level\":\"error\",\"file\":\"rules.yaml\",\"line\":1,\"col\":23,",
             d->ids[0]);
    assert_memory_equal(bytes, wanted, strlen(wanted));
    assert_non_null(strstr(bytes, "\"diagnostics_omitted\":0,\"gate\":null,\"kept\":false,"
                                  "\"published\":false,\"notes\":[]}"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_good_one_becomes_active_is_kept_published_and_told),
        TEST(a_broken_one_changes_nothing_and_every_reason_is_in_the_report),
        TEST(the_same_again_is_unchanged_and_nobody_hears_of_it),
        TEST(the_gate_may_refuse_and_may_be_forced),
        TEST(a_dry_run_says_what_would_be_and_changes_nothing),
        TEST(an_offer_for_another_than_the_active_one_is_a_mismatch),
        TEST(what_cannot_be_published_is_active_here_and_says_so),
        TEST(what_is_sent_again_is_published_again),
        TEST(one_that_does_not_wait_is_not_even_refused_while_another_is_judged),
        TEST(only_what_is_sent_is_published_and_only_what_is_new_is_judged),
        TEST(what_is_sent_may_not_name_our_files),
        TEST(names_in_diagnostics_are_those_of_the_sender),
        TEST(going_back_is_one_call_to_the_one_before_or_to_any),
        TEST(a_version_that_was_damaged_is_refused),
        TEST(a_restart_goes_by_what_was_noted),
        TEST(a_file_that_was_touched_does_not_undo_a_rollback),
        TEST(a_restart_does_not_load_a_file_that_the_gate_refused),
        TEST(with_a_full_disk_too_it_goes_back_to_the_one_before),
        TEST(metrics_tell_what_became_of_each),
        TEST(a_report_is_json_with_every_diagnostic),
    };
    return cmocka_run_group_tests_name("engine/offers", tests, NULL, NULL);
}
