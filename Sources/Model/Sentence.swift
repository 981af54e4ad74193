/// Small services to prose that is put together from parts.
public enum Sentence {
  /// With a full stop, unless it has an end already: reasons of others come with one and without.
  public static func ended(_ text: String) -> String {
    text.isEmpty || [".", "!", "?", "…"].contains(where: text.hasSuffix) ? text : "\(text)."
  }
}
