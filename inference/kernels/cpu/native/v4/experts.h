/* The router and the experts that it chooses: only those are read. Included once per backend. */

INLINE float score_of(float logit)
{
    return sqrtf((logit > 0 ? logit : 0) + log1pf(expf(-fabsf(logit))));
}

/* Places of the `count` highest of `wanted`, falling, among equals the first; -inf is none. */
static int best_of(float *wanted, int from, int count, int *chosen)
{
    for (int n = 0; n < count; n++) {
        int best = 0;
        for (int e = 1; e < from; e++)
            if (wanted[e] > wanted[best]) best = e;
        if (wanted[best] == -__builtin_inff()) return n;
        chosen[n] = best;
        wanted[best] = -__builtin_inff();
    }
    return count;
}

/* Of `count` experts with these scores, the fewest that hold a share of their weight. */
static int within_share(const int *chosen, const float *scores, int count, float share, int *kept)
{
    float weights[MAX_EXPERTS], total = 0, before = 0;
    int order[MAX_EXPERTS], found = 0;
    for (int i = 0; i < count; i++) weights[i] = scores[chosen[i]];
    best_of(weights, count, count, order);
    for (int i = 0; i < count; i++) total += scores[chosen[order[i]]];
    for (int i = 0; i < count; i++) {
        float weight = scores[chosen[order[i]]];
        if (i && !(before < share * total)) break;
        if (weight > 0) kept[found++] = chosen[order[i]];
        before += weight;
    }
    return found;
}

/* Experts of a row and their weights, by its own budget. */
static void route_row(const V4Work *w, const V4Layer *layer, int row)
{
    V4Scratch *s = w->s;
    const V4Model *m = w->model;
    const V4Step *step = w->step;
    int64_t budget = (step->budgets ? step->budgets[row] : step->budget) - m->shared_experts;
    float *scores = s->logits + (size_t)row * m->experts, wanted[MAX_EXPERTS], sum = 0;
    int *expert = s->expert + (size_t)row * s->most, order[MAX_EXPERTS], count;
    for (int e = 0; e < m->experts; e++) scores[e] = score_of(scores[e]);
    if (layer->table) {
        const int64_t *named = layer->table + step->tokens[row] * layer->table_width;
        for (int i = 0; i < layer->table_width; i++) wanted[i] = scores[named[i]];
        count = budget < layer->table_width ? (int)budget : layer->table_width;
        count = best_of(wanted, layer->table_width, count, order);
        for (int i = 0; i < count; i++) order[i] = (int)named[order[i]];
    } else {
        for (int e = 0; e < m->experts; e++) wanted[e] = scores[e] + layer->router_bias[e];
        count = best_of(wanted, m->experts, budget < m->experts ? (int)budget : m->experts, order);
    }
    if (step->shares && step->shares[row] < 1)
        count = within_share(order, scores, count, step->shares[row], expert);
    else memcpy(expert, order, count * sizeof(int));
    for (int i = 0; i < count; i++) sum += scores[expert[i]];
    for (int i = 0; i < count; i++)
        s->share[(size_t)row * s->most + i] = scores[expert[i]] / (sum + 1e-20f) * m->scaling;
    s->num[row] = count;
    if (step->asked & ASK_EXPERTS) {
        float *gates = step->gates + (size_t)row * m->experts;
        memset(gates, 0, m->experts * sizeof(float));
        for (int i = 0; i < count; i++) gates[expert[i]] = s->share[(size_t)row * s->most + i];
    }
    if (step->active) step->active[row] += count + m->shared_experts;
}

/* Pairs of rows and experts, by expert; run by one thread. */
static void list_pairs(const V4Work *w)
{
    V4Scratch *s = w->s;
    int experts = w->model->experts, rows = w->step->rows;
    memset(s->start, 0, (experts + 1) * sizeof(int));
    for (int row = 0; row < rows; row++)
        for (int i = 0; i < s->num[row]; i++) s->start[s->expert[row * s->most + i] + 1]++;
    s->num_running = 0;
    for (int e = 0; e < experts; e++) {
        if (s->start[e + 1]) s->running[s->num_running++] = e;
        s->start[e + 1] += s->start[e];
    }
    for (int row = 0; row < rows; row++)
        for (int i = 0; i < s->num[row]; i++) {
            int pair = row * s->most + i, place = s->start[s->expert[pair]]++;
            s->pair_row[place] = row;
            s->pair[place] = pair;
        }
    for (int e = experts; e > 0; e--) s->start[e] = s->start[e - 1];
    s->start[0] = 0;
}

/* Rows that run an expert: `row` of the input, `to` of the inner state, and the weight of each. */
typedef struct {
    const int *row, *to;
    const float *share; /* by `to`, or NULL: 1 */
    int count, expert;
} Running;

/* GROUP columns of an expert's inner state. */
static void inner_unit(const V4Work *w, const Experts *experts, const Running *run, int part,
                       const Rows *inner)
{
    int panel = (run->expert * experts->width / GROUP + part) * 2;
    for (int at = 0, n; at < run->count; at += n) {
        n = rows_at_once(run->count - at);
        for (int p = 0, m = panels_at_once(n, 2); p < 2; p += m) {
            F gate[8], up[8];
            any_block(n, m, experts->gate, &w->s->normed, run->row + at, panel + p, 0,
                      experts->gate->groups, gate);
            any_block(n, m, experts->up, &w->s->normed, run->row + at, panel + p, 0,
                      experts->up->groups, up);
            for (int i = 0; i < n * m; i++) {
                int to = run->to[at + i / m], column = part * GROUP + (p + i % m) * LANES;
                gate_lanes(experts->limit, run->share ? run->share[to] : 1, &gate[i], &up[i],
                           inner->value + (size_t)to * inner->width + column);
            }
        }
        for (int r = 0; r < n && is_quantised(experts->down); r++)
            quantise_group(inner, run->to[at + r], part);
    }
}

/* The same rows as a wide weight of all experts sees those of one. */
INLINE Rows seen_from(const Rows *rows, int group)
{
    Rows moved = *rows;
    moved.value -= (size_t)group * GROUP;
    if (rows->code) {
        moved.code -= (size_t)group * GROUP;
        moved.scale -= group;
        moved.total -= group;
        moved.bias -= group;
    }
    return moved;
}

/* Adds an expert's output: panels `from` to `to` of `out`. */
static void outer_unit(const V4Work *w, const Experts *experts, const Running *run,
                       const Rows *inner, int from, int to)
{
    int groups = experts->width / GROUP, first = run->expert * groups;
    Rows rows = seen_from(inner, first);
    Sink out = {.to = w->s->out, .stride = w->s->normed.width, .columns = w->model->hidden,
                .add = 1};
    to = to < experts->down->panels ? to : experts->down->panels;
    for (int at = 0, n; at < run->count; at += n) {
        n = rows_at_once(run->count - at);
        for (int panel = from, m; panel < to; panel += m) {
            F sums[8];
            m = panels_at_once(n, to - panel);
            any_block(n, m, experts->down, &rows, run->to + at, panel, first, first + groups, sums);
            for (int i = 0; i < n * m; i++)
                drain(&out, run->row[at + i / m], (panel + i % m) * LANES, &sums[i]);
        }
    }
}

INLINE Running running_of(const V4Work *w, int at)
{
    V4Scratch *s = w->s;
    int expert = s->running[at], start = s->start[expert];
    return (Running){s->pair_row + start, s->pair + start, s->share, s->start[expert + 1] - start,
                     expert};
}

static void run_experts(const V4Work *w, const V4Layer *layer, int thread)
{
    V4Scratch *s = w->s;
    Running every = {s->every, s->every, NULL, w->step->rows, 0};
    int parts = layer->routed.width / GROUP, own = layer->shared.width / GROUP;
    if (thread == 0) list_pairs(w);
    pool_meet(w->pool);
    int units = own + s->num_running * parts;
    V4_UNITS(w, unit, units) {
        if (unit < own) {
            inner_unit(w, &layer->shared, &every, unit, &s->shared);
            continue;
        }
        Running run = running_of(w, (unit - own) / parts);
        inner_unit(w, &layer->routed, &run, (unit - own) % parts, &s->inner);
    }
    pool_meet(w->pool);
    units = (layer->routed.down->panels + 1) / 2;
    V4_UNITS(w, unit, units) {
        int from = unit * 2, to = from + 2;
        Sink out = {.to = s->out, .stride = s->normed.width, .columns = w->model->hidden};
        multiply(layer->shared.down, &s->shared, s->every, w->step->rows, from, to, 0,
                 layer->shared.down->groups, &out);
        for (int at = 0; at < s->num_running; at++) {
            Running run = running_of(w, at);
            outer_unit(w, &layer->routed, &run, &s->inner, from, to);
        }
    }
    pool_meet(w->pool);
}
