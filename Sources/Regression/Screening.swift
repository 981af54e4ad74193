public import Model

/// To be written.
public enum Screening {}
