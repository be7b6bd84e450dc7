/* What valgrind's counter is told from inside the program: begin to count, and write down the count.

   Compiled by benchmarks/instructions.py; outside valgrind both calls do nothing. */
#include <valgrind/callgrind.h>

void begin_count(void) {
  CALLGRIND_START_INSTRUMENTATION;
  CALLGRIND_ZERO_STATS;
}

void end_count(const char* name) {
  CALLGRIND_DUMP_STATS_AT(name);
  CALLGRIND_STOP_INSTRUMENTATION;
}
