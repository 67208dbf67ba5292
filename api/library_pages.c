#include "api/library_pages.h"

#include "api/problem.h"
#include "service/base/check.h"

#include <dlfcn.h>

typedef enum MHD_Result queue_function(struct MHD_Connection *, unsigned, struct MHD_Response *);

enum MHD_Result library_queue(struct MHD_Connection *connection, unsigned status,
                              struct MHD_Response *response)
{
    static queue_function *queue; /* every thread would find the same */
    queue_function *found = __atomic_load_n(&queue, __ATOMIC_RELAXED);
    if (found == NULL) {
        void *symbol = dlsym(RTLD_NEXT, "MHD_queue_response");
        CHECK(symbol != NULL);
        memcpy(&found, &symbol, sizeof found); /* ISO C has no cast from void * to function */
        __atomic_store_n(&queue, found, __ATOMIC_RELAXED);
    }
    return found(connection, status, response);
}

/* Only the library calls this: with a page of its own, after which it closes the connection. */
enum MHD_Result MHD_queue_response(struct MHD_Connection *connection, unsigned status_code,
                                   struct MHD_Response *response)
{
    char bytes[PROBLEM_BYTES_MAX];
    struct text body;
    struct problem_about about = {0};
    (void)response;
    text_init(&body, bytes, sizeof bytes);
    problem_write(problem_of_status(status_code), &about, &body);
    struct MHD_Response *ours =
        MHD_create_response_from_buffer(body.len, body.base, MHD_RESPMEM_MUST_COPY);
    if (ours == NULL)
        return MHD_NO;
    MHD_add_response_header(ours, "Content-Type", "application/problem+json");
    enum MHD_Result ok = library_queue(connection, status_code, ours);
    MHD_destroy_response(ours);
    return ok;
}
