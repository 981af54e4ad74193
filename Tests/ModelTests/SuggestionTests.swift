import Testing

@testable import Model

@Suite("A suggestion")
struct SuggestionTests {
  private static let environments = ["native", "netns", "veth", "bridge", "overlayfs-ext4"]

  @Test(
    "is the nearest valid word",
    arguments: [
      ("brigde", "bridge"), ("Bridge", "bridge"), ("bridges", "bridge"), ("nativ", "native"), ("netn", "netns"),
      ("vteh", "veth"), ("overlayfs-etx4", "overlayfs-ext4"), ("ovrelayfsext4", "overlayfs-ext4"), ("veth", "veth"),
    ])
  func near(_ word: String, _ expected: String) {
    #expect(Suggestion.nearest(to: word, among: Self.environments) == expected)
  }

  @Test("is not made for a word that is no slip of the hand", arguments: ["", "docker", "xyz", "nnnnnn", "wireguard"])
  func far(_ word: String) {
    #expect(Suggestion.nearest(to: word, among: Self.environments) == nil)
  }

  @Test("goes to the earlier of two that are as near")
  func tie() {
    #expect(Suggestion.nearest(to: "cat", among: ["bat", "car"]) == "bat")
    #expect(Suggestion.nearest(to: "cat", among: ["car", "bat"]) == "car")
    #expect(Suggestion.nearest(to: "cat", among: [String]()) == nil)
  }

  @Test(
    "counts insertions, deletions, substitutions and swaps of neighbours",
    arguments: [
      ("", "", 0), ("", "abc", 3), ("abc", "", 3), ("abc", "abc", 0), ("abc", "acb", 1), ("abc", "abd", 1),
      ("abc", "ab", 1), ("kitten", "sitting", 3), ("ca", "abc", 3),
    ])
  func distance(_ a: String, _ b: String, _ expected: Int) {
    #expect(Suggestion.editDistance(a, b) == expected)
    #expect(Suggestion.editDistance(b, a) == expected)
  }
}
