/* Which experts each row activates, as in models/routing.py. Included once per backend. */

/* The `count` highest of the logits are marked in `chosen`; among equals the first. */
INLINE void choose(const float *logits, int experts, int count, uint8_t *chosen)
{
    memset(chosen, 0, experts);
    for (int n = 0; n < count; n++) {
        int best = -1;
        for (int e = 0; e < experts; e++)
            if (!chosen[e] && (best < 0 || logits[e] > logits[best])) best = e;
        if (best < 0) return;
        chosen[best] = 1;
    }
}

static void softmax_gates(const Layer *layer, float *gates, int budget)
{
    uint8_t chosen[MAX_EXPERTS];
    int experts = layer->experts;
    float most = gates[0], total = 0, kept = 0;
    choose(gates, experts, budget, chosen);
    for (int e = 1; e < experts; e++) most = gates[e] > most ? gates[e] : most;
    for (int e = 0; e < experts; e++) total += gates[e] = expf(gates[e] - most);
    for (int e = 0; e < experts; e++) {
        gates[e] = chosen[e] ? gates[e] / total : 0;
        kept += gates[e];
    }
    for (int e = 0; layer->normalise && e < experts; e++) gates[e] /= kept;
}

/* gates[experts] of one row from its normed hidden state; 0 where an expert is not active. */
static void route(const Layer *layer, const float *hidden, int width, int budget, float *gates)
{
    int routed = layer->experts - layer->shared;
    float *logits = gates + layer->shared;
    if (layer->routing == ALL || (layer->routing == SHARED && budget >= layer->experts)) {
        for (int e = 0; e < layer->experts; e++) gates[e] = 1;
        return;
    }
    for (int e = 0; e < routed; e++) {
        F sum = {0};
        for (int k = 0; k < width; k += LANES)
            sum += load(hidden + k) * load(layer->router + (size_t)e * width + k);
        logits[e] = sum_of(sum) + (layer->router_bias ? layer->router_bias[e] : 0);
    }
    if (layer->routing == SOFTMAX) {
        softmax_gates(layer, gates, budget);
        return;
    }
    uint8_t chosen[MAX_EXPERTS];
    choose(logits, routed, budget - layer->shared, chosen);
    for (int e = 0; e < layer->shared; e++) gates[e] = 1;
    for (int e = 0; e < routed; e++) logits[e] = chosen[e];
}
