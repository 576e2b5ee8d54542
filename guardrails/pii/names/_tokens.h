/* Tokens and their features, as guardrails/pii/names/tokens.py has them; its constants too. */
#ifndef SOVGATE_NAMES_TOKENS_H
#define SOVGATE_NAMES_TOKENS_H

#include <Python.h>

#include <stdint.h>
#include <string.h>

#define WORDS (1 << 16)
#define SHAPES (1 << 10)
#define AFFIXES (1 << 14)
#define GRAMS (1 << 15)
#define WORD_AT 1
#define SHAPE_AT (WORD_AT + WORDS)
#define AFFIX_AT (SHAPE_AT + SHAPES)
#define GRAM_AT (AFFIX_AT + AFFIXES)
#define LONGEST_KEY 24
#define GRAM_COLUMNS 16
#define COLUMNS (5 + GRAM_COLUMNS)

typedef struct {
    Py_ssize_t start, end;
    PyObject *key;
} Token;

typedef struct {
    Token *items;
    Py_ssize_t count, room;
} Tokens;

typedef struct {
    int kind;
    const void *data;
    Py_ssize_t length;
} Letters;

/* Past the ends there is a space. */
static Py_UCS4 letter_at(const Letters *text, Py_ssize_t at)
{
    return at >= 0 && at < text->length ? PyUnicode_READ(text->kind, text->data, at) : ' ';
}

static int is_word(Py_UCS4 letter) { return letter == '_' || Py_UNICODE_ISALNUM(letter); }

static int is_one_of(Py_UCS4 letter, const char *letters)
{
    return letter && letter < 128 && strchr(letters, (int)letter) != NULL;
}

/* Behind an apostrophe: 's, 're and the like; how many letters. */
static Py_ssize_t contraction(const Letters *text, Py_ssize_t at)
{
    const Py_UCS4 one = letter_at(text, at), two = letter_at(text, at + 1);
    if (is_one_of(one, "stdmSTDM") && !is_word(two))
        return 1;
    const int paired = ((one == 'r' || one == 'v') && two == 'e') || (one == 'l' && two == 'l') ||
                       (one == 'L' && two == 'L');
    return paired && !is_word(letter_at(text, at + 2)) ? 2 : 0;
}

static Py_ssize_t run_of(const Letters *text, Py_ssize_t at, const char *letters)
{
    Py_ssize_t end = at;
    while (is_one_of(letter_at(text, end), letters) && end < text->length)
        end++;
    return end - at;
}

/* Where the token that begins at `at` ends; `tied` marks stand between two word characters. */
static Py_ssize_t token_end(const Letters *text, Py_ssize_t at, int *tied)
{
    const Py_UCS4 letter = letter_at(text, at);
    Py_ssize_t count;
    *tied = 0;
    if (is_word(letter)) {
        while (at < text->length && is_word(letter_at(text, at)))
            at++;
        return at;
    }
    if (letter == '\n')
        return at + run_of(text, at, "\n");
    if ((letter == '\'' || letter == 0x2019) && (count = contraction(text, at + 1)))
        return at + 1 + count;
    if (at && is_word(letter_at(text, at - 1)) && at + 1 < text->length &&
        is_word(letter_at(text, at + 1))) {
        *tied = 1;
        return at + 1;
    }
    if ((count = run_of(text, at, "-=*.#~")) > 1 || (count = run_of(text, at, "!?")) > 1)
        return at + count;
    return at + 1;
}

/* Years and short numbers as they are; of others the length. NULL: it is no number. */
static const char *number_key(const Letters *text, Py_ssize_t start, Py_ssize_t end)
{
    static const char zeros[] = "#000000000000";
    const Py_ssize_t length = end - start;
    for (Py_ssize_t at = start; at < end; at++)
        if (!Py_UNICODE_ISDIGIT(letter_at(text, at)))
            return NULL;
    if (length <= 2)
        return NULL;
    const Py_UCS4 one = letter_at(text, start), two = letter_at(text, start + 1);
    if (length == 4 && ((one == '1' && two == '9') || (one == '2' && two == '0')))
        return NULL;
    return zeros;
}

static PyObject *token_key(PyObject *text, const Letters *letters, const Token *token, int tied)
{
    if (tied)
        return PyUnicode_FromFormat("%c+", (int)letter_at(letters, token->start));
    const char *zeros = number_key(letters, token->start, token->end);
    if (zeros) {
        const Py_ssize_t length = token->end - token->start;
        return PyUnicode_FromStringAndSize(zeros, 1 + (length < 12 ? length : 12));
    }
    return PyUnicode_Substring(text, token->start, token->end);
}

static void free_tokens(Tokens *tokens)
{
    for (Py_ssize_t i = 0; i < tokens->count; i++)
        Py_DECREF(tokens->items[i].key);
    PyMem_Free(tokens->items);
}

/* All tokens of a str; -1 with an error set, and then there is nothing to free. */
static int tokenise(PyObject *text, Tokens *tokens)
{
    const Letters letters = {PyUnicode_KIND(text), PyUnicode_DATA(text),
                             PyUnicode_GET_LENGTH(text)};
    *tokens = (Tokens){NULL, 0, 0};
    for (Py_ssize_t at = 0; at < letters.length;) {
        const Py_UCS4 letter = letter_at(&letters, at);
        if (letter != '\n' && Py_UNICODE_ISSPACE(letter)) {
            at++;
            continue;
        }
        if (tokens->count == tokens->room) {
            const Py_ssize_t room = tokens->room ? 2 * tokens->room : 128;
            Token *grown = PyMem_Realloc(tokens->items, (size_t)room * sizeof *grown);
            if (!grown) {
                PyErr_NoMemory();
                break;
            }
            tokens->items = grown;
            tokens->room = room;
        }
        int tied;
        Token *token = tokens->items + tokens->count;
        token->start = at;
        token->end = at = token_end(&letters, at, &tied);
        token->key = token_key(text, &letters, token, tied);
        if (!token->key)
            break;
        tokens->count++;
    }
    if (!PyErr_Occurred())
        return 0;
    free_tokens(tokens);
    return -1;
}

/* Is it neither word nor number, such as `,` or `'s`? */
static int is_mark(PyObject *key)
{
    const Py_UCS4 first = PyUnicode_READ_CHAR(key, 0);
    if (Py_UNICODE_ISALNUM(first))
        return 0;
    return !(first == '#' && PyUnicode_GET_LENGTH(key) > 1 && PyUnicode_READ_CHAR(key, 1) == '0');
}

static uint32_t crc_table[256];

static void fill_crc_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++)
            value = value & 1 ? 0xEDB88320u ^ value >> 1 : value >> 1;
        crc_table[i] = value;
    }
}

/* crc32 of a letter (0 for none) and what follows it. */
static uint32_t hashed(char letter, const char *text, Py_ssize_t length)
{
    uint32_t value = 0xFFFFFFFFu;
    if (letter)
        value = crc_table[(value ^ (uint8_t)letter) & 0xFF] ^ value >> 8;
    for (Py_ssize_t i = 0; i < length; i++)
        value = crc_table[(value ^ (uint8_t)text[i]) & 0xFF] ^ value >> 8;
    return ~value;
}

static int is_digit(char letter) { return letter >= '0' && letter <= '9'; }

static int is_capital(char letter) { return letter >= 'A' && letter <= 'Z'; }

static char lowered(char letter) { return is_capital(letter) ? (char)(letter + 32) : letter; }

/* Runs of marks up to three; of very long words both ends. */
static Py_ssize_t clipped(const char *key, Py_ssize_t length, char *to)
{
    const int word = Py_ISALNUM(key[0]);
    if (word ? length <= LONGEST_KEY : length <= 3 || (length <= LONGEST_KEY &&
                                                       !strchr("\n!?-=*_.#~", key[0]))) {
        memcpy(to, key, (size_t)length);
        return length;
    }
    if (!word) {
        memcpy(to, key, 3);
        return 3;
    }
    memcpy(to, key, LONGEST_KEY / 2);
    memcpy(to + LONGEST_KEY / 2, key + length - LONGEST_KEY / 2, LONGEST_KEY / 2);
    return LONGEST_KEY;
}

static Py_ssize_t shape_of(const char *key, Py_ssize_t length, char *to)
{
    Py_ssize_t count = 0;
    for (Py_ssize_t i = 0; i < length; i++) {
        const char lower = lowered(key[i]);
        const char kind = is_digit(key[i])           ? '0'
                          : is_capital(key[i])       ? 'X'
                          : lower >= 'a' && lower <= 'z' ? 'x'
                                                         : key[i];
        if (count < 3 || to[count - 1] != kind || to[count - 2] != kind || to[count - 3] != kind)
            to[count++] = kind;
    }
    return count;
}

/* Parts of `size` letters of a word: all, or the first and the last four. */
static int32_t *gram_rows(const char *word, Py_ssize_t length, Py_ssize_t size, int all, int32_t *to)
{
    const Py_ssize_t count = length - size + 1, few = GRAM_COLUMNS / 4;
    for (Py_ssize_t i = 0; i < count; i++)
        if (all || i < few || i >= count - few)
            *to++ = GRAM_AT + (int32_t)(hashed(0, word + i, size) % GRAMS);
    return to;
}

/* COLUMNS rows of the table for a key in ASCII. */
static void ascii_rows(const char *key, Py_ssize_t length, int32_t *to)
{
    char own[LONGEST_KEY + 1], plain[LONGEST_KEY + 2], shape[LONGEST_KEY];
    length = clipped(key, length, own);
    const Py_ssize_t shaped = shape_of(own, length, shape);
    for (Py_ssize_t i = 0; i < length; i++)
        own[i] = lowered(own[i]);
    plain[0] = '<';
    for (Py_ssize_t i = 0; i < length; i++)
        plain[i + 1] = is_digit(own[i]) ? '0' : own[i];
    plain[length + 1] = '>';
    const Py_ssize_t three = length < 3 ? length : 3, two = length < 2 ? length : 2;
    const char *end = plain + 1 + length;
    to[0] = WORD_AT + (int32_t)(hashed('w', own, length) % WORDS);
    to[1] = SHAPE_AT + (int32_t)(hashed(0, shape, shaped) % SHAPES);
    to[2] = AFFIX_AT + (int32_t)(hashed('p', plain + 1, three) % AFFIXES);
    to[3] = AFFIX_AT + (int32_t)(hashed('s', end - three, three) % AFFIXES);
    to[4] = AFFIX_AT + (int32_t)(hashed('e', end - two, two) % AFFIXES);
    const int all = 2 * (length + 2) - 5 <= GRAM_COLUMNS;
    int32_t *next = gram_rows(plain, length + 2, 3, all, to + 5);
    next = gram_rows(plain, length + 2, 4, all, next);
    while (next < to + COLUMNS)
        *next++ = 0;
}

#endif
