/// A claim of the article, as `claims.yaml` says it: what every scenario that measures it has in common.
public struct ArticleClaim: Codable, Sendable, Equatable {
  /// The stable id, e.g. `net-hop`.
  public var id: String
  /// The article's section that makes the claim, by name.
  public var section: String
  /// The claim in our own words.
  public var statement: String
  /// What it is held against; nil where that has not been laid down, which only an open claim may lack.
  public var rule: Rule?
  /// What others have published on the same question.
  public var published: [ClaimSpec.Published]
  /// Why no scenario of this version measures it; nil where one does.
  public var open: String?

  /// When the claim holds, apart from where it is measured.
  public struct Rule: Codable, Sendable, Equatable {
    public var metric: Metric
    public var quantity: ClaimSpec.Quantity
    /// See ``ClaimSpec/region``.
    public var region: ClaimRegion
    /// See ``ClaimSpec/margin``.
    public var margin: Double

    public init(metric: Metric, quantity: ClaimSpec.Quantity, region: ClaimRegion, margin: Double) {
      self.metric = metric
      self.quantity = quantity
      self.region = region
      self.margin = margin
    }
  }

  public init(
    id: String, section: String, statement: String, rule: Rule?, published: [ClaimSpec.Published] = [],
    open: String? = nil
  ) {
    self.id = id
    self.section = section
    self.statement = statement
    self.rule = rule
    self.published = published
    self.open = open
  }
}
