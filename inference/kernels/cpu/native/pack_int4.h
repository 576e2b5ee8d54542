/* Weights of 4 bits: unit x (step x code - 8 x least), with codes from 0 to 15 and bytes `step` and
 * `least` for every group and output, `unit` for every output. Included once per backend.
 *
 * Steps and starts are fitted by least squares to the codes that they lead to, from several first
 * guesses; after they are bytes the codes are chosen anew.
 */

#define LEVELS 15.0f
#define GUESSES 7

/* value ~ start + step x code, of as many outputs as a register holds; no start is above 0. */
typedef struct {
    V step, start, error;
} Fit;

INLINE V values_of(const Piece *piece, int part, int k)
{
    return v_load((const float *)(piece->value + k) + part * WIDTH);
}

INLINE V within(V value, float most)
{
    return v_larger(-v_larger(-value, v_splat(-most)), v_splat(0));
}

INLINE V codes_of(V value, V start, V inverse)
{
    return v_float(v_rounded(within((value - start) * inverse, LEVELS)));
}

INLINE V reciprocal(V value)
{
    return 1.0f / v_larger(value, v_splat(1e-30f));
}

INLINE V chosen(VI which, V yes, V no)
{
    return (V)(((VI)yes & which) | ((VI)no & ~which));
}

/* The best step and start for the codes that a guess leads to, and how far off they are. */
static Fit refit(const Piece *piece, int part, V start, V inverse)
{
    V codes = {0}, squares = {0}, values = {0}, products = {0}, energy = {0};
    float count = piece->count;
    for (int k = 0; k < piece->count; k++) {
        V value = values_of(piece, part, k), code = codes_of(value, start, inverse);
        codes += code;
        squares += code * code;
        values += value;
        products += value * code;
        energy += value * value;
    }
    V spread = squares * count - codes * codes; /* 0 where all codes are the same */
    V step = (products * count - values * codes) * reciprocal(spread);
    step = chosen(spread > 0.0f, step, v_splat(0));
    Fit fit = {.start = (values - step * codes) / count};
    VI below = fit.start <= 0.0f;
    fit.start = chosen(below, fit.start, v_splat(0));
    fit.step = v_larger(chosen(below, step, products * reciprocal(squares)), v_splat(0));
    fit.error = energy + fit.step * fit.step * squares + fit.start * fit.start * count
              + 2.0f * (fit.start * (fit.step * codes - values) - fit.step * products);
    return fit;
}

static Fit fit_part(const Piece *piece, int part)
{
    V least = v_splat(0), most = values_of(piece, part, 0);
    for (int k = 0; k < piece->count; k++) {
        V value = values_of(piece, part, k);
        least = -v_larger(-least, -value);
        most = v_larger(most, value);
    }
    V inverse = LEVELS * reciprocal(most - least);
    Fit best = refit(piece, part, least, inverse);
    for (int guess = 0; guess < GUESSES; guess++) {
        Fit fit = refit(piece, part, least, inverse * (0.9f + 0.05f * guess));
        fit = refit(piece, part, fit.start, reciprocal(fit.step));
        VI better = fit.error < best.error;
        best.step = chosen(better, fit.step, best.step);
        best.start = chosen(better, fit.start, best.start);
        best.error = chosen(better, fit.error, best.error);
    }
    return best;
}

INLINE V as_byte(V value)
{
    return v_float(v_rounded(within(value, 255)));
}

/* The best whole step for the codes that a fit leads to. */
static V step_byte(const Piece *piece, int part, V unit, V step, V start)
{
    V squares = {0}, products = {0}, inverse = reciprocal(step);
    for (int k = 0; k < piece->count; k++) {
        V value = values_of(piece, part, k), code = codes_of(value, start, inverse);
        squares += code * code;
        products += code * (value - start);
    }
    return as_byte(products * reciprocal(squares * unit));
}

/* Columns `part` of a group of a panel. */
static void write_part(Weight *w, const Piece *piece, size_t place, int part, V unit, const Fit *fit)
{
    uint8_t *to = w->data + place * GROUP * LANES / 2 + part * WIDTH * 4;
    uint8_t *steps = (uint8_t *)w->scale + place * 2 * LANES + part * WIDTH;
    V least = as_byte(-fit->start * reciprocal(unit * 8.0f)), start = -8.0f * least * unit;
    V step = step_byte(piece, part, unit, fit->step, start), inverse = reciprocal(step * unit);
    for (int c = 0; c < WIDTH; c++) {
        steps[c] = (uint8_t)step[c];
        steps[LANES + c] = (uint8_t)least[c];
    }
    for (int k = 0; k < piece->count; k++) {
        V code = codes_of(values_of(piece, part, k), start, inverse);
        for (int c = 0; c < WIDTH; c++)
            to[(k % 16 / 4 * LANES + c) * 4 + k % 4] |= (uint8_t)code[c] << (k < 16 ? 0 : 4);
    }
}

static void pack_int4_panel(Weight *w, const float *source, int panel)
{
    Fit *fits = malloc(sizeof(Fit) * w->groups * PARTS);
    float *unit = w->unit + (size_t)panel * LANES;
    Piece piece;
    for (int c = 0; c < LANES; c++) unit[c] = 1e-30f;
    for (int group = 0; fits && group < w->groups; group++) {
        read_piece(w, source, panel, group, &piece);
        for (int part = 0; part < PARTS; part++) {
            Fit *fit = &fits[group * PARTS + part];
            V most = v_load(unit + part * WIDTH);
            *fit = fit_part(&piece, part);
            most = v_larger(most, v_larger(fit->step, -fit->start / 8.0f));
            v_store(unit + part * WIDTH, most);
        }
    }
    for (int c = 0; c < LANES; c++) unit[c] /= 255.0f;
    for (int group = 0; fits && group < w->groups; group++) {
        read_piece(w, source, panel, group, &piece);
        for (int part = 0; part < PARTS; part++)
            write_part(w, &piece, (size_t)panel * w->groups + group, part,
                       v_load(unit + part * WIDTH), &fits[group * PARTS + part]);
    }
    free(fits);
}
