internal import Environments

/// What the doctor says about each capability.
extension HostCapability {
  var id: String { wording.id }
  var title: String { wording.title }
  var why: String { wording.why }
  var remedy: String? { wording.remedy }

  private struct Wording {
    var id: String
    var title: String
    var why: String
    var remedy: String?
  }

  private var wording: Wording {
    switch self {
    case .networkNamespaces:
      Wording(
        id: "network-namespaces", title: "Network namespaces",
        why: "Every environment for packets but native stands in network namespaces of its own.",
        // A kernel is built with them (CONFIG_NET_NS) or not.
        remedy: nil)
    case .veth:
      Wording(
        id: "veth", title: "Veth pairs", why: "A veth pair is the wire between a container and its host.",
        remedy: "modprobe veth")
    case .bridge:
      Wording(
        id: "bridge", title: "Linux bridge", why: "A bridge is what container engines join their containers with.",
        remedy: "modprobe bridge")
    case .bridgeNetfilter:
      Wording(
        id: "bridge-netfilter", title: "Bridge netfilter",
        why: "On many container hosts the firewall sees every bridged packet, too.", remedy: "modprobe br_netfilter")
    case .nftables:
      Wording(
        id: "nftables", title: "nftables with NAT",
        why: "Published ports, masquerading and long chains of rules are made with it, in the run's own namespaces.",
        remedy: "modprobe -a nf_tables nft_chain_nat nft_ct")
    case .vxlan:
      Wording(id: "vxlan", title: "VXLAN", why: "Overlay networks wrap packets in it.", remedy: "modprobe vxlan")
    case .macvlan:
      Wording(
        id: "macvlan", title: "macvlan", why: "It gives containers an address of their own without a bridge.",
        remedy: "modprobe macvlan")
    case .haproxy:
      Wording(
        id: "haproxy", title: "HAProxy", why: "It is the real proxy that stands as a sidecar.",
        remedy: "bench doctor --fix haproxy")
    case .docker:
      Wording(
        id: "docker", title: "Docker", why: "The docker environments run the worker in real containers.",
        remedy: "systemctl start docker, or bench doctor --fix docker for a private one")
    case .podman:
      Wording(
        id: "podman", title: "Podman", why: "Its bridge network is measured beside Docker's.",
        remedy: "bench doctor --fix podman")
    case .runc:
      Wording(
        id: "runc", title: "runc", why: "It shows the container without an engine's network.",
        remedy: "bench doctor --fix runc")
    case .gvisor:
      Wording(
        id: "gvisor", title: "gVisor", why: "A container with a kernel, and a network stack, of its own.",
        remedy: "bench doctor --fix gvisor")
    case .mountNamespaces:
      Wording(
        id: "mount-namespaces", title: "Mount namespaces",
        why: "File systems and overlays are mounted in one of the run's own, where nobody else sees them.",
        // A kernel always has them.
        remedy: nil)
    case .loopDevices:
      Wording(
        id: "loop-devices", title: "Loop devices",
        why: "A file system in an image file stands on one, and its counters tell what reached the disk.",
        remedy: "modprobe loop")
    case .ext4:
      Wording(
        id: "ext4", title: "ext4", why: "Most containers' files are on it: what is copied up there is copied in full.",
        remedy: "bench doctor --fix ext4")
    case .xfs:
      Wording(
        id: "xfs", title: "XFS", why: "It shares extents between files: what is copied up there need not be copied.",
        remedy: "bench doctor --fix xfs")
    case .btrfs:
      Wording(
        id: "btrfs", title: "btrfs", why: "It shares extents, too, and has snapshots that need no layers.",
        remedy: "bench doctor --fix btrfs")
    case .erofs:
      Wording(
        id: "erofs", title: "EROFS", why: "An image for reading alone, mounted as a lower layer instead of unpacked.",
        remedy: "bench doctor --fix erofs")
    case .overlayfs:
      Wording(
        id: "overlayfs", title: "overlayfs",
        why: "It is what container engines make one tree of an image's layers with.",
        remedy: "modprobe overlay")
    }
  }
}
