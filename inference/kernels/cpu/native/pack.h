/* How weights lie in memory, and how rows are quantised. Included once per backend.
 *
 * A panel holds 16 outputs. Panel after panel, group after group of 32 inputs:
 *   F32   for each input 16 floats
 *   BF16  for each pair of inputs 16 words, the even input in the low half
 *   INT8  for each four inputs 16 x 4 bytes, each code + 128
 *   INT4  four times 16 x 4 bytes; low halves hold inputs 0 to 15, high halves 16 to 31
 */

static void pack_float(Weight *w, const float *source, int panel, int group)
{
    float *to = (float *)w->data + ((size_t)panel * w->groups + group) * GROUP * LANES;
    uint16_t *half = (uint16_t *)w->data + ((size_t)panel * w->groups + group) * GROUP * LANES;
    for (int c = 0; c < LANES; c++)
        for (int k = 0; k < GROUP; k++) {
            int row = panel * LANES + c, column = group * GROUP + k;
            int inside = row < w->out && column < w->in;
            float value = inside ? source[(size_t)row * w->in + column] : 0.0f;
            if (w->kind == F32) to[k * LANES + c] = value;
            else half[(k / 2 * LANES + c) * 2 + k % 2] = to_bf16(value);
        }
}

/* A bfloat16 that is no smaller, so that no code is clipped. */
static uint16_t bf16_above(float value)
{
    uint16_t bits = to_bf16(value);
    return one_bf16(bits) < value ? bits + 1 : bits;
}

static void pack_int8(Weight *w, const float *from, int count, size_t place, int c)
{
    uint8_t *to = w->data + place * GROUP * LANES;
    float most = 0;
    for (int k = 0; k < count; k++) most = __builtin_fmaxf(most, __builtin_fabsf(from[k]));
    uint16_t scale = bf16_above(most / 127);
    float inverse = most > 0 ? 1 / one_bf16(scale) : 0;
    ((uint16_t *)w->scale)[place * LANES + c] = scale;
    for (int k = 0; k < GROUP; k++) {
        int code = k < count ? (int)__builtin_rintf(from[k] * inverse) : 0;
        to[(k / 4 * LANES + c) * 4 + k % 4] = (uint8_t)(code + 128);
    }
}

static void pack_int4(Weight *w, const float *from, int count, size_t place, int c)
{
    uint8_t *to = w->data + place * GROUP * LANES / 2;
    float least = from[0], most = from[0];
    for (int k = 1; k < count; k++) {
        least = __builtin_fminf(least, from[k]);
        most = __builtin_fmaxf(most, from[k]);
    }
    uint16_t start = to_bf16(least), step = bf16_above((most - one_bf16(start)) / 15);
    float inverse = one_bf16(step) > 0 ? 1 / one_bf16(step) : 0;
    ((uint32_t *)w->scale)[place * LANES + c] = step | (uint32_t)start << 16;
    for (int k = 0; k < GROUP; k++) {
        int code = k < count ? (int)__builtin_rintf((from[k] - one_bf16(start)) * inverse) : 0;
        code = code < 0 ? 0 : code > 15 ? 15 : code;
        to[(k % 16 / 4 * LANES + c) * 4 + k % 4] |= (uint8_t)(code << (k < 16 ? 0 : 4));
    }
}

static void pack(Weight *w, const float *source)
{
    for (int panel = 0; panel < w->panels; panel++)
        for (int group = 0; group < w->groups; group++) {
            if (w->kind == F32 || w->kind == BF16) {
                pack_float(w, source, panel, group);
                continue;
            }
            size_t place = (size_t)panel * w->groups + group;
            for (int c = 0; c < LANES && panel * LANES + c < w->out; c++) {
                const float *from = source + (size_t)(panel * LANES + c) * w->in + group * GROUP;
                int left = w->in - group * GROUP, count = left < GROUP ? left : GROUP;
                (w->kind == INT8 ? pack_int8 : pack_int4)(w, from, count, place, c);
            }
        }
}

/* Codes of one group of a row, from its floats: the nearest of 255 steps. */
INLINE void quantise_group(const Rows *rows, int row, int group)
{
    size_t at = (size_t)row * rows->width + group * GROUP;
    size_t place = (size_t)row * rows->groups + group;
    F low = load(rows->value + at), high = load(rows->value + at + LANES);
    float most = largest_of(larger(larger(low, -low), larger(high, -high)));
    float scale = most / 127, inverse = most > 0 ? 127 / most : 0;
    I first = rounded(low * inverse), second = rounded(high * inverse), both = first + second;
    *(Codes *)(rows->code + at) = __builtin_convertvector(first, Codes);
    *(Codes *)(rows->code + at + LANES) = __builtin_convertvector(second, Codes);
    int32_t sum = 0;
    for (int i = 0; i < LANES; i++) sum += both[i];
    rows->scale[place] = scale;
    rows->total[place] = scale * sum;
    rows->bias[place] = -128 * sum;
}

INLINE void quantise_row(const Rows *rows, int row)
{
    for (int group = 0; group < rows->groups; group++) quantise_group(rows, row, group);
}

INLINE int is_quantised(const Weight *weight)
{
    return weight->kind == INT8 || weight->kind == INT4;
}
