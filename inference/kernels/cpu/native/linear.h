/* One linear by itself, for models that no step runs whole. Included once per backend. */

typedef struct {
    struct Pool *pool;
    const Weight *weight;
    Rows *rows;
    const int *every;
    int count, bf16;
    const void *from;
    void *to;
} Product;

static void take_row(const Product *p, int row)
{
    float *to = p->rows->value + (size_t)row * p->rows->width;
    size_t at = (size_t)row * p->weight->in;
    for (int i = 0; i < p->weight->in; i++)
        to[i] = p->bf16 ? one_bf16(((const uint16_t *)p->from)[at + i])
                        : ((const float *)p->from)[at + i];
    for (int i = p->weight->in; i < p->rows->width; i++) to[i] = 0;
    if (is_quantised(p->weight)) quantise_row(p->rows, row);
}

static void run_linear(void *argument, int thread)
{
    const Product *p = argument;
    const Weight *weight = p->weight;
    (void)thread;
    for (int row; (row = pool_claim(p->pool)) < p->count;) take_row(p, row);
    pool_meet(p->pool);
    Sink sink = {.to = p->to, .stride = weight->out, .columns = weight->out, .bf16 = p->bf16};
    for (int unit; (unit = pool_claim(p->pool) * 4) < weight->panels;)
        multiply(weight, p->rows, p->every, p->count, unit, unit + 4, 0, weight->groups, &sink);
}

static void linear(struct Pool *pool, const Weight *weight, Rows *rows, const int *every, int count,
                   const void *from, void *to, int bf16)
{
    Product product = {pool, weight, rows, every, count, bf16, from, to};
    pool_run(pool, run_linear, &product);
}
