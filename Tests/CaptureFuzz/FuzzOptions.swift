/// What the command line asks for.
struct FuzzOptions {
  var seed: UInt64 = 1
  var inputs: UInt64 = 1_000_000
  var seconds: UInt64?
  var only: UInt64?
  var folder = "."
  var showsHelp = false

  struct Problem: Error { var text: String }

  static let help = """
    Usage: capture-fuzz [--seed N] [--inputs N] [--seconds N] [--only N] [--save FOLDER]

    Makes broken frames and capture files out of valid ones and has them decoded and read.
      --seed N       which inputs: the same for the same number (1)
      --inputs N     how many (1000000)
      --seconds N    stop after that time at the latest
      --only N       input N alone, as a failure has named it
      --save FOLDER  where an input that fails is saved (.)
    An input fails if it crashes, hangs, takes too much time or memory, or contradicts itself. The exit code is then 1,
    or that of the signal.
    """

  init(_ arguments: ArraySlice<String>) throws(Problem) {
    var rest = arguments
    while let flag = rest.popFirst() {
      switch flag {
      case "--seed": seed = try Self.number(flag, rest.popFirst())
      case "--inputs": inputs = try Self.number(flag, rest.popFirst())
      case "--seconds": seconds = try Self.number(flag, rest.popFirst(), upTo: 1_000_000_000)
      case "--only": only = try Self.number(flag, rest.popFirst(), upTo: .max - 1)
      case "--save":
        guard let value = rest.popFirst() else { throw Problem(text: "--save needs a folder") }
        folder = value
      case "--help", "-h": showsHelp = true
      default: throw Problem(text: "unknown argument '\(flag)'\n\(Self.help)")
      }
    }
    guard inputs > 0 else { throw Problem(text: "--inputs needs a number from 1 on") }
  }

  private static func number(
    _ flag: String, _ text: String?, upTo limit: UInt64 = .max
  ) throws(Problem) -> UInt64 {
    guard let text, let value = UInt64(text), value <= limit else {
      throw Problem(text: "\(flag) needs a whole number, not '\(text ?? "")'")
    }
    return value
  }
}
