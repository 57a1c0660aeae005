/*
 * What systemd is told of the service (sd_notify(3), by hand): a datagram to the socket that NOTIFY_SOCKET names. Where
 * there is none, nothing happens.
 */
#ifndef RK_SERVER_NOTIFY_H
#define RK_SERVER_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and takes them out of the environment. Before any thread. */
void rk_notify_open(void);

/* Sends "READY=1", "STOPPING=1", …; never waits. False if it was not sent. */
bool rk_notify_send(const char *state);

/* RELOADING=1 with the instant, as Type=notify-reload wants it; READY=1 must follow. */
bool rk_notify_send_reloading(void);

/* Period within which systemd wants a sign of life; 0: it wants none. */
uint64_t rk_notify_watchdog_ns(void);

#endif
