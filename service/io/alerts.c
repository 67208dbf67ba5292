#include "service/io/alerts.h"

#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/log.h"
#include "service/engine/metrics.h"
#include "service/io/cloud_event.h"
#include "service/io/line_file.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    RETRY_MS = 250,     /* what the sink did not take waits for */
    SENDING_MAX = 4096, /* alerts that the outlet has copies of; the others wait in the outbox */
    TURN_ITEMS = 256,   /* in one turn of the loop */
    TICK_MS = 50,       /* as outlet.h asks */
};

struct alerts {
    struct alerts_options options;
    struct outbox *outbox;  /* NULL: not started */
    struct outlet *outlet;  /* NULL: to the file */
    struct line_file *file; /* also for what no broker will ever take */
    uv_async_t wake;
    uv_timer_t retry, tick;
    int open_handles;
    bool is_closing;
    bool has_failed;        /* the file: told once */
    struct latency latency; /* from the decision until the sink has it */
    uint64_t refused;
};

/* ---- what becomes of one ---- */

static void done(struct alerts *a, struct outbox_item *item)
{
    latency_note(&a->latency, clock_mono_us() - item->put_us);
    outbox_done(a->outbox, item);
}

/* ---- out of the outbox ---- */

static void send_all(struct alerts *a);

static void on_retry(uv_timer_t *timer)
{
    send_all(timer->data);
}

static void retry_later(struct alerts *a)
{
    if (!a->is_closing && !uv_is_active((uv_handle_t *)&a->retry))
        CHECK(uv_timer_start(&a->retry, on_retry, RETRY_MS, 0) == 0);
}

static void again(struct alerts *a, struct outbox_item *item)
{
    outbox_again(a->outbox, item);
    retry_later(a);
}

/* Where no file is named a line goes nowhere, and that is done. */
static enum status to_file(struct alerts *a, struct outbox_item *item)
{
    enum status st = line_file_put(a->file, item->alert.json);
    if (st == ST_OK) {
        done(a, item);
    } else {
        if (!a->has_failed)
            log_error("alerts cannot be written", LOG_TEXT("file", a->options.file));
        again(a, item);
    }
    a->has_failed = st != ST_OK;
    return st;
}

/* One is settled: is there room again? */
static void note_room(struct alerts *a)
{
    if (!a->is_closing && outlet_unsettled(a->outlet) == SENDING_MAX - 1)
        alerts_wake(a);
}

static void delivered(void *user, const struct outlet_message *m)
{
    struct alerts *a = user;
    done(a, m->owner);
    note_room(a);
}

static void refused(void *user, const struct outlet_message *m, const char *why)
{
    struct alerts *a = user;
    struct outbox_item *item = m->owner;
    log_error("alert refused by the brokers", LOG_TEXT("alert", item->alert.id),
              LOG_TEXT("why", why), LOG_TEXT("instead", a->options.file));
    stats_add(&a->refused, 1);
    note_room(a);
    to_file(a, item); /* or it comes again */
}

static void to_topic(struct alerts *a, struct outbox_item *item)
{
    const struct alert *alert = &item->alert;
    struct cloud_event_headers headers;
    struct cloud_event event = {.type = "sluice.alert.v1",
                                .id = alert->id,
                                .subject = alert->transaction_id,
                                .traceparent = alert->traceparent,
                                .time_ms = alert->ts_ms};
    cloud_event_write(&event, &headers);
    struct outlet_message m = {.topic = OUTLET_ALERTS,
                               .key = alert->transaction_id,
                               .value = alert->json,
                               .headers = headers.headers,
                               .n_headers = headers.n,
                               .owner = item};
    outlet_send(a->outlet, &m);
}

static bool has_room(const struct alerts *a)
{
    return a->outlet == NULL || outlet_unsettled(a->outlet) < SENDING_MAX;
}

static void send_all(struct alerts *a)
{
    struct outbox_item *item;
    for (int n = 0; a->outbox != NULL && has_room(a) && (item = outbox_take(a->outbox)) != NULL;
         n++) {
        if (a->outlet != NULL)
            to_topic(a, item);
        else if (to_file(a, item) != ST_OK)
            return;
        if (n == TURN_ITEMS && !a->is_closing) {
            alerts_wake(a);
            return;
        }
    }
}

static void on_wake(uv_async_t *handle)
{
    send_all(handle->data);
}

void alerts_wake(struct alerts *a)
{
    uv_async_send(&a->wake);
}

/* ---- life ---- */

static enum status open_file(struct alerts *a, char *ret_why)
{
    const struct alerts_options *o = &a->options;
    const struct line_file_options file = {
        .path = o->file, .bytes_max = (uint64_t)o->file_bytes, .files_max = o->files};
    enum status st = line_file_open(&file, &a->file);
    if (st != ST_OK)
        snprintf(ret_why, KAFKA_WHY_BYTES, "alerts.file: cannot open %s", o->file);
    return st;
}

static void on_tick(uv_timer_t *timer)
{
    const struct alerts *a = timer->data;
    outlet_tick(a->outlet);
}

static void open_outlet(struct alerts *a)
{
    struct outlet_options outlet = {.kafka = a->options.kafka,
                                    .loop = a->options.loop,
                                    .delivered = delivered,
                                    .refused = refused,
                                    .user = a};
    a->outlet = outlet_open(&outlet);
    CHECK(uv_timer_start(&a->tick, on_tick, TICK_MS, TICK_MS) == 0);
}

enum status alerts_open(const struct alerts_options *o, struct alerts **ret_alerts, char *ret_why)
{
    struct alerts *a = calloc(1, sizeof *a);
    CHECK(a != NULL);
    a->options = *o;
    enum status st = open_file(a, ret_why);
    if (st != ST_OK) {
        free(a);
        return st;
    }
    a->wake.data = a->retry.data = a->tick.data = a;
    CHECK(uv_async_init(o->loop, &a->wake, on_wake) == 0);
    CHECK(uv_timer_init(o->loop, &a->retry) == 0);
    CHECK(uv_timer_init(o->loop, &a->tick) == 0);
    a->open_handles = 3;
    if (o->kafka->alerts[0] != '\0')
        open_outlet(a);
    *ret_alerts = a;
    return ST_OK;
}

void alerts_start(struct alerts *a, struct outbox *outbox)
{
    a->outbox = outbox;
    alerts_wake(a);
}

static void on_closed(uv_handle_t *handle)
{
    struct alerts *a = handle->data;
    if (--a->open_handles == 0)
        free(a);
}

void alerts_close(struct alerts *a, int wait_ms)
{
    int64_t end_us = clock_mono_us() + (int64_t)wait_ms * 1000;
    if (a == NULL)
        return;
    a->is_closing = true;
    send_all(a);
    while (a->outlet != NULL && outlet_unsettled(a->outlet) > 0 && clock_mono_us() < end_us) {
        outlet_flush(a->outlet, (int)((end_us - clock_mono_us()) / 1000) + 1);
        send_all(a);
    }
    outlet_close(a->outlet);
    line_file_close(a->file);
    a->file = NULL;
    uv_close((uv_handle_t *)&a->retry, on_closed);
    uv_close((uv_handle_t *)&a->tick, on_closed);
    uv_close((uv_handle_t *)&a->wake, on_closed);
}

/* ---- metrics ---- */

void alerts_metrics(const struct alerts *a, struct text *out)
{
    const char *name = "sluice_alert_delivery_seconds";
    metrics_type(out, name, "histogram", "From the decision until the sink has the alert");
    metrics_latency(out, name, "", &a->latency);
    metrics_value(out, "sluice_alerts_refused_total", "counter", "Alerts that no broker will take",
                  stats_get(&a->refused));
}
