public import Model

/// A store of images in which one application is rebuilt again and again.
public protocol ImageStore {
  /// How it was made on this host, each a phrase.
  var details: [String] { get }
  /// Builds the image anew, with other bytes in its application, and gives it the name that the one before had.
  /// - Parameter number: of the rebuild, from 1.
  func rebuild(_ number: Int) throws(UserError)
  /// Removes what no image with a name uses any more.
  func prune() throws(UserError)
  func usage() throws(UserError) -> ImageUsage
}
