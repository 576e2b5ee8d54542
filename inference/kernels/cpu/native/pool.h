/* Threads that run one function together and meet at barriers.
 *
 * Who waits spins for some tens of microseconds, since the parts of a step are that short, and
 * sleeps then, so that an idle or crowded machine is not kept busy.
 */
#ifndef SOVGATE_POOL_H
#define SOVGATE_POOL_H

typedef struct Pool Pool;

Pool *pool_new(int threads);
void pool_free(Pool *pool);
int pool_threads(const Pool *pool);

/* Runs work(argument, 0) here and work(argument, i) in the other threads. */
void pool_run(Pool *pool, void (*work)(void *argument, int thread), void *argument);

/* All threads of the pool get here before one goes on; claims begin anew. */
void pool_meet(Pool *pool);

/* The next unit of this part of the work; at the end a number beyond it. */
int pool_claim(Pool *pool);

#endif
