/* What a step of DeepSeek-V4 works on; plain data, shared by the binding and every backend.
 *
 * n streams of D values run through the layers ([rows, n, D], each stream padded to whole groups).
 * Names and equations are those of kernels/reference/deepseek_v4.py, the layout of rings and pools
 * that of models/deepseek_v4/cache.py.
 */
#ifndef SOVGATE_V4_H
#define SOVGATE_V4_H

#include <stddef.h>

#include "../decoder.h"

#define STREAMS 4                            /* n; other numbers run in torch */
#define MIXES (STREAMS * (STREAMS + 2))      /* what a block's mixing is made of */
#define MIX_WIDTH ((MIXES + LANES - 1) / LANES * LANES)
#define MOST_TILE 8 /* keys side by side */
#define MAX_ROPE 512
#define MAX_WIDTH 1024
#define SCORED 256 /* entries that a thread scores at a time */
#define SPARE 16 /* positions by which a sequence may be set back, as in cache.py */

typedef struct {
    const Weight *function; /* [MIXES or n, n * padded D] F32 */
    const float *scale, *base;
} Mixing;

/* Pools `rate` positions into one entry; with `overlap` also those before them. */
typedef struct {
    const Weight *values, *gates; /* [hidden] -> [row] */
    const float *bias;            /* [rate, row] */
    const float *norm;            /* [width] */
    int rate, overlap, width, row; /* row: width, twice that where windows overlap; rate 0: none */
} Compressor;

typedef struct {
    const Weight *gate, *up, *down; /* side by side: [experts * width, D], [D, experts * width] */
    int width;                      /* of one expert, a multiple of GROUP */
    float limit;                    /* 0: none */
} Experts;

typedef struct {
    Mixing attention_mixing, feed_mixing;
    const float *attention_norm, *query_norm, *key_norm, *sinks, *feed_norm;
    const Weight *query_down, *query_up, *key, *output;
    const Weight **groups; /* [groups]: [rank, heads / groups * head_dim] each */
    Compressor compressor, indexer;
    const Weight *index_query, *index_weights;
    const Weight *router;      /* [experts, D] F32 */
    const float *router_bias;  /* [experts], or NULL where `table` chooses */
    const int64_t *table;      /* [vocab, table_width]: experts of each token, or NULL */
    int table_width, compresses; /* compresses: turns by the second base */
    Experts routed, shared;
} V4Layer;

/* What the draft module begins with; `token` is NULL in a trunk. */
typedef struct {
    const float *token_norm, *stream_norm;
    const Weight *token, *stream; /* [hidden, hidden] */
} V4Draft;

typedef struct {
    int hidden, heads, head_dim, rope, groups, rank, query_rank, window, ring, vocab;
    int index_heads, index_dim, index_topk, experts, shared_experts, iterations, num_layers;
    float eps, hc_eps, scaling;
    const float *frequencies[2]; /* [rope / 2]: of sliding layers, of those that compress */
    const void *embedding;       /* [vocab, hidden] */
    int embedding_bf16, cache_bf16;
    V4Layer *layers;
    Mixing mixing;
    const float *norm;
    const Weight *head;
    V4Draft draft;
} V4Model;

/* Where one compressor's memory lies. */
typedef struct {
    float *values, *gates; /* rings of state 0 */
    void *entries;         /* [blocks * per_block, width] */
} V4Pool;

typedef struct {
    void *raw; /* ring of state 0 */
    V4Pool compressor, indexer;
} V4Memory;

/* A row of the batch, and the run of its sequence's rows that it stands in. */
typedef struct {
    int first, last;        /* rows of the run */
    int64_t start, position; /* of the run's first row, of this one */
    int64_t state;
    const int64_t *blocks;
} V4Row;

typedef struct {
    int rows, sampled, block_size;
    const int64_t *tokens, *sample_rows;
    const int64_t *budgets; /* [rows] experts, shared ones included; NULL = `budget` for all */
    int64_t budget;
    const float *shares; /* [rows] of the router's weight that is enough, or NULL */
    int64_t *active;     /* [rows] experts that ran, added over layers; or NULL */
    V4Row *row;          /* [rows] */
    const V4Memory *memory; /* [layers] */
    size_t raw_stride, state_stride; /* numbers from one state to the next */
    float *logits;  /* [sampled, vocab] or NULL */
    float *states;  /* [rows, hidden] or NULL */
    void *streams;  /* [rows, n, hidden] in the cache's dtype, or NULL */
    const void *given; /* the same, which a draft module begins with */
    /* What other processes have a part of is asked for by one thread, while the others wait: rows
     * of `passed` go out and what was asked for comes back in their place. 0, or -1: give up. */
    int (*ask)(void *caller, int layer, int what);
    void *caller;
    int asked;     /* of ASK_...; 0: all is here */
    float *passed; /* [rows, hidden] */
    float *gates;  /* [rows, experts]: weight of each, 0 where a row does not run it */
} V4Step;

#define ASK_EXPERTS 1   /* what the routed and the shared ones make of a row */
#define ASK_ATTENTION 2 /* the sum over all heads of what attention gives */

/* Buffers of one step. `most` is what a row chooses of experts. */
typedef struct {
    int rows, most, threads;
    int64_t seen, keys_seen; /* entries that the indexer scores of a row; keys that a row sees */
    Rows streams, normed, low, mixed, ranks, inner, shared;
    Rows given;       /* [rows * n]: normed streams that a draft module begins with */
    float *parts;     /* [n, rows, MIX_WIDTH]: shares of a mixing's product */
    float *post;      /* [rows, n] */
    float *square;    /* [rows, n, n] */
    float *angles;    /* [rows, 2, rope]: cosines, sines */
    float *keys;      /* [rows, head_dim] */
    void *fresh;      /* the same, rotated, as the cache keeps it */
    float *wide;      /* [rows, 2, head_dim]: entries as they are made */
    float *values[2], *gates[2]; /* [rows, row]: of the compressor, of the indexer */
    float *queries;   /* [rows, heads * head_dim] */
    float *wanted;    /* [rows, index_heads * index_dim] */
    float *turned;    /* [rows, index_dim, index heads padded] */
    float *weights;   /* [rows, index heads padded] */
    float *scores;    /* [rows at once, entries padded] */
    int *chosen;      /* [rows, index_topk] entries, rising */
    float *attending; /* [threads, ...]: see attend_rows */
    size_t attending_size;
    float *out;       /* [rows, padded D] */
    float *logits;    /* [rows, experts] of the router */
    int *expert;      /* [rows, most] */
    float *share;     /* [rows, most] */
    int *num;         /* [rows] experts chosen */
    int *start;       /* [experts + 1]: where an expert's pairs begin */
    int *running;     /* [experts] that have pairs */
    int num_running;
    int *pair_row, *pair; /* [rows * most] by expert: its row, and its place in `inner` */
    int *every;       /* [rows * n]: 0, 1, 2, ... */
    int scored;       /* rows whose scores are kept at once */
    int failed;       /* nobody answered: the step is given up */
} V4Scratch;

/* 0, or -1 where memory is out. */
int v4_scratch_grow(V4Scratch *scratch, const V4Model *model, int threads, int rows, int most,
                    int64_t positions);
void v4_scratch_free(V4Scratch *scratch);

typedef struct {
    const char *name;
    void (*step)(struct Pool *pool, const V4Model *model, const V4Step *step, V4Scratch *scratch);
} V4Backend;

extern const V4Backend v4_avx512, v4_avx2, v4_plain;

#endif
