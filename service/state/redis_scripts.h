/*
 * redis_scripts.h -- the cold paths that must be one step in Redis, as Lua for EVAL.
 *
 * All keep expiries as they are. Records and folds may be written when memory is full (allow-oom):
 * a fold makes a log shorter.
 */
#ifndef SLUICE_STATE_REDIS_SCRIPTS_H
#define SLUICE_STATE_REDIS_SCRIPTS_H

/*
 * KEYS: the log. ARGV: old generation (8 bytes, or "" for none), old length, old last record, new
 * bytes, and how long it is to live at least (seconds; 0: as it does). Replaces the first `old
 * length` bytes by the new ones. Answers 1, or 0 when generation,
 * last record or length no longer hold.
 */
extern const char redis_script_fold[];

/* KEYS: logs. ARGV: for each, the record to take out, every copy of it. Answers how many there
 * were. */
extern const char redis_script_void[];

/*
 * KEYS: the claim, the outbox. ARGV: its new value, ttl in ms, and perhaps an alert's owner and
 * record. Sets it if it is undecided or not there, and adds the alert. Answers a list: 1 if it was
 * set, else 0; the alert's entry, or ""; and what stood, if anything did.
 */
extern const char redis_script_settle_undecided[];

/*
 * KEYS: the coverage. ARGV: what must stand there, "" for nothing; what to put there. Answers a
 * list: 1 if it was put, else 0; ""; and what stood.
 */
extern const char redis_script_coverage[];

/*
 * KEYS: the claim, parked. ARGV: empty parked labels (CLAIM_PARKED_BYTES), the framed label, when
 * the wait ends (ms), most labels, most bytes, the transaction's hash in hex. Answers false
 * (parked), what stood there (a claim), or 0 (over a limit).
 */
extern const char redis_script_park[];

/*
 * KEYS: the claim, parked. ARGV: the claim's value, ttl in ms, the hash in hex. Sets it if
 * nothing or parked labels stand there. Answers what stood, false for nothing.
 */
extern const char redis_script_take_parked[];

/*
 * KEYS: parked. ARGV: now (ms), how many at most, prefix of claims. Answers the parked values
 * whose wait has ended, removed.
 */
extern const char redis_script_expire_parked[];

/*
 * KEYS: the outbox, alive:<owner> of ours, and of the name we take under. ARGV: that name, how long
 * both live (ms), the prefix of all alive keys, the first entry to look at, how many to look at,
 * how many to take. Answers a list: the last entry that was looked at, or "" at the end; then for
 * each alert whose owner is not alive, or nobody: its entry now, which is ours, and its record.
 */
extern const char redis_script_take_alerts[];

/*
 * KEYS: the verdict, the tally. ARGV: "f" or "l", its time (ms), its lag (ms), the amount (1e-4),
 * ttl and now (ms), most rows, and the names of the rows. Answers 1 if it was counted, 0 if one
 * stands that supersedes it. A sum that would leave int64 stays, as does one of a row that was
 * dropped.
 */
extern const char redis_script_judge[];

#endif
