/* A chat completions server that answers at once: the upstream of every measured system.
 *
 *     upstream PORT EVENTS PAUSE_US
 *
 * A body that holds "stream": true gets EVENTS server-sent events, PAUSE_US apart, or all at
 * once where it also holds the word "quickly"; any other gets one JSON document. One thread
 * and epoll, so that it takes next to nothing of the processors that are being measured.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 4096
#define MAX_REQUEST (1 << 20)

typedef struct {
    int fd, slot;
    size_t used;
    char *buffer;
    int next_event; /* of a running stream; -1: none */
    double due;
} Connection;

static int events_per_stream;
static double pause_s;
static char *plain, *stream_head, **chunks, *burst;
static size_t plain_size, burst_size;
static Connection *paced[MAX_CONNECTIONS];
static int paced_count;

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void send_all(int fd, const char *data, size_t size) {
    while (size) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return;
        data += sent;
        size -= (size_t)sent;
    }
}

static char *chunk_of(const char *event) {
    char *out;
    if (asprintf(&out, "%zx\r\n%s\r\n", strlen(event), event) < 0) abort();
    return out;
}

static char *event_of(const char *choices, const char *usage) {
    char *event, *chunk;
    if (asprintf(&event,
                 "data: {\"id\": \"chatcmpl-bench\", \"created\": 1750000000, \"model\": \"bench\", "
                 "\"object\": \"chat.completion.chunk\", \"choices\": [%s]%s}\n\n",
                 choices, usage) < 0)
        abort();
    chunk = chunk_of(event);
    free(event);
    return chunk;
}

static void prepare(void) {
    char *body, usage[128];
    snprintf(usage, sizeof usage,
             "{\"prompt_tokens\": 80, \"completion_tokens\": %d, \"total_tokens\": %d}",
             events_per_stream, 80 + events_per_stream);
    if (asprintf(&body,
                 "{\"id\": \"chatcmpl-bench\", \"created\": 1750000000, \"model\": \"bench\", \"object\": "
                 "\"chat.completion\", \"choices\": [{\"index\": 0, \"message\": {\"role\": \"assistant\", "
                 "\"content\": \"The parcel will arrive on Thursday. The parcel will arrive on Thursday. "
                 "The parcel will arrive on Thursday. The parcel will arrive on Thursday. The parcel "
                 "will arrive on Thursday. \"}, \"finish_reason\": \"stop\", \"logprobs\": null}], "
                 "\"usage\": %s}",
                 usage) < 0)
        abort();
    plain_size = (size_t)asprintf(&plain,
                                  "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                                  "content-length: %zu\r\n\r\n%s",
                                  strlen(body), body);
    stream_head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                  "transfer-encoding: chunked\r\n\r\n";
    chunks = calloc((size_t)events_per_stream + 1, sizeof *chunks);
    for (int i = 0; i < events_per_stream; i++) {
        const char *delta = i == 0 ? "{\"role\": \"assistant\", \"content\": \"\"}"
                            : i == events_per_stream - 3 ? "{}"
                                                         : "{\"content\": \"word \"}";
        const char *finish = i == events_per_stream - 3 ? "\"stop\"" : "null";
        char choice[256], last[256];
        snprintf(choice, sizeof choice,
                 "{\"index\": 0, \"delta\": %s, \"finish_reason\": %s, \"logprobs\": null}", delta, finish);
        snprintf(last, sizeof last, ", \"usage\": %s", usage);
        if (i < events_per_stream - 2) chunks[i] = event_of(choice, "");
        else if (i == events_per_stream - 2) chunks[i] = event_of("", last);
        else chunks[i] = chunk_of("data: [DONE]\n\n");
    }
    size_t size = strlen(stream_head) + 6;
    for (int i = 0; i < events_per_stream; i++) size += strlen(chunks[i]);
    burst = calloc(size, 1);
    strcpy(burst, stream_head);
    for (int i = 0; i < events_per_stream; i++) strcat(burst, chunks[i]);
    strcat(burst, "0\r\n\r\n");
    burst_size = strlen(burst);
    free(body);
}

static void stop_stream(Connection *c) {
    for (int i = 0; i < paced_count; i++)
        if (paced[i] == c) paced[i--] = paced[--paced_count];
    c->next_event = -1;
}

static void close_connection(Connection *c) {
    stop_stream(c);
    close(c->fd);
    free(c->buffer);
    free(c);
}

static void advance(Connection *c, double now) {
    send_all(c->fd, chunks[c->next_event], strlen(chunks[c->next_event]));
    c->next_event++;
    c->due = now + pause_s;
    if (c->next_event == events_per_stream) {
        send_all(c->fd, "0\r\n\r\n", 5);
        stop_stream(c);
    }
}

static void answer(Connection *c, const char *body, size_t size) {
    int streams = memmem(body, size, "\"stream\":true", 13) || memmem(body, size, "\"stream\": true", 14);
    if (!streams) {
        send_all(c->fd, plain, plain_size);
    } else if (memmem(body, size, "quickly", 7)) {
        send_all(c->fd, burst, burst_size);
    } else {
        send_all(c->fd, stream_head, strlen(stream_head));
        c->next_event = 0;
        paced[paced_count++] = c;
        advance(c, now_s());
    }
}

static void readable(Connection *c) {
    ssize_t got = recv(c->fd, c->buffer + c->used, MAX_REQUEST - c->used - 1, 0);
    if (got <= 0) {
        close_connection(c);
        return;
    }
    c->used += (size_t)got;
    for (;;) {
        c->buffer[c->used] = 0;
        char *end = memmem(c->buffer, c->used, "\r\n\r\n", 4);
        if (!end) return;
        size_t head = (size_t)(end - c->buffer) + 4, length = 0;
        char *field = strcasestr(c->buffer, "\r\ncontent-length:");
        int chunked = 0;
        if (field && field < end) length = strtoul(field + 17, NULL, 10);
        else {
            field = strcasestr(c->buffer, "\r\ntransfer-encoding:");
            chunked = field && field < end;
        }
        if (chunked) { /* the whole body up to its last chunk, good enough to look for words */
            char *last = memmem(c->buffer + head, c->used - head, "0\r\n\r\n", 5);
            if (!last) return;
            length = (size_t)(last - c->buffer) + 5 - head;
        }
        if (c->used < head + length) return;
        if (!strncmp(c->buffer, "GET", 3)) {
            const char *models = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 68\r\n\r\n"
                                 "{\"object\": \"list\", \"data\": [{\"id\": \"bench\", \"object\": \"model\"}]}   ";
            send_all(c->fd, models, strlen(models));
        } else {
            answer(c, c->buffer + head, length);
        }
        c->used -= head + length;
        memmove(c->buffer, c->buffer + head + length, c->used);
    }
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    events_per_stream = atoi(argv[2]);
    pause_s = atof(argv[3]) * 1e-6;
    signal(SIGPIPE, SIG_IGN);
    prepare();
    int one = 1, poll = epoll_create1(0), listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 1024)) {
        perror("listen");
        return 1;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, ready[256];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        struct timespec wait = {1, 0};
        if (paced_count) {
            double due = paced[0]->due, left;
            for (int i = 1; i < paced_count; i++)
                if (paced[i]->due < due) due = paced[i]->due;
            left = due - now_s();
            if (left < 0) left = 0;
            wait.tv_sec = (time_t)left;
            wait.tv_nsec = (long)((left - (double)wait.tv_sec) * 1e9);
        }
        int count = epoll_pwait2(poll, ready, 256, &wait, NULL);
        for (int i = 0; i < count; i++) {
            if (ready[i].data.ptr) {
                readable(ready[i].data.ptr);
                continue;
            }
            Connection *c = calloc(1, sizeof *c);
            c->fd = accept(listener, NULL, NULL);
            if (c->fd < 0) {
                free(c);
                continue;
            }
            setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            c->buffer = malloc(MAX_REQUEST);
            c->next_event = -1;
            struct epoll_event more = {.events = EPOLLIN, .data.ptr = c};
            epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &more);
        }
        double now = now_s();
        for (int i = 0; i < paced_count; i++)
            if (paced[i]->due <= now) {
                Connection *c = paced[i];
                advance(c, now);
                if (c->next_event < 0) i--;
            }
    }
}
