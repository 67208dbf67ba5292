/*
 * sync_witness.h -- how much of each segment of a journal had been synced when its process was
 * killed, so that a test can cut the files as a machine that stops would.
 *
 * The lengths live in memory shared with children. Threads: one journal syncs at a time.
 */
#ifndef SLUICE_TESTS_UNIT_STATE_SYNC_WITNESS_H
#define SLUICE_TESTS_UNIT_STATE_SYNC_WITNESS_H

/* Makes the memory, or forgets what it holds. Before a child is made. */
void sync_witness_reset(void);

/* For struct journal_options: notes the length the segment has, and syncs nothing. */
int sync_witness_sync(int fd);

/* Cuts every segment in `dir` to its last synced length, 0 for one that never was. */
void sync_witness_cut(const char *dir);

#endif
