/* A closed-loop client: each connection sends its next request when the last answer is complete.
 *
 *     client PORT PATH KEY CONNECTIONS SECONDS plain|burst|paced MODEL [SEED]
 *
 * Every prompt occurs only once. Prints one JSON object: requests, errors, elapsed_s, and in
 * milliseconds whole_p50, whole_p99, first_p50, first_p99 (to the first content) and gap_p50,
 * gap_p99 (between arrivals within a stream). One thread and epoll.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_ANSWER (1 << 18)

typedef struct {
    float *values;
    size_t count, room;
} Samples;

typedef struct {
    int fd, headed;
    size_t used, body_at;
    long length; /* -1: chunked */
    double sent, first, last;
    char *buffer;
} Connection;

static const char *FIRST[] = {"Greta", "Oliver", "Ingrid", "Marcus", "Helena", "Tobias", "Claire",
    "Rupert", "Annika", "Stefan", "Monica", "Dennis", "Bianca", "Gerald", "Sophie", "Walter"};
static const char *LAST[] = {"Vogel", "Harrison", "Lindqvist", "Becker", "Moreau", "Schneider",
    "Ferguson", "Whitaker", "Brandt", "Delacroix", "Hoffmann", "Mitchell", "Sandoval", "Krueger",
    "Fitzgerald", "Baumann", "Castellano", "Thornton", "Wagner"};

static Samples whole, first, gaps;
static const char *path, *key, *mode, *model;
static unsigned long number;
static long errors, failures_shown;

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void add(Samples *s, double ms) {
    if (s->count == s->room) {
        s->room = s->room ? 2 * s->room : 4096;
        s->values = realloc(s->values, s->room * sizeof *s->values);
    }
    s->values[s->count++] = (float)ms;
}

static int compare(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double at(Samples *s, double part) {
    if (!s->count) return 0;
    size_t place = (size_t)((double)s->count * part);
    return s->values[place < s->count ? place : s->count - 1];
}

static void send_request(Connection *c) {
    char body[2048], request[4096];
    unsigned long n = number++;
    const char *name = FIRST[n % 16], *family = LAST[n / 16 % 19];
    int streams = strcmp(mode, "plain") != 0;
    int size = snprintf(body, sizeof body,
        "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello, my name is %s %s and "
        "my order %lu of last Tuesday has not come yet. Please write a short and friendly reply%s to "
        "%s.%s%lu@example.com that says when the parcel is going to arrive, thanks me for my patience, "
        "offers to call me back on +49 30 9018%04lu in the afternoon, and keeps to five sentences in "
        "plain English.\"}],\"max_tokens\":200%s}",
        model, name, family, n, !strcmp(mode, "burst") ? " quickly" : "", name, family, n, n % 10000,
        streams ? ",\"stream\":true,\"stream_options\":{\"include_usage\":true}" : "");
    int total = snprintf(request, sizeof request,
        "POST %s HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer %s\r\n"
        "content-type: application/json\r\ncontent-length: %d\r\n\r\n%s", path, key, size, body);
    c->used = 0;
    c->headed = 0;
    c->first = c->last = 0;
    c->sent = now_s();
    if (send(c->fd, request, (size_t)total, MSG_NOSIGNAL) != total) errors++;
}

static int complete(Connection *c) {
    c->buffer[c->used] = 0;
    if (!c->headed) {
        char *end = strstr(c->buffer, "\r\n\r\n");
        if (!end) return 0;
        c->headed = 1;
        c->body_at = (size_t)(end - c->buffer) + 4;
        char *field = strcasestr(c->buffer, "\r\ncontent-length:");
        c->length = field && field < end ? atol(field + 17) : -1;
    }
    if (c->length >= 0) return c->used >= c->body_at + (size_t)c->length;
    return c->used >= c->body_at + 5 && !memcmp(c->buffer + c->used - 5, "0\r\n\r\n", 5);
}

static int open_connection(unsigned short port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to)) {
        perror("connect");
        exit(1);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* 1 when the connection has nothing more to do. */
static int arrived(Connection *c, double deadline, unsigned short port, int poll) {
    ssize_t got = recv(c->fd, c->buffer + c->used, MAX_ANSWER - c->used - 1, MSG_DONTWAIT);
    double now = now_s();
    if (got <= 0) {
        errors++;
        close(c->fd);
        if (now >= deadline) return 1;
        c->fd = open_connection(port);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &event);
        send_request(c);
        return 0;
    }
    char *piece = c->buffer + c->used;
    c->used += (size_t)got;
    int content = memmem(piece, (size_t)got, "data:", 5) || memmem(piece, (size_t)got, "{", 1);
    if (content && !c->first) c->first = now;
    else if (content && c->last) add(&gaps, (now - c->last) * 1e3);
    if (content) c->last = now;
    if (!complete(c)) return 0;
    if (strncmp(c->buffer, "HTTP/1.1 200", 12)) {
        errors++;
        if (failures_shown++ < 1) fprintf(stderr, "%.600s\n", c->buffer);
    } else {
        add(&whole, (now - c->sent) * 1e3);
        add(&first, ((c->first ? c->first : now) - c->sent) * 1e3);
    }
    if (now >= deadline) {
        close(c->fd);
        return 1;
    }
    if (strcasestr(c->buffer, "\r\nconnection: close") && strcasestr(c->buffer, "\r\nconnection: close") < c->buffer + c->body_at) {
        close(c->fd);
        c->fd = open_connection(port);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &event);
    }
    send_request(c);
    return 0;
}

int main(int argc, char **argv) {
    if (argc < 8) return 2;
    unsigned short port = (unsigned short)atoi(argv[1]);
    int count = atoi(argv[4]), poll = epoll_create1(0), running = count;
    path = argv[2], key = argv[3], mode = argv[6], model = argv[7];
    number = argc > 8 ? strtoul(argv[8], NULL, 10) : (unsigned long)time(NULL) * 1000;
    Connection *all = calloc((size_t)count, sizeof *all);
    for (int i = 0; i < count; i++) {
        all[i].fd = open_connection(port);
        all[i].buffer = malloc(MAX_ANSWER);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        epoll_ctl(poll, EPOLL_CTL_ADD, all[i].fd, &event);
    }
    double start = now_s(), deadline = start + atof(argv[5]);
    for (int i = 0; i < count; i++) send_request(&all[i]);
    struct epoll_event ready[256];
    while (running > 0) {
        int some = epoll_wait(poll, ready, 256, 1000);
        if (now_s() > deadline + 30) break;
        for (int i = 0; i < some; i++) running -= arrived(ready[i].data.ptr, deadline, port, poll);
    }
    double elapsed = now_s() - start;
    qsort(whole.values, whole.count, sizeof(float), compare);
    qsort(first.values, first.count, sizeof(float), compare);
    qsort(gaps.values, gaps.count, sizeof(float), compare);
    printf("{\"requests\": %zu, \"errors\": %ld, \"elapsed_s\": %.3f, \"whole_p50\": %.3f, "
           "\"whole_p99\": %.3f, \"first_p50\": %.3f, \"first_p99\": %.3f, \"gap_p50\": %.3f, "
           "\"gap_p99\": %.3f}\n",
           whole.count, errors, elapsed, at(&whole, .5), at(&whole, .99), at(&first, .5),
           at(&first, .99), at(&gaps, .5), at(&gaps, .99));
    return 0;
}
