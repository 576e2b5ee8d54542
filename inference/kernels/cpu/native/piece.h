/* What a weight is packed from, piece by piece. Included once per backend. */

/* One group of a panel's weights, an input a row; zeros where the matrix ends. */
typedef struct {
    F value[GROUP];
    int count; /* inputs within the matrix */
} Piece;

static void read_piece(const Weight *w, const float *source, int panel, int group, Piece *piece)
{
    int left = w->in - group * GROUP, columns = w->out - panel * LANES;
    memset(piece->value, 0, sizeof(piece->value));
    piece->count = left < GROUP ? left : GROUP;
    for (int c = 0; c < LANES && c < columns; c++) {
        const float *from = source + (size_t)(panel * LANES + c) * w->in + group * GROUP;
        for (int k = 0; k < piece->count; k++) ((float *)piece->value)[k * LANES + c] = from[k];
    }
}
