/*
 * config_table.h -- every key of sluice.yaml: one row is its storage, default, range and
 * documentation.
 *
 * CONFIG_TABLE(X) with X(kind, member, path, default, min, max, secret, doc)
 *     kind     CONFIG_TEXT      char[CONFIG_TEXT_MAX]; min..max bytes
 *              CONFIG_PATH      the same; relative to the folder of the file that names it
 *              CONFIG_INT       int64_t, min..max
 *              CONFIG_BOOL      bool
 *              CONFIG_DURATION  int64_t milliseconds, min..max; written 250ms 90s 5m 1h 7d
 *              CONFIG_CHOICE    int, index into the names of `default`, "a|b|c"; the first is it
 *              CONFIG_MAP       char[CONFIG_MAP_MAX], pairs.h; a mapping in the file; elsewhere
 *                               "name=value;name=value", which adds to the file's
 *     path     as in the file: "state.redis"; on the command line --state.redis; in the environment
 *              SLUICE_STATE_REDIS
 *     secret   never shown in full; also read from the file named by SLUICE_..._FILE
 *
 * Rows of one section stand together.
 */
#ifndef SLUICE_CONFIG_TABLE_H
#define SLUICE_CONFIG_TABLE_H

enum config_backend { CONFIG_BACKEND_MEMORY, CONFIG_BACKEND_REDIS };
enum config_start { CONFIG_START_STRICT, CONFIG_START_DEGRADED };
enum config_unavailable { CONFIG_UNAVAILABLE_DEGRADE, CONFIG_UNAVAILABLE_REJECT };
enum config_fsync { CONFIG_FSYNC_EVERYSEC, CONFIG_FSYNC_ALWAYS, CONFIG_FSYNC_NO };
enum config_level {
    CONFIG_LEVEL_INFO,
    CONFIG_LEVEL_DEBUG,
    CONFIG_LEVEL_WARNING,
    CONFIG_LEVEL_ERROR,
};

enum { CONFIG_WORKERS_MAX = 256 };

#define CONFIG_DAY_MS 86400000LL
#define CONFIG_MIB (1LL << 20)

/* clang-format off */
#define CONFIG_TABLE(X)                                                                            \
    X(CONFIG_TEXT, listen, "listen", "127.0.0.1:8080", 3, 255, false,                              \
      "Address and port of the HTTP API; port 0 takes a free one and logs it. IPv6: [::1]:8080.")  \
    X(CONFIG_BOOL, insecure_listen, "insecure_listen", "false", 0, 1, false,                       \
      "Must be true to listen on an address that is not loopback: the API has no keys.")           \
    X(CONFIG_INT, workers, "workers", "0", 0, CONFIG_WORKERS_MAX, false,                           \
      "Event loops, each on a thread of its own. 0: one for each processor.")                      \
    X(CONFIG_PATH, ruleset, "ruleset", "", 0, 511, false,                                          \
      "The ruleset file. Required.")                                                               \
    X(CONFIG_BOOL, reload_watch, "reload.watch", "true", 0, 1, false,                              \
      "Load the ruleset again when one of its files changes. SIGHUP always does.")                 \
    X(CONFIG_DURATION, reload_debounce_ms, "reload.debounce", "200ms", 1, 60000, false,            \
      "How long the files must be quiet before they are loaded: a deployment writes several.")     \
    X(CONFIG_PATH, reload_dir, "reload.dir", "build/rulesets", 0, 511, false,                      \
      "Folder of the rulesets that have decided, to go back to. Empty: none are kept, and a "      \
      "restart goes by the file alone.")                                                           \
    X(CONFIG_INT, reload_keep, "reload.keep", "32", 2, 10000, false,                               \
      "How many of them.")                                                                         \
    X(CONFIG_INT, reload_gate_events, "reload.gate_events", "0", 0, 10000000, false,               \
      "The gate: so many of the last transactions of the journal are decided again by a candidate "\
      "and by the active ruleset before it takes over. 0: there is no gate.")                      \
    X(CONFIG_INT, reload_gate_history, "reload.gate_history", "100000", 0, 100000000, false,       \
      "Transactions before those that the gate reads too, to fill the windows: as many as come in "\
      "the longest window of a rule, or less is counted there than live, and a rule may be taken " \
      "for one that drifts.")                                                                      \
    X(CONFIG_INT, reload_gate_flag_rate, "reload.gate_flag_rate", "50", 0, 1000000, false,         \
      "By how many percent of the active ruleset's the flag rate may change.")                     \
    X(CONFIG_INT, reload_gate_rule_rate, "reload.gate_rule_rate", "100", 0, 1000000, false,        \
      "The same of each rule that stands in both.")                                                \
    X(CONFIG_INT, reload_gate_floor, "reload.gate_floor", "10", 0, 1000000, false,                 \
      "A difference of no more transactions is none, whatever its percentage.")                    \
    X(CONFIG_DURATION, reload_drift_for_ms, "reload.drift_for", "15m", 0, 30 * CONFIG_DAY_MS,      \
      false, "How long a ruleset that the gate has judged is held to what it did there; when live "\
      "traffic is otherwise, the one before it becomes active again. 0s: not at all.")             \
    X(CONFIG_INT, reload_drift_rate, "reload.drift_rate", "50", 1, 1000000, false,                 \
      "By how many percent live rates may be off what the gate predicted.")                        \
    X(CONFIG_BOOL, reload_published, "reload.published", "true", 0, 1, false,                      \
      "With the state in Redis: decide by the ruleset that was published there, from the start on "\
      "and whenever another one is; and publish what is sent here. Needs reload.dir.")             \
    X(CONFIG_TEXT, admin_listen, "admin.listen", "", 0, 255, false,                                \
      "Address and port of what changes the ruleset, or shows it; it is then not answered on "     \
      "`listen`. Empty: on `listen`. Without admin.keys only on a loopback address.")              \
    X(CONFIG_MAP, admin_keys, "admin.keys", "", 0, 4095, true,                                     \
      "Who may: names and their tokens of 16 characters or more, `alice: TOKEN`, sent as "         \
      "`Authorization: Bearer TOKEN`; the names stand in the audit log. Empty: whoever reaches "   \
      "it.")                                                                                       \
    X(CONFIG_PATH, audit_file, "audit.file", "build/audit.ndjson", 0, 511, false,                  \
      "Where it is written who changed what decides, as NDJSON. Empty: nowhere.")                  \
    X(CONFIG_INT, deadline_ms, "deadline_ms", "50", 1, 60000, false,                               \
      "How long a transaction may wait for state before it is answered without. A request may ask "\
      "for another one with the header Sluice-Deadline-Ms.")                                       \
    X(CONFIG_CHOICE, on_state_unavailable, "on_state_unavailable", "degrade|reject", 0, 0, false,  \
      "Without state: decide by the transaction alone and say degraded, or answer 503.")           \
    X(CONFIG_DURATION, max_skew_ms, "max_skew", "5m", 0, 30 * CONFIG_DAY_MS, false,                \
      "How far ahead of the wall clock a live event may be dated.")                                \
    X(CONFIG_DURATION, dedupe_for_ms, "dedupe_for", "48h", 1000, 400 * CONFIG_DAY_MS, false,       \
      "How long a transaction's first answer is kept for retries.")                                \
    X(CONFIG_DURATION, label_wait_ms, "label_wait", "24h", 1000, 400 * CONFIG_DAY_MS, false,       \
      "How long a label waits for a transaction that was not seen yet.")                           \
    X(CONFIG_DURATION, remember_for_ms, "remember_for", "0s", 0, 400 * CONFIG_DAY_MS, false,       \
      "How long keys and time of a transaction are remembered for its labels. 0: the longest "     \
      "horizon of a feature that counts labels.")                                                  \
    X(CONFIG_INT, request_timeout_ms, "request_timeout_ms", "10000", 100, 600000, false,           \
      "A request must arrive, and its answer be taken, within this time. In a batch: each 16 KiB.")\
    X(CONFIG_INT, idle_timeout_ms, "idle_timeout_ms", "60000", 100, 3600000, false,                \
      "A connection without a request is closed after this time.")                                 \
    X(CONFIG_INT, drain_timeout_ms, "drain_timeout_ms", "10000", 0, 600000, false,                 \
      "After SIGTERM: how long requests under way may take to finish.")                            \
    X(CONFIG_PATH, spool_dir, "spool_dir", "/var/tmp", 1, 511, false,                              \
      "Where the answers of a batch wait, in unnamed files, until its last line was read.")        \
    X(CONFIG_INT, limits_connections, "limits.connections", "10000", 1, 100000, false,             \
      "Open connections of all workers; one more is answered 503 and closed.")                     \
    X(CONFIG_INT, limits_body_bytes, "limits.body_bytes", "65536", 1024, 65536, false,             \
      "Bytes of one transaction or label; a longer body is answered 413.")                         \
    X(CONFIG_INT, limits_batch_line_bytes, "limits.batch_line_bytes", "65536", 1024, 65536, false, \
      "Bytes of one line of a batch; a longer line gets a 413 problem as its answer.")             \
    X(CONFIG_INT, limits_batch_spool_bytes, "limits.batch_spool_bytes", "4294967296",              \
      CONFIG_MIB, 1LL << 40, false, "Bytes of answers of one batch.")                              \
    X(CONFIG_INT, limits_streams, "limits.streams", "256", 0, 1024, false,                         \
      "Open streams of alerts of all workers; one more is answered 503.")                          \
    X(CONFIG_CHOICE, state_backend, "state.backend", "memory|redis", 0, 0, false,                  \
      "Where windows live: in this process, or in Redis, shared by all instances.")                \
    X(CONFIG_CHOICE, state_start, "state.start", "strict|degraded", 0, 0, false,                   \
      "When Redis is away at start: give up, or serve degraded until it is there.")                \
    X(CONFIG_INT, state_exact_events, "state.exact_events", "256", 1, 4096, false,                 \
      "Distinct events of an entity that are kept one by one; older ones are folded into tiles.")  \
    X(CONFIG_INT, state_fill_bytes, "state.fill_bytes", "1073741824", 0, 1LL << 40, false,         \
      "Memory for a second table, while the history of features that a reload has added is filled "\
      "in from the journal. 0: it is not.")                                                        \
    X(CONFIG_DURATION, state_compact_after_ms, "state.compact_after", "1m", 1000, CONFIG_DAY_MS,   \
      false,                                                                                       \
      "A ruleset that has decided for so long lets go in memory what it does not need; one that "  \
      "is taken back sooner finds all as it was.")                                                 \
    X(CONFIG_TEXT, state_redis, "state.redis", "redis://127.0.0.1:6379/0", 1, 511, true,           \
      "redis://[user:password@]host[:port][/db] or redis+unix:///path[?db=N].")                    \
    X(CONFIG_TEXT, state_prefix, "state.prefix", "sluice:", 0, 127, false,                         \
      "Prefix of every key in Redis.")                                                             \
    X(CONFIG_PATH, journal_dir, "journal.dir", "", 0, 511, false,                                  \
      "Folder of the journal. Empty: none; windows in memory are then lost at the end.")           \
    X(CONFIG_CHOICE, journal_fsync, "journal.fsync", "everysec|always|no", 0, 0, false,            \
      "When what was accepted is on disk: within a second, before its answer, or when the "        \
      "system likes.")                                                                             \
    X(CONFIG_INT, journal_max_bytes, "journal.max_bytes", "4294967296", 0, 1LL << 40, false,       \
      "Bytes of all segments; the oldest ones that nobody needs go. 0: no limit.")                 \
    X(CONFIG_DURATION, journal_checkpoint_every_ms, "journal.checkpoint_every", "60s", 0,          \
      CONFIG_DAY_MS, false, "How often the memory state is written out, so that a restart reads "  \
      "little of the journal. 0s: only at the end.")                                               \
    X(CONFIG_PATH, dead_letters_file, "dead_letters.file", "build/dead-letters.ndjson", 0, 511,    \
      false, "Where labels go whose transaction never came, as NDJSON. Empty: nowhere.")           \
    X(CONFIG_PATH, lists_file, "lists.file", "", 0, 511, false,                                    \
      "Where changes of lists are kept, as NDJSON, with the state in memory; with Redis they are " \
      "there. Empty: nowhere, and they end with the process.")                                     \
    X(CONFIG_PATH, alerts_file, "alerts.file", "build/alerts.ndjson", 0, 511, false,               \
      "Where alerts go, as NDJSON, unless kafka.alerts names a topic. Empty: to the stream alone.")\
    X(CONFIG_INT, alerts_file_bytes, "alerts.file_bytes", "67108864", 65536, 1LL << 40, false,     \
      "Past this size the file becomes FILE.1, that FILE.2, and so on.")                           \
    X(CONFIG_INT, alerts_files, "alerts.files", "8", 1, 1000, false,                               \
      "Files that are kept, the one being written included.")                                      \
    X(CONFIG_INT, alerts_recent, "alerts.recent", "4096", 1, 1 << 20, false,                       \
      "Alerts that GET /v1/alerts and the stream look back on; fewer, if they are over 4 KiB each "\
      "on average.")                                                                               \
    X(CONFIG_DURATION, alerts_heartbeat_ms, "alerts.heartbeat", "15s", 100, 3600000, false,        \
      "After so long a silence a stream of alerts sends a comment, so that whoever stands between "\
      "keeps it open.")                                                                            \
    X(CONFIG_INT, alerts_waiting, "alerts.waiting", "16384", 1, 1 << 20, false,                    \
      "Alerts in memory that the broker, or the file, has not taken yet. More of them wait in "    \
      "the journal or in Redis alone.")                                                            \
    X(CONFIG_TEXT, kafka_brokers, "kafka.brokers", "", 0, 511, false,                              \
      "host:port,host:port: where to ask for the brokers. Empty: no Kafka.")                       \
    X(CONFIG_TEXT, kafka_group, "kafka.group", "sluice", 1, 249, false,                            \
      "The consumer group whose members, the workers of all instances, share the partitions.")     \
    X(CONFIG_TEXT, kafka_transactions, "kafka.transactions", "", 0, 249, false,                    \
      "The topic transactions come from, and labels among them. Empty: none.")                     \
    X(CONFIG_TEXT, kafka_labels, "kafka.labels", "", 0, 249, false,                                \
      "A topic of labels alone. Empty: none.")                                                     \
    X(CONFIG_TEXT, kafka_decisions, "kafka.decisions", "", 0, 249, false,                          \
      "The topic decisions on transactions of Kafka go to. Empty: nowhere.")                       \
    X(CONFIG_TEXT, kafka_alerts, "kafka.alerts", "", 0, 249, false,                                \
      "The topic alerts go to, also those of transactions that came over HTTP. Empty: to "         \
      "alerts.file.")                                                                              \
    X(CONFIG_TEXT, kafka_dead_letters, "kafka.dead_letters", "", 0, 249, false,                    \
      "The topic messages go to that can never be scored. Required to read from one.")             \
    X(CONFIG_BOOL, kafka_explain, "kafka.explain", "true", 0, 1, false,                            \
      "Decisions on transactions of Kafka tell features and each rule's result.")                  \
    X(CONFIG_BOOL, kafka_historic, "kafka.historic", "false", 0, 1, false,                         \
      "Messages may be dated further ahead of the clock than max_skew, as with `?historic=true`: " \
      "to load a stream that another clock has dated.")                                            \
    X(CONFIG_INT, kafka_in_flight, "kafka.in_flight", "256", 1, 4096, false,                       \
      "Messages of one worker that state may have under way.")                                     \
    X(CONFIG_INT, kafka_unsettled, "kafka.unsettled", "32768", 16, 1 << 20, false,                 \
      "Messages of one worker that are scored and whose decision no broker has acknowledged yet; " \
      "at this many the partitions are paused.")                                                   \
    X(CONFIG_MAP, kafka_properties, "kafka.properties", "", 0, 4095, true,                         \
      "Settings of librdkafka by their names, such as `security.protocol: SASL_SSL`.")             \
    X(CONFIG_INT, backtest_spool_bytes, "backtest.spool_bytes", "17179869184", CONFIG_MIB,         \
      1LL << 40, false, "Bytes of events that a backtest copies to spool_dir, of a journal, a "    \
      "topic or stdin; more are refused.")                                                         \
    X(CONFIG_CHOICE, log_level, "log.level", "info|debug|warning|error", 0, 0, false,              \
      "Log lines below this level are dropped.")
/* clang-format on */

#endif
