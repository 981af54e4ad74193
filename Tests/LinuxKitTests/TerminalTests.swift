import Glibc
import LinuxKit
import Testing

@Suite("A terminal")
struct TerminalTests {
  @Test("a pipe, a file and a closed descriptor are none")
  func none() throws {
    let pipe = try Descriptor.pipe()
    let file = try Descriptor.open("/dev/null", O_RDWR)
    for number in [pipe.reading.rawValue, pipe.writing.rawValue, file.rawValue, -1] {
      #expect(!Terminal.isTerminal(number))
      #expect(Terminal.columns(of: number) == nil)
    }
  }

  @Test("tells its width, unless it has none")
  func width() throws {
    // Both ends of a pseudo-terminal, by the calls that posix_openpt(3), unlockpt(3) and ptsname(3) consist of.
    let controller = try Descriptor.open("/dev/ptmx", O_RDWR | O_NOCTTY)
    var locked: Int32 = 0
    #expect(ioctl(controller.rawValue, UInt(0x4004_5431) /* TIOCSPTLCK */, &locked) == 0)
    var index: UInt32 = 0
    #expect(ioctl(controller.rawValue, UInt(0x8004_5430) /* TIOCGPTN */, &index) == 0)
    let terminal = try Descriptor.open("/dev/pts/\(index)", O_RDWR | O_NOCTTY)
    #expect(Terminal.isTerminal(terminal.rawValue))
    #expect(Terminal.columns(of: terminal.rawValue) == nil)
    // struct winsize: rows, columns, and two sizes in pixels.
    var size: [UInt16] = [25, 132, 0, 0]
    #expect(ioctl(controller.rawValue, UInt(TIOCSWINSZ), &size) == 0)
    #expect(Terminal.columns(of: terminal.rawValue) == 132)
  }
}
