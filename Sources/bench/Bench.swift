internal import Commands
internal import Foundation

@main
struct Bench {
  static func main() {
    exit(Program.main(Array(CommandLine.arguments.dropFirst())))
  }
}
