/* Raise and consume on the FIFO and the 2-level ABI: a reference for speed, written for benchmarks/replay.py.
 *
 * One guest, one VCPU, priority 7; locked instructions and a queue lock as the hypervisor has them.
 * Prints nanoseconds of CPU time for a raise and a consume together.
 * Usage: reference fifo|2l PORTS ROUNDS
 */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PORTS = 1 << 17, PAGE_WORDS = 1024, PENDING = 31, MASKED = 30, LINKED = 29, BUSY = 28 };
#define LINK ((1u << 17) - 1)
#define BIT(n) (1u << (n))

static _Atomic uint32_t *pages[PORTS / PAGE_WORDS];
static uint32_t words;
static struct { _Atomic uint32_t ready, reserved, head[16]; } block;
static struct { atomic_flag lock; uint32_t tail; } queues[16];
static struct { uint8_t priority, last; _Atomic uint32_t lock; } channels[PORTS];
static _Atomic uint8_t upcall;
static uint32_t mine[16];
static uint64_t handled, kicks;
static int polling;

static _Atomic uint32_t *word_of(uint32_t port)
{
    return port < words ? &pages[port / PAGE_WORDS][port % PAGE_WORDS] : NULL;
}

static int set_bit(_Atomic uint32_t *word, int bit)
{
    return atomic_fetch_or(word, BIT(bit)) >> bit & 1;
}

static int chain(uint32_t tail, uint32_t port)
{
    _Atomic uint32_t *word = word_of(tail);
    uint32_t w = atomic_load(word);

    for (int tries = 0; tries < 5; tries++) {
        if (!(w & BIT(LINKED)))
            return 0;
        if (atomic_compare_exchange_strong(word, &w, (w & ~(BIT(BUSY) | LINK)) | port))
            return 1;
        atomic_fetch_or(word, BIT(BUSY));
        w = atomic_load(word);
    }
    atomic_fetch_and(word, ~BIT(BUSY));
    return 1;
}

static __attribute__((noinline)) void fifo_raise(uint32_t port)
{
    _Atomic uint32_t *word = word_of(port);
    int q = channels[port].priority, old = channels[port].last, tell = 0, was;

    if (!word)
        return;
    atomic_fetch_add(&channels[port].lock, 1); /* the channel's read lock */
    while (atomic_flag_test_and_set(&queues[q].lock))
        ;
    if (q != old)
        while (atomic_flag_test_and_set(&queues[old].lock))
            ;
    was = set_bit(word, PENDING);
    if (!(atomic_load(word) & BIT(MASKED)) && !set_bit(word, LINKED)) {
        if (queues[old].tail == port)
            queues[old].tail = 0;
        if (q != old) {
            channels[port].last = q;
            atomic_flag_clear(&queues[old].lock);
            old = q;
        }
        tell = !(queues[q].tail && chain(queues[q].tail, port));
        if (tell)
            atomic_store(&block.head[q], port);
        queues[q].tail = port;
    }
    if (q != old)
        atomic_flag_clear(&queues[old].lock);
    atomic_flag_clear(&queues[q].lock);
    if (tell && !set_bit(&block.ready, q) && !atomic_exchange(&upcall, 1))
        kicks++;
    if (!was && polling)
        kicks++;
    atomic_fetch_sub(&channels[port].lock, 1);
}

static uint32_t unlink_word(_Atomic uint32_t *word)
{
    uint32_t w = atomic_load(word);

    while (!atomic_compare_exchange_strong(word, &w, w & ~(BIT(LINKED) | LINK)))
        ;
    return w & LINK;
}

static __attribute__((noinline)) void fifo_handle(void)
{
    do {
        atomic_store(&upcall, 0);
        uint32_t ready = atomic_exchange(&block.ready, 0);

        while (ready) {
            int q = __builtin_ctz(ready);
            uint32_t port = mine[q] ? mine[q] : atomic_load(&block.head[q]);
            _Atomic uint32_t *word = word_of(port);
            uint32_t link = unlink_word(word), w;

            if (!link)
                ready &= ~BIT(q);
            w = atomic_load(word);
            if (w & BIT(PENDING) && !(w & BIT(MASKED))) {
                atomic_fetch_and(word, ~BIT(PENDING));
                handled++;
            }
            mine[q] = link;
            ready |= atomic_exchange(&block.ready, 0);
        }
    } while (atomic_load(&upcall));
}

static _Atomic uint64_t pending[64], mask[64], selector;
static uint64_t cpu_mask[64];
static int next_word, next_bit;

static __attribute__((noinline)) void two_level_raise(uint32_t port)
{
    uint64_t bit = 1ull << port % 64;

    atomic_fetch_add(&channels[port].lock, 1);
    if (!(atomic_fetch_or(&pending[port / 64], bit) & bit)) {
        uint64_t row = 1ull << port / 64;

        if (!(atomic_load(&mask[port / 64]) & bit) && !(atomic_fetch_or(&selector, row) & row) &&
            !atomic_exchange(&upcall, 1))
            kicks++;
        if (polling)
            kicks++;
    }
    atomic_fetch_sub(&channels[port].lock, 1);
}

static __attribute__((noinline)) void two_level_handle(void)
{
    do {
        atomic_store(&upcall, 0);
        uint64_t rows = atomic_exchange(&selector, 0);
        int first = next_word, first_bit = next_bit, row = first;

        for (int i = 0; rows; i++) {
            uint64_t ahead = rows & ~0ull << row, found;
            int bit = 0;

            if (!ahead) {
                row = 0;
                continue;
            }
            row = __builtin_ctzll(ahead);
            found = atomic_load(&pending[row]) & cpu_mask[row] & ~atomic_load(&mask[row]);
            if (row == first && i == 0)
                bit = first_bit;
            do {
                uint64_t here = found & ~0ull << bit;

                if (!here)
                    break;
                bit = __builtin_ctzll(here);
                atomic_fetch_and(&pending[row], ~(1ull << bit));
                handled++;
                bit = (bit + 1) % 64;
                next_word = bit ? row : (row + 1) % 64;
                next_bit = bit;
            } while (bit);
            if (row != first || i)
                rows &= ~(1ull << row);
            row = (row + 1) % 64;
        }
    } while (atomic_load(&upcall));
}

int main(int argc, char **argv)
{
    int fifo = argc > 1 && !strcmp(argv[1], "fifo");
    uint32_t ports = argc > 2 ? atoi(argv[2]) : 1000;
    long rounds = argc > 3 ? atol(argv[3]) : 1000;
    struct timespec start, end;

    for (uint32_t page = 0; page <= ports / PAGE_WORDS; page++)
        pages[page] = calloc(PAGE_WORDS, sizeof(uint32_t));
    words = (ports / PAGE_WORDS + 1) * PAGE_WORDS;
    for (uint32_t port = 1; port <= ports; port++)
        channels[port].priority = channels[port].last = 7;
    memset(cpu_mask, 0xff, sizeof(cpu_mask));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    for (long round = 0; round < rounds; round++) {
        for (uint32_t port = 1; port <= ports; port++)
            fifo ? fifo_raise(port) : two_level_raise(port);
        fifo ? fifo_handle() : two_level_handle();
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    double ns = (end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec);
    if (handled != (uint64_t)ports * rounds)
        return 1;
    printf("%.3f\n", ns / handled);
    return 0;
}
