#ifndef BENCH_CLIBPCAP_SHIM_H
#define BENCH_CLIBPCAP_SHIM_H

// The address of a packet socket: what a handle's socket is bound to (packet(7)).
#include <netpacket/packet.h>
#include <pcap/pcap.h>

#endif
