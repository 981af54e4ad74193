/// time = a + b · size, of one metric in one environment, through workloads that differ in the size of their files alone.
public struct LineResult: Codable, Sendable, Equatable {
  /// One size.
  public struct Point: Codable, Sendable, Equatable {
    public var workload: String
    /// Bytes of a file.
    public var size: Int
    /// The median over the blocks, in the metric's unit.
    public var median: Double
    /// The smallest and the largest value of a block.
    public var low: Double
    public var high: Double
    /// How many writes of 4 KiB, to the disk and in the plain file system, take as long as the first opening for writing
    /// takes beyond that in the plain file system; nil where it takes no longer, or there is nothing to compare with.
    public var breakEvenWrites: Double?

    enum CodingKeys: String, CodingKey {
      case workload, size, median, low, high
      case breakEvenWrites = "break_even_writes"
    }

    public init(
      workload: String, size: Int, median: Double, low: Double, high: Double, breakEvenWrites: Double? = nil
    ) {
      self.workload = workload
      self.size = size
      self.median = median
      self.low = low
      self.high = high
      self.breakEvenWrites = breakEvenWrites
    }
  }

  public var environment: String
  public var metric: Metric
  public var unit: Metric.Unit
  /// Ascending by size.
  public var points: [Point]
  /// a, in the metric's unit.
  public var intercept: IntervalEstimate?
  /// b, in the metric's unit for each byte.
  public var slope: IntervalEstimate?
  /// Why there is no line, or why nothing may be concluded from it.
  public var note: String?

  public init(
    environment: String, metric: Metric, points: [Point], intercept: IntervalEstimate? = nil,
    slope: IntervalEstimate? = nil, note: String? = nil
  ) {
    self.environment = environment
    self.metric = metric
    unit = metric.unit
    self.points = points
    self.intercept = intercept
    self.slope = slope
    self.note = note
  }
}
