/// A place that packets of a file were captured at.
public struct CaptureInterface: Sendable, Equatable {
  /// What one unit of the file's time stamps is.
  public enum Resolution: Sendable, Equatable {
    /// 10⁻ⁿ s: 6 is microseconds, 9 nanoseconds.
    case decimal(UInt8)
    /// 2⁻ⁿ s.
    case binary(UInt8)
  }

  /// The place in ``CaptureFileReader/interfaces``, counted over all sections of the file.
  public var index: Int
  public var linkType: LinkType
  /// The name, if the file tells it: pcap files do not.
  public var name: String?
  public var description: String?
  /// Bytes that at most were kept of each packet; 0 stands for no limit.
  public var snapLength: Int
  public var resolution: Resolution
  /// Packets that the interface received and those it lost, by the last statistics block that tells it so far.
  public var received: UInt64?
  public var dropped: UInt64?
  /// Packets that packet blocks say were lost between them and those before; nil if none says.
  public var lostBetweenPackets: UInt64?

  public init(
    index: Int, linkType: LinkType, name: String? = nil, description: String? = nil, snapLength: Int = 0,
    resolution: Resolution, received: UInt64? = nil, dropped: UInt64? = nil, lostBetweenPackets: UInt64? = nil
  ) {
    self.index = index
    self.linkType = linkType
    self.name = name
    self.description = description
    self.snapLength = snapLength
    self.resolution = resolution
    self.received = received
    self.dropped = dropped
    self.lostBetweenPackets = lostBetweenPackets
  }
}

/// What a capture file says of a frame.
public struct FrameInfo: Sendable, Equatable {
  public enum Direction: UInt8, Sendable { case unknown, inbound, outbound }

  /// The index of the frame's interface in ``CaptureFileReader/interfaces``.
  public var interface: Int
  public var linkType: LinkType
  /// Nanoseconds since 1970, finer parts cut off; nil where the file has no time (pcapng's simple packet block).
  public var time: Int64?
  /// Bytes of the frame that are in the file.
  public var capturedLength: Int
  /// Bytes of the frame on the wire: at least `capturedLength`.
  public var originalLength: Int
  /// Towards the capturing host or away from it: by pcapng's flags, or by the header of a cooked capture.
  public var direction: Direction
  /// The kernel's number of the device, which only cooked captures of version 2 have in each frame.
  public var deviceIndex: UInt32?

  public init(
    interface: Int, linkType: LinkType, time: Int64?, capturedLength: Int, originalLength: Int,
    direction: Direction = .unknown, deviceIndex: UInt32? = nil
  ) {
    self.interface = interface
    self.linkType = linkType
    self.time = time
    self.capturedLength = capturedLength
    self.originalLength = originalLength
    self.direction = direction
    self.deviceIndex = deviceIndex
  }
}
