/* Fused multiply-adds on registers, on every core: what the processor could do at most.
   cc -O3 -march=native -ffp-contract=fast -pthread fma-peak.c -o fma-peak && ./fma-peak THREADS, prints 10^9 operations a second. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif

typedef float vector __attribute__((vector_size(4 * LANES)));

/* Latency times throughput of today's cores is 8 to 10; with 16 registers of the older sets, 12 chains still fit. */
#define CHAINS 12
#define ROUNDS 20000000L

static void *work(void *out) {
  vector sums[CHAINS];
  for (int i = 0; i < CHAINS; i++) sums[i] = (vector){0} + (float)i;
  vector factor = (vector){0} + 0.999f, term = (vector){0} + 0.001f;
  /* The compiler is told that it does not know them. */
  __asm__ volatile("" : "+m"(factor), "+m"(term));
  for (long round = 0; round < ROUNDS; round++)
    for (int i = 0; i < CHAINS; i++) sums[i] = sums[i] * factor + term;
  float total = 0;
  for (int i = 0; i < CHAINS; i++)
    for (int lane = 0; lane < LANES; lane++) total += sums[i][lane];
  *(float *)out = total;
  return 0;
}

int main(int count, char **words) {
  int threads = count > 1 ? atoi(words[1]) : 1;
  pthread_t *all = malloc(sizeof(pthread_t) * threads);
  float *totals = malloc(sizeof(float) * threads);
  struct timespec from, to;
  clock_gettime(CLOCK_MONOTONIC, &from);
  for (int i = 0; i < threads; i++) pthread_create(&all[i], 0, work, &totals[i]);
  for (int i = 0; i < threads; i++) pthread_join(all[i], 0);
  clock_gettime(CLOCK_MONOTONIC, &to);
  double seconds = (to.tv_sec - from.tv_sec) + (to.tv_nsec - from.tv_nsec) / 1e9;
  volatile float sink = totals[0];
  (void)sink;
  printf("%f\n", 2.0 * LANES * CHAINS * ROUNDS * threads / seconds / 1e9);
  return 0;
}
