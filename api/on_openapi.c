/* GET /openapi.yaml: the contract, as it was when the program was built. */
#include "api/http_worker.h"
#include "api/openapi_text.h"

/* The assembler reads the file; the build runs at the repository's root. */
__asm__(".section .rodata\n"
        ".global openapi_text_begin\n"
        ".global openapi_text_end\n"
        "openapi_text_begin:\n"
        ".incbin \"openapi.yaml\"\n"
        "openapi_text_end:\n"
        ".byte 0\n"
        ".previous\n");

void on_openapi(struct request *r)
{
    size_t len = (size_t)(openapi_text_end - openapi_text_begin);
    r->reply.body_is_static = true;
    request_reply(r, 200, "application/yaml", span_of(openapi_text_begin, len));
}
