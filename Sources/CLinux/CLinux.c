#include "CLinux.h"

volatile sig_atomic_t clinux_stop_flag = 0;

static void on_stop(int signal) {
  (void)signal;
  clinux_stop_flag = 1;
}

int clinux_catch_stop(void) {
  struct sigaction action = {0};
  action.sa_handler = on_stop;
  sigemptyset(&action.sa_mask);
  if (sigaction(SIGTERM, &action, NULL) != 0) return -1;
  return sigaction(SIGINT, &action, NULL);
}
