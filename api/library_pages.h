/*
 * library_pages.h -- libmicrohttpd's own error pages, replaced by problem+json.
 *
 * The library answers what it cannot parse by itself (400, 413, 414, 431, 505), with HTML that
 * is compiled in, and 0.9.75 has no option for that; pages of the header stage it even sends
 * with their header twice. But it queues them with its own public MHD_queue_response, through
 * the dynamic linker, where a program's definition comes first. The one in library_pages.c is
 * called for the library's pages alone: it writes ours to the socket and answers MHD_NO,
 * whereupon the library closes the connection. Our own replies go to the library's function
 * directly, by library_queue().
 *
 * Source: ELF symbol interposition, dlsym(3) RTLD_NEXT. tests/system/test_http_armour.py fails
 * when a later library sends its pages in another way.
 */
#ifndef SLUICE_API_LIBRARY_PAGES_H
#define SLUICE_API_LIBRARY_PAGES_H

#include <microhttpd.h>

/* MHD_queue_response of the library itself. */
enum MHD_Result library_queue(struct MHD_Connection *connection, unsigned status,
                              struct MHD_Response *response);

#endif
