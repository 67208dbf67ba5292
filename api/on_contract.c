/* GET /openapi.yaml, /asyncapi.yaml: the contracts, as they were when the program was built. */
#include "api/contract_text.h"
#include "api/http_worker.h"

/* The assembler reads the files; the build runs at the repository's root. */
#define BUILT_IN(name)                                          \
    __asm__(".section .rodata\n"                                \
            ".global " name "_text_begin\n"                     \
            ".global " name "_text_end\n" name "_text_begin:\n" \
            ".incbin \"" name ".yaml\"\n" name "_text_end:\n"   \
            ".byte 0\n"                                         \
            ".previous\n")

BUILT_IN("openapi");
BUILT_IN("asyncapi");

static void reply_static(struct request *r, const char *begin, const char *end)
{
    r->reply.body_is_static = true;
    request_reply(r, 200, "application/yaml", span_of(begin, (size_t)(end - begin)));
}

void on_openapi(struct request *r)
{
    reply_static(r, openapi_text_begin, openapi_text_end);
}

void on_asyncapi(struct request *r)
{
    reply_static(r, asyncapi_text_begin, asyncapi_text_end);
}
