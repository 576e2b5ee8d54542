/* What the step of a decoder works on; plain data, shared by the binding and every backend. */
#ifndef SOVGATE_DECODER_H
#define SOVGATE_DECODER_H

#include <stdint.h>

#define LANES 16 /* columns of a panel: a 512-bit register of floats */
#define GROUP 32 /* inputs that share a scale */
#define MAX_EXPERTS 1024

typedef enum { F32, BF16, INT8, INT4 } Kind;

/* [out, in] in panels of 16 outputs, inputs padded to groups with zeros; see pack.h. */
typedef struct {
    Kind kind;
    int in, out, groups, panels;
    uint8_t *data;
    /* INT8: bfloat16 per group and output; INT4: bytes, 16 steps and 16 leasts; else NULL */
    void *scale;
    float *unit; /* INT4: [panels * LANES], of steps, and an eighth of that of leasts */
} Weight;

/* Rows that are multiplied by a weight: floats, and what is quantised of them, group by group. */
typedef struct {
    int width, groups;
    float *value;  /* [rows, width]; padding is zero */
    int8_t *code;  /* [rows, width] */
    float *scale;  /* [rows, groups] */
    float *total;  /* [rows, groups]: scale times the sum of the codes */
    int32_t *bias; /* [rows, groups]: -128 times the sum of the codes */
} Rows;

typedef enum { ALL, SOFTMAX, SHARED } Routing;

typedef struct {
    const float *input_norm, *query_norm, *key_norm, *post_norm;
    const Weight *qkv, *output, *gate, *up, *down;
    int experts, width, shared; /* width: of one expert, a multiple of GROUP */
    Routing routing;
    int normalise;
    const float *router, *router_bias; /* [routed experts, hidden], [routed experts] or NULL */
    float limit;                       /* 0: none */
} Layer;

typedef struct {
    int hidden, heads, kv_heads, head_dim, num_layers, vocab;
    float eps;
    const float *frequencies; /* [head_dim / 2] */
    const void *embedding;    /* [vocab, hidden] */
    int embedding_bf16, cache_bf16;
    Layer *layers;
    const float *norm;
    const Weight *head;
} Model;

typedef struct {
    int rows, sampled;
    const int64_t *tokens, *positions, *slots, *budgets; /* budgets: NULL = `budget` for all */
    const int64_t *sample_rows;
    int64_t budget;
    const int64_t **tables; /* [rows]: each row's blocks */
    int block_size;
    const int64_t *cache; /* [layers, 2]: addresses of keys and values */
    float *logits;        /* [sampled, vocab] or NULL */
    float *states;        /* [rows, hidden] or NULL */
} Step;

/* Buffers of one step; grown when a larger one comes. */
typedef struct {
    int rows, context;
    float *hidden, *joint, *gates, *angles; /* [rows, ...] */
    float *scores; /* [threads, heads that share a key, context] */
    Rows normed, mixed, inner;
    int *every;        /* [rows]: 0, 1, 2, ... */
    int *active, *num; /* [experts, rows] rows that activate an expert, and how many */
} Scratch;

int rows_grow(Rows *rows, int count, int width, int quantised);
void rows_free(Rows *rows);
int scratch_grow(Scratch *scratch, const Model *model, int threads, int rows, int context);
void scratch_free(Scratch *scratch);

struct Pool;

typedef struct {
    const char *name;
    void (*pack)(Weight *weight, const float *source);
    /* to[rows, out] = from[rows, in]; both bfloat16 or both float */
    void (*linear)(struct Pool *pool, const Weight *weight, Rows *rows, const int *every, int count,
                   const void *from, void *to, int bf16);
    void (*step)(struct Pool *pool, const Model *model, const Step *step, Scratch *scratch);
} Backend;

extern const Backend backend_avx512, backend_avx2, backend_plain;

#endif
