/*
 * tcp_bytes.h -- how much a TCP peer has sent. Apart, because <linux/tcp.h> and the C library's
 * <netinet/tcp.h>, which has no such field, cannot be included together.
 */
#ifndef SLUICE_API_TCP_BYTES_H
#define SLUICE_API_TCP_BYTES_H

#include <stdint.h>

/* Bytes received since the connection was made; 0 when the kernel does not say. */
uint64_t tcp_bytes_received(int fd);

#endif
