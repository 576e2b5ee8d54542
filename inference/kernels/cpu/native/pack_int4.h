/* Weights of 4 bits: unit x (step x code - 8 x least), with codes from 0 to 15 and bytes `step` and
 * `least` for every group and output, `unit` for every output. Included once per backend.
 *
 * Steps and starts are fitted by least squares to the codes that they lead to, from several first
 * guesses; after they are bytes the codes are chosen anew.
 */

#define LEVELS 15.0f
#define GUESSES 7

/* value ~ start + step x code, of sixteen outputs at once; no start is above 0. */
typedef struct {
    F step, start, error;
} Fit;

INLINE F codes_of(F value, F start, F inverse)
{
    F code = (value - start) * inverse;
    code = larger(-larger(-code, splat(-LEVELS)), splat(0));
    return __builtin_convertvector(rounded(code), F);
}

INLINE F reciprocal(F value)
{
    return 1.0f / larger(value, splat(1e-30f));
}

INLINE F chosen(I which, F yes, F no)
{
    return (F)(((I)yes & which) | ((I)no & ~which));
}

/* The best step and start for the codes that a guess leads to, and how far off they are. */
static Fit refit(const Piece *piece, F start, F inverse)
{
    F codes = {0}, squares = {0}, values = {0}, products = {0}, energy = {0};
    float count = piece->count;
    for (int k = 0; k < piece->count; k++) {
        F value = piece->value[k], code = codes_of(value, start, inverse);
        codes += code;
        squares += code * code;
        values += value;
        products += value * code;
        energy += value * value;
    }
    F spread = squares * count - codes * codes; /* 0 where all codes are the same */
    F step = (products * count - values * codes) * reciprocal(spread);
    step = chosen(spread > 0.0f, step, splat(0));
    Fit fit = {.start = (values - step * codes) / count};
    I below = fit.start <= 0.0f;
    fit.start = chosen(below, fit.start, splat(0));
    fit.step = larger(chosen(below, step, products * reciprocal(squares)), splat(0));
    fit.error = energy + fit.step * fit.step * squares + fit.start * fit.start * count
              + 2.0f * (fit.start * (fit.step * codes - values) - fit.step * products);
    return fit;
}

static Fit fit_piece(const Piece *piece)
{
    F least = splat(0), most = piece->value[0];
    for (int k = 0; k < piece->count; k++) {
        least = -larger(-least, -piece->value[k]);
        most = larger(most, piece->value[k]);
    }
    F inverse = LEVELS * reciprocal(most - least);
    Fit best = refit(piece, least, inverse);
    for (int guess = 0; guess < GUESSES; guess++) {
        Fit fit = refit(piece, least, inverse * (0.9f + 0.05f * guess));
        fit = refit(piece, fit.start, reciprocal(fit.step));
        I better = fit.error < best.error;
        best.step = chosen(better, fit.step, best.step);
        best.start = chosen(better, fit.start, best.start);
        best.error = chosen(better, fit.error, best.error);
    }
    return best;
}

INLINE F as_byte(F value)
{
    value = larger(-larger(-value, splat(-255)), splat(0));
    return __builtin_convertvector(rounded(value), F);
}

/* The best whole step for the codes that a fit leads to. */
static F step_byte(const Piece *piece, F unit, F step, F start)
{
    F squares = {0}, products = {0}, inverse = reciprocal(step);
    for (int k = 0; k < piece->count; k++) {
        F code = codes_of(piece->value[k], start, inverse);
        squares += code * code;
        products += code * (piece->value[k] - start);
    }
    return as_byte(products * reciprocal(squares * unit));
}

static void write_piece(Weight *w, const Piece *piece, size_t place, F unit, const Fit *fit)
{
    uint8_t *to = w->data + place * GROUP * LANES / 2, *bytes = (uint8_t *)w->scale;
    F least = as_byte(-fit->start * reciprocal(unit * 8.0f)), start = -8.0f * least * unit;
    F step = step_byte(piece, unit, fit->step, start), inverse = reciprocal(step * unit);
    for (int c = 0; c < LANES; c++) {
        bytes[place * 2 * LANES + c] = (uint8_t)step[c];
        bytes[place * 2 * LANES + LANES + c] = (uint8_t)least[c];
    }
    for (int k = 0; k < piece->count; k++) {
        F code = codes_of(piece->value[k], start, inverse);
        for (int c = 0; c < LANES; c++)
            to[(k % 16 / 4 * LANES + c) * 4 + k % 4] |= (uint8_t)code[c] << (k < 16 ? 0 : 4);
    }
}

static void pack_int4_panel(Weight *w, const float *source, int panel)
{
    Fit *fits = malloc(sizeof(Fit) * w->groups);
    F most = splat(1e-30f);
    Piece piece;
    for (int group = 0; fits && group < w->groups; group++) {
        read_piece(w, source, panel, group, &piece);
        fits[group] = fit_piece(&piece);
        most = larger(most, larger(fits[group].step, -fits[group].start / 8.0f));
    }
    F unit = most / 255.0f;
    store(w->unit + (size_t)panel * LANES, unit);
    for (int group = 0; fits && group < w->groups; group++) {
        read_piece(w, source, panel, group, &piece);
        write_piece(w, &piece, (size_t)panel * w->groups + group, unit, &fits[group]);
    }
    free(fits);
}
