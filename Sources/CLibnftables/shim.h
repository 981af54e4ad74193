#ifndef BENCH_CLIBNFTABLES_SHIM_H
#define BENCH_CLIBNFTABLES_SHIM_H

// libnftables: the rules of a network namespace, in nft(8)'s own language.

// NETLINK_NETFILTER.
#include <linux/netlink.h>
#include <nftables/libnftables.h>

#endif
