#include "tests/unit/models/model_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { STEP_BYTES = 8 };

struct arena arena;
struct diag_list diags;
struct model model;

static char block[MODEL_CASE_BYTES];

static enum status load_in(size_t room_bytes, const char *name, struct span bytes)
{
    arena_init(&arena, block, room_bytes);
    memset(&diags, 0, sizeof diags);
    memset(&model, 0, sizeof model);
    return model_load(name, bytes, &arena, &diags, &model);
}

enum status load_model(const char *name, struct span bytes)
{
    return load_in(sizeof block, name, bytes);
}

void expect_loaded(const char *name, struct span bytes, enum model_format format)
{
    enum status st = load_model(name, bytes);
    if (st != ST_OK)
        print_error("%s\n", diags.items[0].message);
    assert_int_equal(st, ST_OK);
    assert_int_equal(model.format, format);
}

void expect_refused_where_room_ends(const char *name, struct span bytes)
{
    for (size_t room = 0; room < sizeof block; room += STEP_BYTES) {
        enum status st = load_in(room, name, bytes);
        if (st == ST_OK)
            return;
        assert_int_equal(st, ST_NO_SPACE);
        assert_int_equal(diags.errors, 1);
        assert_null(model.inputs);
    }
    fail();
}
