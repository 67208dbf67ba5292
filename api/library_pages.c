#include "api/library_pages.h"

#include "api/conn.h"
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

/* Only the library calls this, with a page of its own. */
enum MHD_Result MHD_queue_response(struct MHD_Connection *connection, unsigned status_code,
                                   struct MHD_Response *response)
{
    int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    (void)response;
    conn_send_problem(fd, problem_of_status(status_code), NULL, 0);
    conn_throw_unread(fd);
    return MHD_NO;
}
