/* An HTTPS server that takes whatever is PUT and forgets it: storage that is never the limit of a measurement.

   sink CERTIFICATE KEY [MILLISECONDS]   listens on a free port of 127.0.0.1 and prints it; a PUT is answered so much
   later than its last byte. One thread per connection. GET / tells what happened so far, DELETE / forgets it. POST
   answers as S3 does to the beginning and the end of a multipart upload. */

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_BYTES = 32 * 1024, BODY_BYTES = 256 * 1024 };

static SSL_CTX *context;
static long delay_ms;
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static long long received_bytes;
static long puts_done, connections, flying, most_flying;
static double first_put_s;

static double monotonic_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void begin_put(void) {
    pthread_mutex_lock(&guard);
    if (first_put_s == 0) first_put_s = monotonic_s();
    if (++flying > most_flying) most_flying = flying;
    pthread_mutex_unlock(&guard);
}

static void end_put(long long bytes, int is_whole) {
    pthread_mutex_lock(&guard);
    flying--;
    received_bytes += bytes;
    puts_done += is_whole;
    pthread_mutex_unlock(&guard);
}

static void forget(void) {
    pthread_mutex_lock(&guard);
    received_bytes = puts_done = connections = most_flying = 0;
    first_put_s = 0;
    pthread_mutex_unlock(&guard);
}

static void describe(char *text, size_t room) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu_s = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                   (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    pthread_mutex_lock(&guard);
    snprintf(text, room,
             "{\"received_bytes\": %lld, \"puts\": %ld, \"connections\": %ld, \"most_flying\": %ld,"
             " \"first_put_s\": %.6f, \"cpu_s\": %.3f}",
             received_bytes, puts_done, connections, most_flying, first_put_s, cpu_s);
    pthread_mutex_unlock(&guard);
}

/* The value of a header, or NULL; the head ends with an empty line and a zero. */
static const char *header(const char *head, const char *name) {
    size_t length = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line && line[2] != '\r'; line = strstr(line + 2, "\r\n"))
        if (!strncasecmp(line + 2, name, length) && line[2 + length] == ':')
            return line + 3 + length + strspn(line + 3 + length, " ");
    return NULL;
}

static int answer(SSL *tls, const char *body) {
    char text[2048];
    int length = snprintf(text, sizeof text,
                          "HTTP/1.1 200 OK\r\nETag: \"sink\"\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
    return SSL_write(tls, text, length) == length;
}

/* One request. `head` holds `*have` bytes that were read already; what is left over goes back there. */
static int serve_one(SSL *tls, char *head, int *have, char *block) {
    char *end;
    head[*have] = 0;
    while (!(end = strstr(head, "\r\n\r\n"))) {
        int count = SSL_read(tls, head + *have, HEAD_BYTES - *have);
        if (count <= 0) return 0;
        head[*have += count] = 0;
    }
    end[3] = 0; /* keeps the line's end that `header` stops at */
    const char *length = header(head, "content-length");
    long long size = length ? atoll(length) : 0, got = *have - (end + 4 - head);
    int is_put = !strncmp(head, "PUT ", 4);
    if (got > size) return 0; /* nobody here sends two requests at once */
    if (is_put) begin_put();
    if (header(head, "expect") && SSL_write(tls, "HTTP/1.1 100 Continue\r\n\r\n", 25) != 25) size = -1;
    while (got < size) {
        int count = SSL_read(tls, block, size - got < BODY_BYTES ? (int)(size - got) : BODY_BYTES);
        if (count <= 0) break;
        got += count;
    }
    if (is_put && delay_ms) usleep((useconds_t)delay_ms * 1000);
    if (is_put) end_put(got, got == size);
    if (got != size) return 0;
    *have = 0;
    char body[1024] = "";
    if (!strncmp(head, "GET ", 4)) describe(body, sizeof body);
    if (!strncmp(head, "DELETE ", 7)) forget();
    if (!strncmp(head, "POST ", 5))
        snprintf(body, sizeof body, "<%s><Bucket>b</Bucket><Key>k</Key><UploadId>u</UploadId><ETag>e</ETag></%s>",
                 strstr(head, "?uploads") ? "InitiateMultipartUploadResult" : "CompleteMultipartUploadResult",
                 strstr(head, "?uploads") ? "InitiateMultipartUploadResult" : "CompleteMultipartUploadResult");
    return answer(tls, body);
}

static void *serve(void *argument) {
    int handle = (int)(long)argument, have = 0, on = 1;
    char *head = malloc(HEAD_BYTES + 1), *block = malloc(BODY_BYTES);
    setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    SSL *tls = SSL_new(context);
    SSL_set_fd(tls, handle);
    if (SSL_accept(tls) == 1) {
        pthread_mutex_lock(&guard);
        connections++;
        pthread_mutex_unlock(&guard);
        while (serve_one(tls, head, &have, block)) {
        }
    }
    SSL_free(tls);
    close(handle);
    free(head);
    free(block);
    return NULL;
}

int main(int count, char **arguments) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    signal(SIGPIPE, SIG_IGN);
    context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, 128 * 1024);
    if (count < 3 || SSL_CTX_use_certificate_chain_file(context, arguments[1]) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, arguments[2], SSL_FILETYPE_PEM) != 1)
        return fprintf(stderr, "usage: sink CERTIFICATE KEY [MILLISECONDS]\n"), 1;
    delay_ms = count > 3 ? atol(arguments[3]) : 0;
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 512) ||
        getsockname(listener, (struct sockaddr *)&address, &length))
        return perror("sink"), 1;
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        int handle = accept(listener, NULL, NULL);
        pthread_t thread;
        if (handle >= 0 && !pthread_create(&thread, NULL, serve, (void *)(long)handle)) pthread_detach(thread);
    }
}
