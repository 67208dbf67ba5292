/*
 * eval_rows.h -- `sluice eval --jsonl`: a row of JSON in, its answer out, whatever it holds.
 *
 *     {"expr": "x + 1", "bindings": {"x": {"int": "2"}}}      -> {"value": {"int": "3"}}
 *     {"expr": "1 / 0"}                                       -> {"error": "division by zero"}
 *     {"expr": "1 +"}                                         -> {"error": "1:4: ..."}
 *     {"expr": "[1]", "check_only": true}                     -> {"type": {"list": "int"}}
 *
 *     key            may be left out, but for expr
 *     expr           the source
 *     bindings       {name: value}
 *     type_env       [{"name": n, "type": t}, or {"name": n, "overloads": [{"params": [t, ..],
 *                    "result": t, "receiver": true: a method}]}]; what is bound and not declared
 *                    is dyn, what is declared and not bound is missing
 *     container      "a.b"
 *     disable_check  true: type errors and unknown names show when run
 *     check_only     true: only its type is asked
 *
 * Others are passed over. eval_json.h has the form of values and types. What did not compile is
 * told with line and column in front, what failed when run without.
 *
 * Every limit ends in an error of that row: the compiler's and the machine's, with the room that
 * an expression has in the service, and those below.
 */
#ifndef SLUICE_CLI_EVAL_ROWS_H
#define SLUICE_CLI_EVAL_ROWS_H

#include "service/base/arena.h"
#include "service/base/text.h"

#include <stdio.h>

enum {
    EVAL_LINE_MAX = 16 << 20,      /* bytes of a row; the worst, [{},{}..], takes jansson 1.2 GB */
    EVAL_ANSWER_MAX = 64 << 20,    /* an answer of text is up to six times as long as its row */
    EVAL_FUNCTIONS_MAX = 64,       /* overloads that a row declares */
    EVAL_NAME_BYTES_MAX = 256,     /* as long as the checker puts a.b.c together */
    EVAL_CONTAINER_PARTS_MAX = 16, /* each is tried for each name */
};

struct eval_rows {
    struct arena *arena;   /* of one row: what it binds and its program */
    struct arena *scratch; /* of its run */
};

/* CHECKs on no memory. */
void eval_rows_init(struct eval_rows *rows);
void eval_rows_fini(struct eval_rows *rows);

/*
 * Append the answer to one row, without a newline; `out` has EVAL_ANSWER_MAX free. O(row), and
 * what the expression takes.
 */
void eval_rows_answer(struct eval_rows *rows, struct span row, struct text *out);

/*
 * Answer every line of `in`, each before the next is read. The last one need not be ended. Errors:
 * ST_IO, with errno.
 */
MUST_USE enum status eval_rows_run(FILE *in, FILE *out);

#endif
