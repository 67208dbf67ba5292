/*
 * exchange.h -- one request and its reply, as libmicrohttpd's callbacks see them.
 *
 *     header ──> armour, route, limits ──> body, kept or fed to a batch ──> handler ──> reply
 *                  │ refused: the body is thrown away, and the reply comes at its end; or, when
 *                  │ that is far, ahead of it by hand (conn_send), and the connection ends
 *
 * Threads: of the worker, `cls` of both.
 */
#ifndef SLUICE_API_EXCHANGE_H
#define SLUICE_API_EXCHANGE_H

#include <microhttpd.h>

/* MHD_AccessHandlerCallback: the header, each piece of the body, its end, and each waking. */
enum MHD_Result exchange_access(void *cls, struct MHD_Connection *mhd, const char *url,
                                const char *method, const char *version, const char *data,
                                size_t *size, void **con_cls);

/* MHD_RequestCompletedCallback: the reply has left, or the client. */
void exchange_completed(void *cls, struct MHD_Connection *mhd, void **con_cls,
                        enum MHD_RequestTerminationCode why);

#endif
