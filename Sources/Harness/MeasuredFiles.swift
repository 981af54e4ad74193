internal import Environments
internal import Foundation
internal import Model
internal import WorkerProtocol

/// All that was read around one trial on files.
struct MeasuredFiles {
  var started: Date
  var result: StorageResult
  var samples: [StoragePhase: [UInt64]]
  /// Bytes that were written to the block device; of copy-up, in its first part alone.
  var device: UInt64?
  /// Why that is not known.
  var deviceObjection: String?
  var noise: TrialNoise
}

extension BuiltStorage {
  /// Whether the worker worked where the environment says: on its file system, and through to its block device.
  func attest(_ measured: MeasuredFiles) -> Attestation {
    var failures: [String] = []
    if let found = measured.result.fileSystem {
      if found != fileSystem {
        failures.append("the worker's directory is on \(found), where it is declared to be on \(fileSystem)")
      }
    } else {
      failures.append("the worker could not tell what its directory is on")
    }
    // What was synced must have passed the device.
    if isDurable, let written = measured.result.bytesWritten, let device = measured.device, device < written {
      failures.append("\(device) bytes reached the block device, where \(written) were written and synced")
    }
    return Attestation(hops: [], failures: failures)
  }
}
