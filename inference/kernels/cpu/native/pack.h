/* How weights lie in memory. Included once per backend.
 *
 * A panel holds 16 outputs. Panel after panel, group after group of 32 inputs:
 *   F32   for each input 16 floats
 *   BF16  for each pair of inputs 16 words, the even input in the low half
 *   INT8  for each four inputs 16 x 4 bytes, each code + BYTE_BIAS
 *   INT4  four times 16 x 4 bytes; low halves hold inputs 0 to 15, high halves 16 to 31
 */

static void pack_float(const Weight *w, const Piece *piece, size_t place)
{
    float *to = (float *)w->data + place * GROUP * LANES;
    for (int k = 0; k < GROUP; k++) store(to + k * LANES, piece->value[k]);
}

static void pack_bf16(const Weight *w, const Piece *piece, size_t place)
{
    uint16_t *to = (uint16_t *)w->data + place * GROUP * LANES;
    for (int k = 0; k < GROUP; k++) {
        Half halves = narrow(piece->value[k]);
        for (int c = 0; c < LANES; c++) to[(k / 2 * LANES + c) * 2 + k % 2] = halves[c];
    }
}

/* Scales are bfloat16 that are no smaller than asked for, so that no code is clipped. */
static void pack_int8(const Weight *w, const Piece *piece, size_t place)
{
    uint8_t *to = w->data + place * GROUP * LANES;
    F most = {0};
    for (int k = 0; k < GROUP; k++) most = larger(most, larger(piece->value[k], -piece->value[k]));
    U scale = ((U)(most / 127.0f) + 0xffff) >> 16;
    Half narrowed = __builtin_convertvector(scale, Half);
    memcpy((uint16_t *)w->scale + place * LANES, &narrowed, sizeof(narrowed));
    F inverse = 1.0f / larger((F)(scale << 16), splat(1e-38f));
    for (int k = 0; k < GROUP; k++) {
        I code = rounded(piece->value[k] * inverse) + BYTE_BIAS;
        for (int c = 0; c < LANES; c++) to[(k / 4 * LANES + c) * 4 + k % 4] = (uint8_t)code[c];
    }
}

static void pack_panel(Weight *w, const float *source, int panel)
{
    for (int group = 0; group < w->groups; group++) {
        size_t place = (size_t)panel * w->groups + group;
        Piece piece;
        read_piece(w, source, panel, group, &piece);
        if (w->kind == F32) pack_float(w, &piece, place);
        else if (w->kind == BF16) pack_bf16(w, &piece, place);
        else pack_int8(w, &piece, place);
    }
}

static void pack(Weight *w, const float *source)
{
    for (int panel = 0; panel < w->panels; panel++)
        if (w->kind == INT4) pack_int4_panel(w, source, panel);
        else pack_panel(w, source, panel);
}
