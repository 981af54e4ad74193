internal import CLinux
internal import Glibc

/// What a file takes on its file system.
public struct FileExtents: Sendable, Hashable {
  /// Bytes that the file system has set aside for the file's data (`st_blocks`); a hole takes none. What is shared with
  /// another file counts in each, and so does what is set aside ahead of further writes: XFS does so, by 128 KiB at once
  /// for a shared block that is written to, and takes it back minutes later.
  public var allocated: UInt64
  /// Bytes of extents that the file system says it shares with another file, a snapshot or itself
  /// (FIEMAP_EXTENT_SHARED); nil where it does not tell of extents, as tmpfs.
  public var shared: UInt64?
  /// How many extents there are, as the file system tells them; nil as ``shared``.
  public var extents: Int?
  /// Where on the device the extents lie, in bytes, in the file's order; nil as ``shared``. What has no place yet (data
  /// that is still to be written back) is not among them.
  public var places: [Range<UInt64>]?
  /// Bytes that have no place yet.
  public var unplaced: UInt64 = 0

  public init(
    allocated: UInt64, shared: UInt64? = nil, extents: Int? = nil, places: [Range<UInt64>]? = nil, unplaced: UInt64 = 0
  ) {
    self.allocated = allocated
    self.shared = shared
    self.extents = extents
    self.places = places
    self.unplaced = unplaced
  }

  /// Asks the file system (kernel: Documentation/filesystems/fiemap.rst). Takes time: not to be called in a measured
  /// window.
  /// - Parameter isSynced: whether dirty data are written back first: only then is it decided where they lie.
  public init(of descriptor: borrowing Descriptor, isSynced: Bool = true) throws(SystemError) {
    try self.init(of: descriptor.rawValue, isSynced: isSynced)
  }

  /// The same of a descriptor that somebody else owns.
  public init(of fd: Int32, isSynced: Bool = true) throws(SystemError) {
    let map = UnsafeMutableRawPointer.allocate(
      byteCount: MemoryLayout<fiemap>.size + Self.page * MemoryLayout<fiemap_extent>.stride,
      alignment: MemoryLayout<fiemap>.alignment)
    defer { map.deallocate() }
    let header = map.bindMemory(to: fiemap.self, capacity: 1)
    let list = (map + MemoryLayout<fiemap>.size).bindMemory(to: fiemap_extent.self, capacity: Self.page)
    var (start, shared, extents, isKnown): (UInt64, UInt64, Int, Bool) = (0, 0, 0, true)
    var places: [Range<UInt64>] = []
    var unplaced: UInt64 = 0
    paging: while true {
      let count: Int32
      do throws(SystemError) {
        count = try systemCall("FIEMAP") { clinux_fiemap(fd, header, start, UInt32(Self.page), isSynced ? 1 : 0) }
      } catch {
        guard error.code == EOPNOTSUPP || error.code == ENOTTY else { throw error }
        isKnown = false
        break
      }
      for index in 0..<Int(count) {
        let extent = list[index]
        extents += 1
        if extent.fe_flags & UInt32(FIEMAP_EXTENT_SHARED) != 0 { shared += extent.fe_length }
        if extent.fe_flags & UInt32(FIEMAP_EXTENT_UNKNOWN) != 0 {
          unplaced += extent.fe_length
        } else {
          places.append(extent.fe_physical..<extent.fe_physical + extent.fe_length)
        }
        start = extent.fe_logical + extent.fe_length
        if extent.fe_flags & UInt32(FIEMAP_EXTENT_LAST) != 0 { break paging }
      }
      if count == 0 { break }
    }
    // After FIEMAP: what was dirty has its blocks now.
    let allocated = try FileStatus(of: fd).allocated
    self.init(
      allocated: allocated, shared: isKnown ? shared : nil, extents: isKnown ? extents : nil,
      places: isKnown ? places : nil, unplaced: unplaced)
  }

  /// Bytes of this file that lie elsewhere than any of `other`: what was copied, or written anew, since `other` was asked
  /// for; nil where the file system does not tell of extents. Both must be of one device.
  public func bytes(notIn other: FileExtents) -> UInt64? {
    guard let places, let others = other.places else { return nil }
    return places.reduce(unplaced) { sum, place in
      // One extent after another of a file that lies in few pieces: no need to be clever.
      let common = others.reduce(UInt64(0)) { common, other in
        let overlap = place.clamped(to: other)
        return common + UInt64(overlap.count)
      }
      return sum + UInt64(place.count) - common
    }
  }

  /// Extents that are asked for at once.
  private static let page = 512
}
