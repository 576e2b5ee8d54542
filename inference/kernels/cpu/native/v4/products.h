/* Linears of all rows, shared by the threads. Included once per backend. */

/* Several products of the same rows, as one row of units: two panels each. */
typedef struct {
    const Weight *weight;
    Sink sink;
} V4Product;

INLINE int units_of(const V4Product *products, int count)
{
    int units = 0;
    for (int i = 0; i < count; i++) units += (products[i].weight->panels + 1) / 2;
    return units;
}

static void multiply_unit(const V4Work *w, const Rows *x, const V4Product *product, int unit)
{
    for (int own; unit >= (own = (product->weight->panels + 1) / 2); product++) unit -= own;
    multiply(product->weight, x, w->s->every, w->step->rows, unit * 2, unit * 2 + 2, 0,
             product->weight->groups, &product->sink);
}

static void multiply_all(const V4Work *w, const Rows *x, const V4Product *products, int count)
{
    int units = units_of(products, count);
    V4_UNITS(w, unit, units) multiply_unit(w, x, products, unit);
    pool_meet(w->pool);
}

INLINE V4Product product_of(const Weight *weight, float *to, size_t stride)
{
    return (V4Product){weight, {.to = to, .stride = stride, .columns = weight->out}};
}

/* Where a row's rows are multiplied by quantised weights they are quantised by themselves. */
static void quantise_all(const V4Work *w, const Rows *x, const Weight *weight)
{
    if (!is_quantised(weight)) return;
    V4_UNITS(w, row, w->step->rows) quantise_row(x, row);
    pool_meet(w->pool);
}
