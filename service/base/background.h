/*
 * background.h -- work that gives way to what serves.
 *
 * A thread under SCHED_IDLE gets what the others leave, and whoever wakes up takes the processor
 * from it at once. A niced one does not do: it keeps the processor to the end of its slice, some
 * milliseconds, while a transaction waits. On a machine without a moment's rest it still has a
 * hundredth of one processor, so the work takes long, but ends.
 *
 * Not for what holds a lock that serving takes: the work may rest with it in its hands.
 */
#ifndef SLUICE_BASE_BACKGROUND_H
#define SLUICE_BASE_BACKGROUND_H

/* Run `work` on such a thread, and wait for it; where no thread can be had, here and now. */
void background_run(void (*work)(void *user), void *user);

#endif
