/*
 * notify.h -- what systemd wants to hear, without libsystemd: datagrams to $NOTIFY_SOCKET.
 *
 * Without that variable nothing is sent.
 *
 * Source: sd_notify(3).
 */
#ifndef SLUICE_CLI_NOTIFY_H
#define SLUICE_CLI_NOTIFY_H

#include <stdint.h>

void notify_ready(void);
/* RELOADING=1 with the monotonic time, as Type=notify-reload needs; notify_ready() ends it. */
void notify_reloading(void);
void notify_stopping(void);
void notify_watchdog(void);

/* How often notify_watchdog() is due: half of $WATCHDOG_USEC; 0: no watchdog watches this
 * process. */
uint64_t notify_watchdog_ms(void);

#endif
