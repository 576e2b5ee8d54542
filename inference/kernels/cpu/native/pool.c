#define _GNU_SOURCE
#include "pool.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SPINS 4000

/* A number that grows, and how many sleep until it does. */
typedef struct {
    _Alignas(64) atomic_uint value;
    atomic_int sleepers;
} Event;

typedef struct {
    Pool *pool;
    int index;
} Member;

struct Pool {
    int threads;
    Event start, met;
    _Alignas(64) atomic_int arrived;
    _Alignas(64) atomic_int next;
    void (*work)(void *, int);
    void *argument;
    int stop;
    pthread_t *handles;
    Member *members;
};

static inline void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void event_wait(Event *event, unsigned seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&event->value, memory_order_acquire) != seen) return;
        pause_briefly();
    }
    atomic_fetch_add(&event->sleepers, 1);
    while (atomic_load(&event->value) == seen)
        syscall(SYS_futex, &event->value, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
    atomic_fetch_sub(&event->sleepers, 1);
}

static void event_raise(Event *event)
{
    atomic_fetch_add(&event->value, 1);
    if (atomic_load(&event->sleepers))
        syscall(SYS_futex, &event->value, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

void pool_meet(Pool *pool)
{
    if (pool->threads == 1) {
        atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
        return;
    }
    unsigned seen = atomic_load_explicit(&pool->met.value, memory_order_relaxed);
    if (atomic_fetch_add(&pool->arrived, 1) + 1 < pool->threads) {
        event_wait(&pool->met, seen);
        return;
    }
    atomic_store(&pool->arrived, 0);
    atomic_store(&pool->next, 0);
    event_raise(&pool->met);
}

int pool_claim(Pool *pool)
{
    if (pool->threads > 1) return atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
    int unit = atomic_load_explicit(&pool->next, memory_order_relaxed);
    atomic_store_explicit(&pool->next, unit + 1, memory_order_relaxed);
    return unit;
}

static void *serve(void *given)
{
    Member *member = given;
    Pool *pool = member->pool;
    for (unsigned seen = 0;; seen++) {
        event_wait(&pool->start, seen);
        if (pool->stop) return NULL;
        pool->work(pool->argument, member->index);
        pool_meet(pool);
    }
}

void pool_run(Pool *pool, void (*work)(void *, int), void *argument)
{
    atomic_store(&pool->next, 0);
    pool->work = work;
    pool->argument = argument;
    if (pool->threads > 1) event_raise(&pool->start);
    work(argument, 0);
    pool_meet(pool);
}

Pool *pool_new(int threads)
{
    Pool *pool = aligned_alloc(64, (sizeof(Pool) + 63) / 64 * 64);
    if (!pool) return NULL;
    *pool = (Pool){.threads = 1};
    pool->handles = calloc(threads, sizeof(*pool->handles));
    pool->members = calloc(threads, sizeof(*pool->members));
    if (!pool->handles || !pool->members) {
        pool_free(pool);
        return NULL;
    }
    /* Fewer threads than asked for is slower, not wrong; none of them has run anything yet. */
    for (; pool->threads < threads; pool->threads++) {
        int index = pool->threads;
        pool->members[index] = (Member){pool, index};
        if (pthread_create(&pool->handles[index], NULL, serve, &pool->members[index])) break;
    }
    return pool;
}

void pool_free(Pool *pool)
{
    if (!pool) return;
    pool->stop = 1;
    event_raise(&pool->start);
    for (int i = 1; i < pool->threads; i++) pthread_join(pool->handles[i], NULL);
    free(pool->handles);
    free(pool->members);
    free(pool);
}

int pool_threads(const Pool *pool)
{
    return pool->threads;
}
